// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';

import { scene, visit } from './scene.mjs';
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
  const begun = Date.now();
  const from = await position(page);
  await page.waitForTimeout(6000);
  const speed = (await position(page) - from) / ((Date.now() - begun) / 1000);
  assert.ok(speed > 1.35, `it plays at ${speed}, not at 1.5 times`);
  for (const to of [120, 200, 330, 60, 450]) {
    await seek(page, to);
    await playsPast(page, to + 1);
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
  assert.ok(copied.parts > 100 && copied.seconds > 60, `${copied.seconds} s of ${copied.parts} parts: the test is blind`);
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
