// SPDX-License-Identifier: Apache-2.0

import { timingSafeEqual, createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

const known = new Set(['email', 'emailVerified', 'name', 'department', 'groups', 'labels', 'password']);

/**
 * Reads a JSON list of accounts: {email, password, name?, department?, groups?, labels?, emailVerified?}.
 * Returns a Map from lower-case e-mail address to account.
 */
export async function readAccounts(path) {
  const list = JSON.parse(await readFile(path, 'utf8'));
  const accounts = new Map();
  for (const account of list) {
    for (const field of Object.keys(account)) {
      if (!known.has(field)) throw new Error(`${path}: unknown field "${field}": use ${[...known].join(', ')}`);
    }
    if (!account.email || !account.password) throw new Error(`${path}: every account needs email and password`);
    accounts.set(account.email.toLowerCase(), account);
  }
  return accounts;
}

/** Returns the account if the password is right, else undefined. */
export function authenticate(accounts, email, password) {
  const account = accounts.get((email ?? '').trim().toLowerCase());
  const digest = (text) => createHash('sha256').update(text ?? '').digest();
  return account && timingSafeEqual(digest(account.password), digest(password)) ? account : undefined;
}

/** The claims that the provider makes about an account. */
export function claimsOf(account) {
  return {
    sub: account.email.toLowerCase(),
    email: account.email,
    email_verified: account.emailVerified ?? true,
    name: account.name ?? account.email,
    department: account.department,
    groups: account.groups ?? [],
    labels: account.labels ?? [],
  };
}
