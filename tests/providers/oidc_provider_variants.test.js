// Ways in which `oidc-provider` can be set up: signatures, client authentication, offline access, back-channel logout.

import assert from "node:assert/strict";
import { test } from "node:test";

import { unless } from "./harness/missing.js";
import { ALGORITHMS, newKey } from "./harness/oidc_provider.js";
import { LIMIT, eventually, openWorld, pass } from "./harness/world.js";

const skip = unless("chromium");
const IS_TESTED = { ...LIMIT, skip };
const ACCESS_TOKEN_SECONDS = 4;
const offline = { scope: "openid profile offline_access" };
/** A client chooses its algorithm at its registration (OpenID Connect Dynamic Registration §2). */
const signedWith = Object.keys(ALGORITHMS).map((algorithm) => [
  algorithm,
  { client: { id_token_signed_response_alg: algorithm }, server: offline },
]);
const authenticated = {
  basic: { client: { token_endpoint_auth_method: "client_secret_basic" }, server: { ...offline, client_authentication: "basic" } },
  post: { client: { token_endpoint_auth_method: "client_secret_post" }, server: { ...offline, client_authentication: "post" } },
  none: {
    client: { token_endpoint_auth_method: "none", client_secret: undefined },
    server: { ...offline, client_authentication: "none" },
  },
};
const notified = {
  client: ({ origin }) => ({
    backchannel_logout_uri: `${origin}/auth/back-channel-logout/notified`,
    backchannel_logout_session_required: true,
  }),
};
const registrations = { ...Object.fromEntries(signedWith), ...authenticated, notified };
const world = skip
  ? undefined
  : await openWorld(registrations, {
      keys: Object.keys(ALGORITHMS).map(newKey),
      accessTokenSeconds: ACCESS_TOKEN_SECONDS,
    });
/** Until access tokens that exist now have ended. */
const untilTokensHaveEnded = () => pass((ACCESS_TOKEN_SECONDS + 0.5) * 1000);
const loginWith = (name, more = "") => `/auth/login?as=${name}&return_to=/${more}`;

for (const algorithm of Object.keys(ALGORITHMS)) {
  test(`an ID token that is signed with ${algorithm} is verified`, IS_TESTED, async (t) => {
    const visitor = await world.signedInVisitor(t, loginWith(algorithm));

    assert.equal((await visitor.session()).sub, "alice");
  });
}

for (const method of Object.keys(authenticated)) {
  test(`a client that authenticates with "${method}" gets, renews and revokes tokens`, IS_TESTED, async (t) => {
    const visitor = await world.signedInVisitor(t, loginWith(method, "&prompt=consent"));
    const first = await world.tokenOf(visitor);
    await untilTokensHaveEnded();

    const second = await world.tokenOf(visitor);

    assert.notEqual(second, first);
    assert.equal(await world.provider.isGood(second), true);
    const refreshToken = world.provider.latestRefreshToken;
    assert.equal(await world.provider.wouldRefresh(refreshToken), true);
    await visitor.call("/auth/logout", { method: "POST" });
    await eventually("the refresh token is revoked", async () => !(await world.provider.wouldRefresh(refreshToken)));
  });
}

/** OpenID Connect Core §11: no offline access without `prompt=consent`, and this provider insists. */
test("offline access that is asked for without consent is not given, and calls end with the access token", IS_TESTED, async (t) => {
  const visitor = await world.signedInVisitor(t, loginWith("RS256"));
  const { id } = await visitor.session();
  assert.equal((await visitor.call("/api/invoices")).status, 200);
  await untilTokensHaveEnded();

  const answer = await visitor.call("/api/invoices");

  assert.deepEqual([answer.status, answer.body.code], [401, "no_session"]);
  assert.equal((await visitor.session()).id, id);
  await visitor.open("/auth/login?as=RS256&prompt=none&return_to=/account");
  await visitor.isAt("/account");
  assert.equal((await visitor.call("/api/invoices")).status, 200);
});

test("claims that have changed at the UserInfo endpoint reach the session with a refresh", { ...IS_TESTED, todo: "a refresh takes claims from ID tokens alone" }, async (t) => {
  const visitor = await world.signedInVisitor(t, loginWith("basic", "&prompt=consent"));
  assert.equal((await visitor.session()).claims.name, "Alice Liddell");
  world.provider.account.name = "Alice Hargreaves";
  t.after(() => (world.provider.account.name = "Alice Liddell"));
  await untilTokensHaveEnded();

  await world.tokenOf(visitor);

  assert.equal((await visitor.session()).claims.name, "Alice Hargreaves");
});

test("a session that ends at the provider ends here at once", IS_TESTED, async (t) => {
  const visitor = await world.signedInVisitor(t, loginWith("notified"));

  await visitor.page.goto(`${world.provider.issuer}/session/end`);
  await visitor.page.click("button[name=logout]");
  await eventually("the provider has told us", () => world.provider.notifications.length > 0);

  assert.deepEqual(world.provider.notifications, [undefined]);
  await visitor.open("/");
  assert.deepEqual(await visitor.session(), { authenticated: false, reason: "back_channel_logout" });
});
