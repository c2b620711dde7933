// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { accessible, fits } from './axe.mjs';
import { launch, openWindow, picture, scene, visit } from './scene.mjs';

let chromium;
const signedIn = {};
before(async () => {
  chromium = await launch();
  for (const who of ['host', 'participant', 'internal', 'external', 'administrator']) {
    const { context, page } = await openWindow(chromium.browser);
    await visit(page, who, scene.recording);
    signedIn[who] = await context.storageState();
    await context.close();
  }
  await makeTraces();
});
after(() => chromium?.close());

/** Makes a request wait, something lie in the trash, and something be downloaded. */
async function makeTraces() {
  const ask = await openWindow(chromium.browser, { storageState: signedIn.internal });
  await ask.page.goto(scene.asked);
  await ask.page.getByLabel('Why').fill('I was ill that day, and I have to take over the customer.');
  await ask.page.getByRole('button', { name: 'Send the request' }).click();
  await ask.page.getByText('Your request is on its way').waitFor();
  await ask.context.close();
  const discard = await openWindow(chromium.browser, { storageState: signedIn.host });
  await discard.page.goto(scene.discarded);
  await discard.page.getByRole('button', { name: 'Move to the trash' }).click();
  await discard.page.getByRole('heading', { level: 1, name: 'Trash' }).waitFor();
  await discard.page.request.get(`${scene.recording}/download`);
  await discard.context.close();
}

/** Shares, whatever the page is called in its language. */
async function share(page) {
  await page.locator('#share-name').fill('frank@example.com');
  await page.locator('form:has(#share-name) button').click();
  await page.locator('#link').waitFor();
}

/** Plays until the controls are there, and points at the seek bar. */
async function play(page) {
  await page.locator('.player > button').click();
  await page.waitForFunction(() => document.querySelector('video').currentTime > 0.2);
  await page.locator('.controls .seek').hover();
  await page.locator('.preview .frame').waitFor();
}

/** Asks without a reason, and is told so. */
async function askForNothing(page) {
  await page.locator('#ask-reason').fill(' ');
  await page.locator('form:has(#ask-reason) button').click();
  await page.locator('[role=status]').waitFor();
}

/** Every page, and who sees it; then is what they do there, by which another one comes. */
const pages = {
  'welcome': { path: '/' },
  'sign-in': { path: scene.recording },
  'list': { who: 'host', path: '/' },
  'list-empty': { who: 'external', path: '/' },
  'recording-host': { who: 'host', path: scene.recording },
  'recording-processing': { who: 'host', path: scene.processing },
  'recording-shared': { who: 'host', path: scene.watermarked, then: share },
  'recording-playing': { who: 'host', path: scene.recording, then: play },
  'recording-participant': { who: 'participant', path: scene.recording },
  'refusal-known': { who: 'internal', path: scene.recording },
  'refusal-unknown': { who: 'external', path: scene.recording },
  'inbox': { who: 'host', path: '/inbox' },
  'inbox-empty': { who: 'external', path: '/inbox' },
  'trash': { who: 'host', path: '/trash' },
  'trash-empty': { who: 'external', path: '/trash' },
  'access-log': { who: 'host', path: `${scene.recording}/log` },
  'overview': { who: 'administrator', path: '/overview' },
  'password': { who: 'internal', path: scene.link },
  'notice': { who: 'internal', path: scene.recording, then: askForNothing },
  'open-link': { path: scene.open },
};

const languages = { english: 'en-GB', chinese: 'zh-CN' };
const sizes = { desktop: { width: 1280, height: 860 }, phone: { width: 360, height: 740 } };

// A browser that draws one guise waits for the gateway, or for axe, most of the time.
describe('every page in every guise', { concurrency: 2 }, () => {
  for (const [language, locale] of Object.entries(languages)) {
    for (const colorScheme of ['light', 'dark']) {
      for (const [size, viewport] of Object.entries(sizes)) {
        test(`R33 every page in ${language}, ${colorScheme}, on a ${size}`, { timeout: 180_000 }, async (t) => {
          for (const who of [undefined, ...Object.keys(signedIn)]) {
            const { context, page, troubles } = await openWindow(chromium.browser, { locale, colorScheme, viewport, storageState: signedIn[who] });
            for (const [name, { path, then }] of Object.entries(pages).filter(([, one]) => one.who === who)) {
              await t.test(name, async () => {
                await page.goto(path);
                await then?.(page);
                await picture(page, `${name}-${language}-${colorScheme}-${size}`);
                await accessible(page);
                await fits(page);
                assert.deepEqual(troubles.splice(0), [], 'something went wrong unseen');
              });
            }
            await context.close();
          }
        });
      }
    }
  }
});
