// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The rules that a page has to keep: WCAG 2.2 at the levels A and AA, and what axe calls good practice. */
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Fails when axe finds a violation on the page as it is now. */
export async function accessible(page) {
  await page.evaluate(source);
  const violations = await page.evaluate(async (values) => {
    const found = await axe.run(document, { runOnly: { type: 'tag', values }, resultTypes: ['violations'] });
    return found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((node) => `${node.html} (${node.any.map((a) => a.message)})`).join('; ')}`);
  }, tags);
  assert.deepEqual(violations, [], 'axe finds violations');
}

/** Fails when the page scrolls sideways, and says what sticks out. */
export async function fits(page) {
  const sticking = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    return [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > clientWidth).map((element) => element.outerHTML.slice(0, 120));
  });
  assert.deepEqual(sticking, [], 'the page scrolls sideways');
}
