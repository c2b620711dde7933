// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';

import { accessible, fits } from './axe.mjs';
import { picture, scene } from './scene.mjs';
import { story } from './story.mjs';

const [own, partner] = scene.issuers;

/** Signs in at the provider that the page has led to. */
async function signInAt(page, issuer, who) {
  await page.waitForURL(`${issuer}/interaction/**`);
  await page.getByLabel('E-mail').fill(scene.accounts[who].email);
  await page.getByLabel('Password').fill(scene.accounts[who].password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

const guises = {
  'in English': { options: {}, title: 'Which account?' },
  'in Chinese, dark, on a phone': {
    options: { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 360, height: 740 } }, title: '选择账号',
  },
};

for (const [guise, { options, title }] of Object.entries(guises)) {
  story(`R23 people choose between the providers ${guise}`, async (page) => {
    await page.goto('/signin');
    await page.getByRole('heading', { level: 1, name: title }).waitFor();
    await accessible(page);
    await fits(page);
    await picture(page, `accounts-${guise.replace(/[^a-z]+/gi, '-')}`);
    await page.getByRole('button', { name: 'Partner Inc' }).click();
    await signInAt(page, partner, 'guest');
    await page.waitForURL(`${scene.partners}/`);
    await page.goto('/signin?switch=1');
    await page.getByRole('button', { name: 'Example Ltd' }).click();
    await signInAt(page, own, 'host');
    await page.waitForURL(`${scene.partners}/`);
    await page.goto('/inbox');
    assert.equal(new URL(page.url()).pathname, '/inbox', 'nobody is signed in');
  }, { baseURL: scene.partners, ...options });
}
