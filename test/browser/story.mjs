// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, openWindow, picture } from './scene.mjs';

/** A browser for the stories of one file. */
export const chromium = { browser: undefined };
let running;
before(async () => {
  running = await launch();
  chromium.browser = running.browser;
});
after(() => running?.close());

/** Runs one story in a window of its own, and finds out what went wrong unseen. */
export function story(name, steps, options) {
  test(name, { timeout: 60_000 }, async () => {
    const { context, page, troubles } = await openWindow(chromium.browser, options);
    try {
      await steps(page, context);
      assert.deepEqual(troubles, [], 'something went wrong unseen');
    } catch (error) {
      await picture(page, `failed-${name.replace(/[^a-z0-9]+/gi, '-')}`);
      throw error;
    } finally {
      await context.close();
    }
  });
}

/** Where the video is, in seconds. */
export const position = (page) => page.$eval('video', (video) => video.currentTime);

/** Waits until playing has passed a position, in seconds. */
export async function playsPast(page, seconds) {
  await page.waitForFunction((past) => document.querySelector('video').currentTime > past, seconds, { timeout: 20_000 });
}

/** Waits until a page of the gateway is no refusal any more. waitForFunction would take a promise for an answer. */
export async function opens(page, path) {
  await page.evaluate(async ({ url, limit }) => {
    while (!(await fetch(url)).ok) {
      if (performance.now() > limit) throw new Error(`${url} is still refused`);
      await new Promise((resolve) => { setTimeout(resolve, 200); });
    }
  }, { url: path, limit: await page.evaluate(() => performance.now()) + 30_000 });
}

/** Presses play. */
export const pressPlay = (page) => page.getByRole('button', { name: 'Play', exact: true }).click();
