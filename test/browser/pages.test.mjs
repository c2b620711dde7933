// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { accessible, fits } from './axe.mjs';
import { openWindow, picture, scene, visit, visitSigningIn } from './scene.mjs';
import { chromium, opens, playsPast, position, pressPlay, story } from './story.mjs';

/** A small copy of the picture that the video shows now. */
function frame(page) {
  return page.$eval('video', (video) => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [64, 36];
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0, 64, 36);
    return [...context.getImageData(0, 0, 64, 36).data];
  });
}

/** The share of colour values that differ clearly between two pictures. */
function difference(a, b) {
  return a.filter((value, i) => Math.abs(value - b[i]) > 16).length / a.length;
}

story('a viewer watches: the picture moves and seeking works', async (page) => {
  await visit(page, 'participant', scene.recording);
  await page.getByRole('heading', { level: 1, name: scene.title }).waitFor();
  await picture(page, 'recording-viewer');
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  await playsPast(page, 1);
  const first = await frame(page);
  assert.ok(new Set(first).size > 10, 'the picture is blank');
  await playsPast(page, (await position(page)) + 1);
  assert.ok(difference(first, await frame(page)) > 0.01, 'the picture does not move');
  await picture(page, 'recording-playing');

  await page.$eval('video', (video, to) => { video.currentTime = to; }, scene.seconds - 6);
  await playsPast(page, scene.seconds - 5);
  assert.ok((await position(page)) < scene.seconds, 'seeking led to the end');
  const length = await page.$eval('video', (video) => video.duration);
  assert.ok(Math.abs(length - scene.seconds) < 0.5, `the video is ${length} s long, not ${scene.seconds}`);
});

story('R8 a viewer has no way to the file', async (page) => {
  await visit(page, 'participant', scene.recording);
  assert.equal(await page.locator('[data-download]').count(), 0, 'there is a download button');
  await page.getByText('You may not download this recording.').waitFor();
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  await playsPast(page, 0.5);
  assert.match(await page.$eval('video', (video) => video.currentSrc), /^blob:/, 'the video has an address of its own');
  const answers = await page.evaluate(async (path) => {
    const tries = [`${path}/download`, path, `${path}/media`, `${path}/file.mp4`].map(async (url) => {
      const response = await fetch(url, { headers: { accept: 'video/mp4' } });
      return `${response.status} ${response.headers.get('content-type')}`;
    });
    return Promise.all(tries);
  }, scene.recording);
  assert.ok(answers.every((answer) => !answer.includes('video')), `some route gives a video: ${answers}`);
  assert.match(answers[0], /^403 /);
});

story('a host downloads the file', async (page) => {
  await visit(page, 'host', scene.recording);
  await picture(page, 'recording-host');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download' }).click()]);
  assert.equal(download.suggestedFilename(), `${scene.title}.mp4`);
  const content = await readFile(await download.path());
  assert.equal(createHash('sha256').update(content).digest('hex'), scene.fileSHA256);
});

story('R12 a stranger learns nothing', async (page) => {
  const response = await visitSigningIn(page, 'external', scene.recording);
  assert.equal(response.status(), 404);
  const words = await page.locator('main').innerText();
  assert.ok(!words.includes(scene.title), 'the page names the recording');
  await picture(page, 'refusal');
  await page.locator('main').getByRole('link', { name: 'My recordings' }).click();
  await page.getByText('There is no recording that you may watch.').waitFor();
});

story('R33 the pages speak Chinese', async (page) => {
  await visit(page, 'host', scene.recording);
  assert.equal(await page.locator('html').getAttribute('lang'), 'zh-Hans');
  await page.getByRole('link', { name: '下载' }).waitFor();
  await picture(page, 'recording-chinese-dark');
  await page.goto('/');
  await page.getByRole('heading', { name: '我的录制' }).waitFor();
  await picture(page, 'list-chinese-dark');
}, { locale: 'zh-CN', colorScheme: 'dark' });

story('R33 a refusal speaks Chinese', async (page) => {
  await visit(page, 'external', scene.recording);
  await page.getByText('没有此录制').waitFor();
}, { locale: 'zh-CN', viewport: { width: 390, height: 800 } });

story('R19 a link with a password leads to the recording', async (page) => {
  await visitSigningIn(page, 'internal', scene.link);
  await page.getByLabel('Password').fill('a guess');
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByText('That is not the password.').waitFor();
  await picture(page, 'password');
  await page.getByLabel('Password').fill(scene.password);
  await page.getByRole('button', { name: 'Open' }).click();
  await page.waitForURL(scene.url + scene.shared);
  await page.getByRole('link', { name: 'Download' }).waitFor();
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  await playsPast(page, 0.5);
});

story('R20 the same link is worth nothing to somebody else', async (page) => {
  const response = await visitSigningIn(page, 'external', scene.link);
  assert.equal(response.status(), 404);
});

/** How wide a picture is that the browser has loaded; 0 for one that did not come. */
const widthOf = (picture) => picture.evaluate(async (img) => img.decode().then(() => img.naturalWidth, () => 0));

story('small pictures show what there is: in the list, before it plays, and over the seek bar', async (page) => {
  await visit(page, 'host', scene.recording);
  await page.goto('/');
  assert.equal(await widthOf(page.locator(`a[href="${scene.recording}"] img`)), 480);
  await page.goto(scene.recording);
  const before = await page.$eval('video', ({ poster }) => poster);
  assert.equal(before, `${scene.url}${scene.recording}/poster`);
  await pressPlay(page);
  await playsPast(page, 0.5);
  const seek = page.getByRole('slider', { name: 'Position' });
  const { x, y, width, height } = await seek.boundingBox();
  const shown = [];
  for (const part of [0.001, 0.5, 0.999]) {
    await page.mouse.move(x + part * width, y + height / 2);
    await page.locator('.preview .frame').waitFor();
    const box = await page.locator('.preview').boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= x + width + 20, 'the preview sticks out of the player');
    shown.push(await page.locator('.preview').evaluate((element) => `${element.innerText.trim()} ${element.querySelector('img').style.translate}`));
    if (part === 0.5) await picture(page, 'seek-preview');
  }
  assert.deepEqual(shown, ['0:00 0px', '0:10 -800px', '0:20 -1440px']);
  assert.equal(await widthOf(page.locator('.preview img')), 1600);
  await page.mouse.move(x, y - 200);
  await page.locator('.preview').waitFor({ state: 'hidden' });
});

story('R32 where the picture has to carry who watches, no picture without that is shown', async (page) => {
  await visit(page, 'host', scene.recording);
  await page.goto('/');
  await page.locator(`a[href="${scene.watermarked}"]`).waitFor();
  assert.equal(await page.locator(`a[href="${scene.watermarked}"] img`).count(), 0);
  await page.goto(scene.watermarked);
  assert.equal(await page.$eval('video', ({ poster }) => poster), '');
  const answers = await page.evaluate(async (path) => {
    const view = await (await fetch(`${path}/sessions`, { method: 'POST', body: new URLSearchParams() })).json();
    const sheet = await fetch(new URL('previews', new URL(view.playlist, location.href)));
    return [view.previews, sheet.status, (await fetch(`${path}/poster`)).status];
  }, scene.watermarked);
  assert.deepEqual(answers, [null, 404, 404]);
});

/** What stands over the picture: captions that are shown, and cues of theirs. */
const captionsOf = (page) => page.$eval('video', ({ textTracks }) => [...textTracks].filter(({ mode }) => mode === 'showing')
  .map((track) => [track.kind, track.language, ...[...(track.activeCues ?? [])].map((cue) => cue.getCueAsHTML().textContent)]));

/** Waits until a cue is shown. */
const says = (page, text) => page.waitForFunction((wanted) => [...document.querySelector('video').textTracks]
  .some(({ mode, activeCues }) => mode === 'showing' && [...(activeCues ?? [])].some((cue) => cue.text === wanted)), text);

story('captions are shown where there are any, in the language that was chosen last', async (page) => {
  await visit(page, 'host', scene.recording);
  await pressPlay(page);
  await playsPast(page, 0.5);
  const button = page.getByRole('button', { name: 'Captions' });
  assert.equal(await button.getAttribute('aria-pressed'), 'false');
  assert.deepEqual(await captionsOf(page), []);
  await button.click();
  await says(page, 'Good morning &amp; welcome');
  assert.deepEqual(await captionsOf(page), [['captions', 'en', 'Good morning & welcome']]);
  assert.equal(await button.getAttribute('aria-pressed'), 'true');
  await picture(page, 'captions');
  await page.getByLabel('Language of captions').selectOption({ label: '简体' });
  await says(page, '早上好');
  assert.deepEqual(await captionsOf(page), [['captions', 'zh', '早上好']]);
  await page.reload();
  await pressPlay(page);
  await says(page, '早上好');
  await page.keyboard.press('c');
  await page.waitForFunction(() => [...document.querySelector('video').textTracks].every(({ mode }) => mode !== 'showing'));
  await page.locator('.controls select', { hasText: '简体' }).waitFor({ state: 'hidden' });
});

story('where there are no captions, there is no button for them', async (page) => {
  await visit(page, 'participant', scene.long);
  await pressPlay(page);
  await playsPast(page, 0.5);
  await page.getByLabel('Speed').waitFor();
  assert.equal(await page.locator('.control.captions').isVisible(), false);
  assert.equal(await page.locator('track').count(), 0);
});

story('R32 the picture carries who watches', async (page) => {
  await visit(page, 'participant', scene.watermarked);
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  await playsPast(page, 0.5);
  await page.locator('.watermark', { hasText: scene.accounts.participant.email }).waitFor();
  await picture(page, 'recording-watermark');
});

story('signing out ends the session', async (page) => {
  await visitSigningIn(page, 'participant', scene.recording);
  await page.getByRole('button', { name: 'Sign out' }).click();
  // The provider was not told by an ID token whom it is about, and asks.
  await page.waitForURL(`${scene.issuer}/session/end?**`);
  await page.getByRole('button', { name: 'Yes, sign me out' }).click();
  await page.waitForURL(`${scene.url}/`);
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  await picture(page, 'welcome');
  assert.equal((await page.request.get(`${scene.recording}/state`)).status(), 404);
});

story('who signs out everywhere is signed out in another browser too', async (page) => {
  const other = await openWindow(chromium.browser);
  await visitSigningIn(other.page, 'leaver', '/inbox');
  await visitSigningIn(page, 'leaver', '/inbox');
  await page.locator('summary', { hasText: 'Quinn' }).click();
  await accessible(page);
  await fits(page);
  await picture(page, 'sign-out-everywhere');
  await page.getByRole('button', { name: 'Sign out everywhere' }).click();
  await page.waitForURL(`${scene.issuer}/session/end?**`);
  await opensNoMore(other.page, '/inbox');
  assert.equal((await other.page.goto('/inbox')).status(), 401);
  await other.page.getByRole('heading', { level: 1, name: 'Sign in to go on' }).waitFor();
  await picture(other.page, 'sign-in');
  await other.context.close();
});

/** Waits until a page is not shown any more. */
async function opensNoMore(page, path) {
  for (const limit = Date.now() + 5000; (await page.request.get(path)).ok();) {
    assert.ok(Date.now() < limit, `${path} is still shown`);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}

story('a phone shows the page without scrolling sideways', async (page) => {
  await visit(page, 'host', scene.recording);
  await fits(page);
  await picture(page, 'recording-phone');
}, { viewport: { width: 360, height: 740 } });


story('the player is worked with the keyboard', async (page) => {
  await visit(page, 'participant', scene.recording);
  await page.getByRole('button', { name: 'Play', exact: true }).press('Enter');
  await playsPast(page, 0.5);
  const state = (key) => page.$eval('video', (video, name) => video[name], key);
  await page.getByRole('button', { name: 'Pause' }).focus();
  await page.keyboard.press('k');
  assert.equal(await state('paused'), true, 'k does not pause');
  await page.keyboard.press('m');
  assert.equal(await state('muted'), true, 'm does not mute');
  await page.keyboard.press('>');
  assert.equal(await state('playbackRate'), 1.25, '> does not speed up');
  const before = await position(page);
  await page.keyboard.press('l');
  await page.waitForFunction((from) => document.querySelector('video').currentTime > from + 5, before);
  await page.getByRole('slider', { name: 'Position' }).focus();
  await page.keyboard.press('Home');
  await page.waitForFunction(() => document.querySelector('video').currentTime < 1);
  await page.getByLabel('Speed').selectOption('1.5');
  assert.equal(await state('playbackRate'), 1.5);
  assert.deepEqual(await page.getByLabel('Speed').locator('option').evaluateAll((options) => options.map((option) => Number(option.value)).filter((speed) => speed > 1.5)), [], 'faster than the policy allows');
  await accessible(page);
  await picture(page, 'player-controls');
});

story('R22 R25 a colleague is refused and asks, a host shares and takes it back, deletes and undoes it', async (page, context) => {
  await visit(page, 'internal', scene.story);
  await page.getByText('You may not watch this recording.').waitFor();
  await page.getByLabel('Why').fill('I was ill that day');
  await page.getByRole('button', { name: 'Send the request' }).click();
  await page.getByText('Your request is on its way').waitFor();
  await picture(page, 'asked');

  const host = await openWindow(chromium.browser);
  await visit(host.page, 'host', scene.story);
  await host.page.getByRole('link', { name: 'Requests' }).click();
  const request = host.page.locator('.request', { has: host.page.locator(`a[href="${scene.story}"]`) });
  await request.getByText('I was ill that day').waitFor();
  await request.getByLabel('Message').fill('Take care');
  await request.getByRole('button', { name: 'Approve' }).click();
  await request.waitFor({ state: 'detached' });

  // The controllers turn the approval into a grant, and the recording is in the list of whoever asked.
  await opens(page, scene.story);
  await page.goto('/');
  await page.locator(`a[href="${scene.story}"]`).click();
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  await playsPast(page, 0.5);
  await picture(page, 'approved-and-watched');

  await host.page.goto(scene.story);
  await host.page.getByLabel('E-mail address or name').fill(scene.accounts.internal.email);
  await host.page.getByRole('button', { name: 'Share', exact: true }).click();
  const link = await host.page.getByLabel('Link').inputValue();
  assert.match(link, new RegExp(`^${scene.url}/g/`));
  await accessible(host.page);
  await picture(host.page, 'shared-link');
  await host.page.getByRole('link', { name: 'Back' }).click();
  const grant = host.page.locator('.grants li', { hasText: scene.accounts.internal.email, has: host.page.getByRole('button', { name: 'Revoke' }) });
  await grant.waitFor();
  assert.ok(!(await host.page.content()).includes(link), 'the link is shown again');
  await picture(host.page, 'shared');
  await grant.getByRole('button', { name: 'Revoke' }).click();
  await grant.waitFor({ state: 'detached' });

  await host.page.getByRole('button', { name: 'Move to the trash' }).click();
  await host.page.waitForURL(`${scene.url}/trash`);
  const entry = host.page.locator('li', { has: host.page.locator(`form[action="${scene.story}/restore"]`) });
  await entry.getByRole('button', { name: 'Restore' }).click();
  await host.page.waitForURL(scene.url + scene.story);
  await host.page.getByRole('button', { name: 'Play', exact: true }).waitFor();
  assert.deepEqual(host.troubles, [], 'something went wrong unseen in the host\'s window');
  await host.context.close();
});

story('R33 the language and the appearance are chosen without script', async (page) => {
  await page.goto('/');
  await page.getByText('Display').click();
  await page.getByRole('button', { name: '简体中文' }).click();
  await page.getByRole('heading', { name: '会议录制' }).waitFor();
  await page.getByText('显示').click();
  await page.getByRole('button', { name: '深色' }).click();
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
  assert.equal(await page.locator('html').getAttribute('lang'), 'zh-Hans');
}, { javaScriptEnabled: false });

story('the first view of a recording page is light', async (page) => {
  await visit(page, 'host', scene.recording);
  const cold = await page.context().newCDPSession(page);
  await cold.send('Network.setCacheDisabled', { cacheDisabled: true });
  await cold.send('Network.enable');
  let bytes = 0;
  const own = new Set();
  cold.on('Network.responseReceived', ({ requestId, response }) => { if (response.url.includes('/assets/')) own.add(requestId); });
  cold.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => { if (own.has(requestId)) bytes += encodedDataLength; });
  await page.goto(scene.recording, { waitUntil: 'networkidle' });
  await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
  assert.ok(bytes > 50_000 && bytes < 250_000, `script and style take ${bytes} bytes`);
});
