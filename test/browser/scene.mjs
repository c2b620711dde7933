// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

if (!process.env.REELKEEPER_SCENE) {
  throw new Error('these steps need a running gateway: start them with `go test ./test/browser`');
}

/** What browser_test.go has set up. */
export const scene = JSON.parse(process.env.REELKEEPER_SCENE);

const flags = [
  '--no-sandbox', // tests run as root in containers
  '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
];

/** Starts a browser. Call close on what it returns. */
export async function launch() {
  const profile = await mkdtemp(join(tmpdir(), 'reelkeeper-chromium-'));
  const browser = await chromium.launch({ executablePath: scene.chromium, args: flags, env: { ...process.env, HOME: profile } });
  return {
    browser,
    close: async () => {
      await browser.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/**
 * Opens a fresh window, as nobody. What goes wrong unseen (errors on the console, broken content security policy, requests
 * to anybody but the gateway and the identity provider, and where the story says so the object store) is kept in troubles.
 */
export async function openWindow(browser, { direct = false, ...options } = {}) {
  const context = await browser.newContext({ baseURL: scene.url, locale: 'en-GB', viewport: { width: 1200, height: 860 }, ...options });
  const page = await context.newPage();
  const troubles = [];
  page.on('console', (message) => {
    // A refusal is an answer; the browser reports it as an error all the same.
    if (message.type() === 'error' && !/status of (401|403|404|422|429)/.test(message.text())) troubles.push(message.text());
  });
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('request', (request) => {
    const url = request.url();
    const ours = [scene.url, scene.issuer, scene.partners, ...scene.issuers].some((origin) => url.startsWith(origin));
    if (!ours && !url.startsWith('blob:') && !(direct && url.startsWith(scene.objectStore))) troubles.push(`request to ${url}`);
  });
  return { context, page, troubles };
}

/** The button that begins to sign in, in any language: nobody is sent to a provider without pressing it. */
export const offerToSignIn = (page) => page.locator('main form[action="/signin"] button').first();

/** Signs in where a page has led to the identity provider. */
export async function signIn(page, who) {
  await page.waitForURL(`${scene.issuer}/interaction/**`);
  await page.getByLabel('E-mail').fill(scene.accounts[who].email);
  await page.getByLabel('Password').fill(scene.accounts[who].password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** The cookies of those who have signed in, as they were right after that: what a story does in its session stays its own. */
const signedIn = new Map();

/**
 * Goes to a page of the gateway as somebody who is signed in: whoever is not yet signs in on the way, and is from then on for all
 * stories of the file, whose bounds are those of the person whichever session it is. Returns the page's response.
 */
export async function visit(page, who, path) {
  if (!signedIn.has(who)) {
    const response = await visitSigningIn(page, who, path);
    signedIn.set(who, await page.context().cookies(scene.url));
    return response;
  }
  await page.context().addCookies(signedIn.get(who));
  const response = await page.goto(path);
  assert.equal(page.url(), scene.url + path, `${who} is led elsewhere`);
  return response;
}

/** Goes to a page of the gateway as somebody who signs in on the way, in a session of their own. Returns the page's response. */
export async function visitSigningIn(page, who, path) {
  await page.goto(path);
  await offerToSignIn(page).click();
  const arrived = page.waitForResponse((response) => response.url() === scene.url + path && response.request().isNavigationRequest());
  await signIn(page, who);
  const response = await arrived;
  await page.waitForLoadState();
  return response;
}

/** Keeps a picture of the page for people to look at. */
export async function picture(page, name) {
  await page.screenshot({ path: join(scene.screenshots, `${name}.png`), fullPage: true });
}
