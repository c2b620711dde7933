#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0

// A real OpenID provider for the demo and the tests: certified software, made-up people. Passwords stand in a file in
// plain text and everything is forgotten at exit, so it is for development only.
//
//   node server.mjs --accounts accounts.json --redirect-uri http://localhost:8080/signin/callback [--exit-with-stdin]
//
// When it is ready it prints one line of JSON on standard output: {"ready":true,"issuer":...,"clientID":...,"clientSecret":...}.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import { readAccounts } from './accounts.mjs';
import { interactions } from './interactions.mjs';
import { newProvider } from './provider.mjs';

// The library prints hints for production with console.info; standard output belongs to the line of JSON.
console.info = console.error;

const { values: flags } = parseArgs({
  options: {
    accounts: { type: 'string' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    'client-id': { type: 'string', default: 'reelkeeper' },
    'client-secret': { type: 'string' },
    'redirect-uri': { type: 'string', multiple: true, default: [] },
    'exit-with-stdin': { type: 'boolean', default: false },
  },
});

if (!flags.accounts || flags['redirect-uri'].length === 0) {
  console.error('usage: server.mjs --accounts FILE --redirect-uri URL... [--host H] [--port N] [--exit-with-stdin]');
  process.exit(2);
}

const accounts = await readAccounts(flags.accounts);
const client = {
  id: flags['client-id'],
  secret: flags['client-secret'] ?? randomBytes(24).toString('base64url'),
  redirectURIs: flags['redirect-uri'],
};

// Whoever asks hangs up first. With the 5 s that are usual here, a connection is closed at the moment when a client that thought it open
// sends a form: such a request cannot be repeated, and ends as "connection reset". Go's clients keep a connection for 90 s.
const server = createServer({ keepAliveTimeout: 120_000 });
server.listen(Number(flags.port), flags.host, async () => {
  const issuer = `http://${flags.host}:${server.address().port}`;
  const provider = await newProvider(issuer, client, accounts);
  const signIn = interactions(provider, accounts);
  const protocol = provider.callback();
  server.on('request', (request, response) => {
    const handler = request.url.startsWith('/interaction/') ? signIn : protocol;
    handler(request, response);
  });
  console.log(JSON.stringify({ ready: true, issuer, clientID: client.id, clientSecret: client.secret }));
});

function stop() {
  server.close();
  server.closeAllConnections();
  process.exit(0);
}
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
if (flags['exit-with-stdin']) {
  process.stdin.on('end', stop).on('error', stop).resume();
}
