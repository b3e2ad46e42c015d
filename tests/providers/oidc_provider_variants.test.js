// Ways in which `oidc-provider` can be set up: signatures, client authentication, and when it gives refresh tokens.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CHROMIUM, hasChromium } from "./harness/chromium.js";
import { unless } from "./harness/missing.js";
import { ALGORITHMS, agree, logIn, newKey } from "./harness/oidc_provider.js";
import { LIMIT, eventually, openWorld, pass } from "./harness/world.js";

const skip = unless(hasChromium, `${CHROMIUM} is missing: install Debian's package chromium, or name another in CHROMIUM`);
const IS_TESTED = { ...LIMIT, skip };
const ACCESS_TOKEN_SECONDS = 4;
/** Not one of the algorithms that every provider has to offer: a client asks for them at its registration. */
const signedWith = Object.keys(ALGORITHMS).map((algorithm) => [
  algorithm,
  { client: { id_token_signed_response_alg: algorithm } },
]);
const authenticated = {
  basic: { client: { token_endpoint_auth_method: "client_secret_basic" }, server: { client_authentication: "basic" } },
  post: { client: { token_endpoint_auth_method: "client_secret_post" }, server: { client_authentication: "post" } },
  none: {
    client: { token_endpoint_auth_method: "none", client_secret: undefined },
    server: { client_authentication: "none" },
  },
};
const registrations = {
  ...Object.fromEntries(signedWith),
  ...authenticated,
  offline: { server: { scope: "openid offline_access" } },
};
const world = skip
  ? undefined
  : await openWorld(registrations, {
      keys: Object.keys(ALGORITHMS).map(newKey),
      accessTokenSeconds: ACCESS_TOKEN_SECONDS,
    });
const loginWith = (name, more = "") => `/auth/login?as=${name}&return_to=/${more}`;

for (const algorithm of Object.keys(ALGORITHMS)) {
  test(`an ID token that is signed with ${algorithm} is verified`, IS_TESTED, async (t) => {
    const visitor = await world.signedInVisitor(t, loginWith(algorithm));

    assert.equal((await visitor.session()).sub, "alice");
  });
}

for (const method of Object.keys(authenticated)) {
  test(`a client that authenticates with "${method}" gets, refreshes and revokes tokens`, IS_TESTED, async (t) => {
    const visitor = await world.signedInVisitor(t, loginWith(method, "&prompt=consent"));
    assert.equal((await visitor.session()).authenticated, true);
    assert.equal(await world.provider.isGood(await world.tokenOf(visitor)), true);
  });
}

test("a refresh token that is given for offline access only, and only after consent, is asked for by the login", IS_TESTED, async (t) => {
  const visitor = await world.signedInVisitor(t, loginWith("offline", "&prompt=consent"));
  const first = await world.tokenOf(visitor);
  await pass((ACCESS_TOKEN_SECONDS + 0.5) * 1000);

  const second = await world.tokenOf(visitor);

  assert.notEqual(second, first);
  assert.equal(await world.provider.isGood(second), true);
});

test("without a refresh token the session ends its calls with the access token, and a navigation mends it silently", IS_TESTED, async (t) => {
  const visitor = await world.signedInVisitor(t, loginWith("RS256"));
  const { id } = await visitor.session();
  await pass((ACCESS_TOKEN_SECONDS + 0.5) * 1000);

  const answer = await visitor.call("/api/invoices");

  assert.deepEqual([answer.status, answer.body.code], [401, "no_session"]);
  assert.equal((await visitor.session()).id, id);
});
