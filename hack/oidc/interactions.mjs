// SPDX-License-Identifier: Apache-2.0

import { authenticate } from './accounts.mjs';

const maxForm = 4096;

/** Handles the sign-in page: GET shows it, POST checks e-mail address and password. */
export function interactions(provider, accounts) {
  return async (request, response) => {
    try {
      await provider.interactionDetails(request, response);
      if (request.method !== 'POST') return show(response, 200, '');
      const form = new URLSearchParams(await body(request));
      const account = authenticate(accounts, form.get('email'), form.get('password'));
      if (!account) return show(response, 401, 'Wrong e-mail address or password.');
      await provider.interactionFinished(request, response, { login: { accountId: account.email.toLowerCase() } });
    } catch (error) {
      show(response, 400, `This sign-in cannot go on (${error.message}). Go back and start again.`);
    }
  };
}

async function body(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > maxForm) throw new Error('the form is too long');
  }
  return text;
}

function show(response, status, message) {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
  response.end(page(message));
}

function page(message) {
  const escaped = message.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign in</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh; color-scheme: light dark }
  form { display: grid; gap: 1rem; width: 20rem }
  input, button { font: inherit; padding: .5rem; width: 100%; box-sizing: border-box }
</style>
</head>
<body>
<form method="post">
  <h1>Sign in</h1>
  <p>A provider for development: the accounts stand in a file.</p>
  <p role="alert">${escaped}</p>
  <label>E-mail <input name="email" type="email" autocomplete="username" required autofocus></label>
  <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
  <button>Sign in</button>
</form>
</body>
</html>`;
}
