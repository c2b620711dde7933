// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { accessible } from './axe.mjs';
import { picture, scene, visit } from './scene.mjs';
import { playsPast, position, pressPlay, story } from './story.mjs';

/** Counts what the gateway answers to the player. */
function answersOf(page) {
  const answers = { given: 0, refused: 0, slow: 0 };
  page.on('requestfinished', async (request) => {
    if (!request.url().includes('/v/')) return;
    const response = await request.response();
    if (response.status() === 429) answers.refused += 1;
    else answers.given += 1;
    if (request.timing().responseStart > 1000) answers.slow += 1;
  });
  return answers;
}

const seek = (page, to) => page.$eval('video', (video, time) => { video.currentTime = time; }, to);

story('who watches at the fastest speed and looks around is not hindered by the pace', async (page) => {
  const answers = answersOf(page);
  await visit(page, 'participant', scene.long);
  await pressPlay(page);
  await playsPast(page, 1);
  await page.getByLabel('Speed').selectOption('1.5');
  await playsPast(page, await position(page) + 6);
  assert.equal(await page.$eval('video', (video) => video.playbackRate), 1.5);
  for (const to of [120, 330, 60]) {
    await seek(page, to);
    await playsPast(page, to + 4);
  }
  assert.ok(answers.given > 20, `only ${answers.given} answers: the test is blind`);
  assert.deepEqual([answers.refused, answers.slow], [0, 0], 'refused, slow');
});

story('R8 a script in the page cannot copy faster than somebody watches', async (page) => {
  await visit(page, 'participant', scene.long);
  const copied = await page.evaluate(async ({ path, limit }) => {
    const view = await (await fetch(`${path}/sessions`, { method: 'POST', body: new URLSearchParams() })).json();
    const playlist = await (await fetch(view.playlist)).text();
    const parts = [...playlist.matchAll(/#EXTINF:([\d.]+),\n#EXT-X-BYTERANGE:(\d+)@(\d+)/g)].map((m) => m.slice(1).map(Number));
    const media = new URL('media', new URL(view.playlist, location.href));
    const begun = performance.now();
    let seconds = 0;
    const whole = await fetch(media);
    await Promise.all(parts.map(async ([plays, bytes, offset]) => {
      const response = await fetch(media, { headers: { range: `bytes=${offset}-${offset + bytes - 1}` }, signal: AbortSignal.timeout(limit) }).catch(() => undefined);
      if (response?.status === 206 && (await response.arrayBuffer()).byteLength === bytes) seconds += plays;
    }));
    return { parts: parts.length, seconds, took: (performance.now() - begun) / 1000, whole: `${whole.status} ${whole.headers.has('retry-after')}` };
  }, { path: scene.long, limit: 10_000 });
  assert.ok(copied.parts > 100 && copied.seconds > 8, `${copied.seconds} s of ${copied.parts} parts: the test is blind`);
  assert.ok(copied.seconds < 180 + 1.5 * copied.took + 10, `${copied.seconds} s were copied in ${copied.took} s`);
  assert.equal(copied.whole, '429 true', 'the whole at once');
});

story('a recording of a direct store plays from the object store', async (page) => {
  const fromStore = [];
  const fromGateway = [];
  page.on('response', (response) => {
    if (response.url().startsWith(scene.objectStore)) fromStore.push(response.status());
    else if (response.url().includes('/v/')) fromGateway.push(new URL(response.url()).pathname.split('/').at(-1));
  });
  await visit(page, 'participant', scene.direct);
  await pressPlay(page);
  await playsPast(page, 1);
  await seek(page, scene.seconds - 4);
  await playsPast(page, scene.seconds - 3);
  assert.ok(fromStore.length >= 3 && fromStore.every((status) => status === 206), `the object store answers ${fromStore}`);
  assert.deepEqual([...new Set(fromGateway)].sort(), ['key', 'playlist.m3u8']);
}, { direct: true });

const attacks = {
  'it is removed': () => document.querySelector('.watermark').remove(),
  'it is hidden': () => { document.querySelector('.watermark').hidden = true; },
  'it is not displayed': () => { document.querySelector('.watermark').style.display = 'none'; },
  'it is made transparent': () => { document.querySelector('.watermark').style.opacity = '0.01'; },
  'it is moved out of the picture': () => { document.querySelector('.watermark').style.transform = 'translateX(-4000px)'; },
  'its class is taken': () => { document.querySelector('.watermark').className = ''; },
  'its words are changed': () => { document.querySelector('.watermark').textContent = 'somebody else'; },
  'the words of its node are changed': () => { document.querySelector('.watermark').firstChild.data = 'somebody else'; },
  'a rule makes it invisible': () => { document.styleSheets[0].insertRule('.watermark { color: transparent !important; text-shadow: none !important }'); },
  'a rule draws over it': () => { document.styleSheets[0].insertRule('.player::after { content: ""; position: absolute; inset: 0; background: #000; z-index: 9; pointer-events: none }'); },
  'a style sheet is adopted': () => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync('.watermark { font-size: 1px !important }');
    document.adoptedStyleSheets = [sheet];
  },
  'it is covered': () => {
    const cover = document.createElement('div');
    Object.assign(cover.style, { position: 'fixed', inset: '0', background: '#000', zIndex: '99', pointerEvents: 'none' });
    document.body.append(cover);
  },
  'the video is raised above it': () => { Object.assign(document.querySelector('video').style, { position: 'relative', zIndex: '99' }); },
  'the video is taken elsewhere': () => { document.body.append(document.querySelector('video')); },
  'its letters are made invisible': () => { document.querySelector('.watermark').style.webkitTextFillColor = 'transparent'; },
  'what it is in is masked': () => { document.querySelector('.player').style.maskImage = 'linear-gradient(transparent, transparent)'; },
  'the video alone goes into full screen': () => document.querySelector('video').requestFullscreen(),
};

/**
 * Those who watch side by side. Each of these stories mostly waits for a picture to go on, so several go on at once, each by somebody
 * else: one person's players would stop each other.
 */
const viewers = ['participant', 'host', 'creator'];
const sideBySide = { concurrency: viewers.length };

describe('watermarks that are tampered with', sideBySide, () => {
  Object.entries(attacks).forEach(([name, attack], i) => {
    const who = viewers[i % viewers.length];
    story(`R32 playing stops when the watermark is tampered with: ${name}`, async (page) => {
      await visit(page, who, scene.watermarked);
      await pressPlay(page);
      await playsPast(page, 1);
      await page.locator('.watermark', { hasText: scene.accounts[who].email }).waitFor();
      await page.evaluate(attack);
      await page.getByText('the mark over the picture was changed').waitFor({ timeout: 5000 });
      const video = await page.$eval('video', ({ paused, readyState }) => ({ paused, readyState }));
      assert.deepEqual([video.paused, video.readyState], [true, 0], 'the picture is still there');
    });
  });
});

/** What people do and have that must not stop them. Each is done in the page while the recording plays. */
const harmless = {
  'windows change, the page is scrolled, colours change': async (page) => {
    await page.setViewportSize({ width: 420, height: 800 });
    await playsOn(page);
    await page.evaluate(() => window.scrollTo(0, 300));
    await page.emulateMedia({ colorScheme: 'dark' });
    await playsOn(page);
    await page.setViewportSize({ width: 1200, height: 860 });
  },
  'full screen, a faster speed, a click on the mark': async (page) => {
    await page.getByLabel('Speed').selectOption('1.5');
    await page.getByRole('button', { name: 'Full screen' }).click();
    await page.waitForFunction(() => document.fullscreenElement !== null);
    await playsOn(page, 2);
    await page.mouse.move(500, 300);
    await page.locator('.watermark').click();
    await page.waitForFunction(() => document.querySelector('video').paused);
    await page.locator('.watermark').click();
    await playsOn(page);
    await page.evaluate(() => document.exitFullscreen());
  },
  'high contrast and reduced motion': async (page) => {
    await page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' });
    await playsOn(page, 3);
    await page.emulateMedia({ forcedColors: 'none', contrast: 'more' });
  },
  'the page is zoomed, pinched, or has large or small letters': async (page, context) => {
    for (const zoom of ['0.5', '2', '1']) {
      await page.evaluate((value) => { document.documentElement.style.zoom = value; }, zoom);
      await playsOn(page);
    }
    for (const size of ['9px', '40px', '']) {
      await page.evaluate((value) => { document.documentElement.style.fontSize = value; }, size);
      await playsOn(page);
    }
    const devtools = await context.newCDPSession(page);
    await devtools.send('Emulation.setPageScaleFactor', { pageScaleFactor: 3 });
  },
  'an extension for dark pages': async (page) => {
    await page.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync('html { filter: invert(90%) hue-rotate(180deg) } * { border-color: #345 !important } div { color: #e8e6e3b0 !important; text-shadow: none !important }');
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
      document.documentElement.dataset.scheme = 'dark';
      for (const element of document.querySelectorAll('*')) element.setAttribute('data-inline-color', '');
    });
  },
  'an extension that translates the page': async (page) => {
    await page.evaluate(() => {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      const texts = [];
      while (walker.nextNode()) texts.push(walker.currentNode);
      for (const text of texts.filter((node) => !node.parentElement.closest('[translate=no], script'))) {
        const font = document.createElement('font');
        text.replaceWith(font);
        font.append(text);
      }
    });
  },
  'an extension with a badge, a bubble, and a sheet that nobody sees': async (page) => {
    await page.evaluate(() => {
      const add = (style) => Object.assign(document.body.appendChild(document.createElement('div')).style, { position: 'fixed', zIndex: '2147483647', ...style });
      add({ inset: '0' }); // transparent, takes clicks
      add({ inset: '0', pointerEvents: 'none', background: 'rgba(255, 200, 0, 0.1)' }); // dyes all
      const { left, top } = document.querySelector('.player').getBoundingClientRect();
      add({ left: `${left}px`, top: `${top}px`, width: '90px', height: '24px', background: '#222' });
      const mark = document.querySelector('.watermark').getBoundingClientRect();
      add({ left: `${mark.left - 20}px`, top: `${mark.top - 20}px`, width: `${mark.width + 40}px`, height: `${mark.height + 40}px`, background: '#fff' });
    });
  },
  'another tab is in front for a while': async (page, context) => {
    const other = await context.newPage();
    await other.goto('about:blank');
    await other.bringToFront();
    await playsOn(page, 2);
    await page.bringToFront();
    await other.close();
  },
};

const playsOn = async (page, seconds = 1) => playsPast(page, await position(page) + seconds);

describe('watermarks that nobody tampers with', sideBySide, () => {
  Object.entries(harmless).forEach(([name, happens], i) => {
    story(`R32 a watermark stops nobody who only watches: ${name}`, async (page, context) => {
      await visit(page, viewers[i % viewers.length], scene.watermarked);
      await pressPlay(page);
      await playsPast(page, 1);
      await happens(page, context);
      await playsOn(page, 3);
      assert.equal(await page.locator('.watermark').count(), 1);
    });
  });
});

story('R32 a watermark lies in the picture on a phone, upright and in full screen', async (page) => {
  await visit(page, 'participant', scene.watermarked);
  await pressPlay(page);
  await playsPast(page, 1);
  await accessible(page);
  await page.evaluate(() => document.querySelector('.player').requestFullscreen());
  await playsOn(page, 3);
  const share = await page.evaluate(() => {
    const video = document.querySelector('video');
    const [mark, box] = [document.querySelector('.watermark').getBoundingClientRect(), video.getBoundingClientRect()];
    const height = video.videoHeight * Math.min(box.width / video.videoWidth, box.height / video.videoHeight);
    return [(mark.top - box.top - (box.height - height) / 2) / height, (mark.bottom - box.top - (box.height - height) / 2) / height, box.height / height];
  });
  assert.ok(share[0] >= 0 && share[1] <= 1, `the mark is from ${share[0]} to ${share[1]} of the picture`);
  assert.ok(share[2] > 2, 'the picture fills the screen: the test is blind');
  await picture(page, 'watermark-phone-fullscreen');
}, { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
