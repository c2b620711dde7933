// SPDX-License-Identifier: Apache-2.0

import { generateKeyPairSync, randomBytes } from 'node:crypto';

import Provider from 'oidc-provider';

import { claimsOf } from './accounts.mjs';

/** Makes a provider with one confidential client, which must use PKCE, and with keys that live as long as the process. */
export async function newProvider(issuer, client, accounts) {
  const signing = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  return new Provider(issuer, {
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        redirect_uris: client.redirectURIs,
        post_logout_redirect_uris: client.redirectURIs.map((uri) => new URL('/', uri).href),
        grant_types: ['authorization_code'],
        response_types: ['code'],
        backchannel_logout_uri: client.redirectURIs[0].replace('/signin/callback', '/signout/backchannel'),
        backchannel_logout_session_required: true,
      },
    ],
    jwks: { keys: [{ ...signing, alg: 'RS256', use: 'sig', kid: 'signing' }] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    pkce: { required: () => true },
    scopes: ['openid'],
    claims: {
      email: ['email', 'email_verified'],
      profile: ['name', 'department', 'groups', 'labels'],
    },
    // The ID token itself carries the claims, so that one round trip is enough.
    conformIdTokenClaims: false,
    features: {
      devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true, logoutSource: askToSignOut }, backchannelLogout: { enabled: true },
    },
    // The client is on this machine, where the library would send no logout token to.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_ctx, id) => {
      const account = accounts.get(id);
      return account && { accountId: id, claims: () => claimsOf(account) };
    },
    loadExistingGrant: consentToEverything,
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 3600, Session: 86400, Grant: 86400 },
  });
}

/** Asks whether somebody means to sign out. The library's own page wants fonts of another site. */
function askToSignOut(ctx, form) {
  ctx.body = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign out</title></head>
<body>
<h1>Sign out here too?</h1>
${form}
<button type="submit" form="op.logoutForm" name="logout" value="yes">Yes, sign me out</button>
<button type="submit" form="op.logoutForm">No, stay signed in</button>
</body>
</html>`;
}

/** The one client is our own, so nobody is asked for consent. */
async function consentToEverything(ctx) {
  const { client, session, provider, params } = ctx.oidc;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(params.scope);
  await grant.save();
  return grant;
}
