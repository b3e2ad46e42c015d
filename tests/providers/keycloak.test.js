// A person's session with Keycloak as authorization server: begin, go on, end.

import assert from "node:assert/strict";
import { createPublicKey, randomBytes, verify } from "node:crypto";
import { after, test } from "node:test";

import { launchChromium, visit } from "./harness/chromium.js";
import { freePlace, redirectUri, startGateway } from "./harness/gateway.js";
import { Keycloak } from "./harness/keycloak.js";
import { unless } from "./harness/missing.js";
import { Upstream } from "./harness/upstream.js";
import { LIMIT, eventually, pass } from "./harness/world.js";

const ACCESS_TOKEN_SECONDS = 8;
const account = { login: "alice", firstName: "Alice", lastName: "Liddell", password: randomBytes(9).toString("hex") };
const skip = unless("keycloak", "chromium");
const IS_TESTED = { ...LIMIT, skip };
const world = skip ? undefined : await openWorld();

/** Until access tokens that exist now have ended. */
const untilTokensHaveEnded = () => pass((ACCESS_TOKEN_SECONDS + 0.5) * 1000);

test("a login ends at the page where it began, and the API sees a token that Keycloak has signed", IS_TESTED, async (t) => {
  const visitor = await visit(t, world.browser, world.gateway);

  await visitor.open("/account");
  await logIn(visitor.page);

  await visitor.isAt("/account");
  const claims = await verified(await tokenOf(visitor));
  assert.equal(claims.iss, world.keycloak.issuer);
  assert.equal(claims.azp, "cloakroom");
  assert.equal(world.upstream.apiCalls.at(-1).headers.cookie, undefined);
  const session = await visitor.session();
  assert.equal(session.claims.name, "Alice Liddell");
  assert.equal(session.sub, claims.sub);
});

test("twenty calls at once after the token's end share one refresh", IS_TESTED, async (t) => {
  const visitor = await signedInVisitor(t);
  const [session, first] = [await visitor.session(), await tokenOf(visitor)];
  const before = await world.keycloak.eventCount("REFRESH_TOKEN");
  await untilTokensHaveEnded();

  const answers = await visitor.callTogether(Array.from({ length: 20 }, (_, number) => `/api/${number}`));

  assert.deepEqual(answers.map(({ status }) => status), Array(20).fill(200));
  const second = await tokenOf(visitor);
  assert.notEqual(second, first);
  assert.equal((await verified(second)).iss, world.keycloak.issuer);
  assert.equal((await visitor.session()).id, session.id);
  assert.equal(await world.keycloak.eventCount("REFRESH_TOKEN"), before + 1);
});

test("calls without a pause over three token lives never fail", IS_TESTED, async (t) => {
  const visitor = await signedInVisitor(t);
  const [statuses, until] = [new Set(), Date.now() + 3 * ACCESS_TOKEN_SECONDS * 1000];

  while (Date.now() < until) {
    for (const { status } of await visitor.callTogether(["/api/1", "/api/2", "/api/3"])) statuses.add(status);
    await pass(100);
  }

  assert.deepEqual([...statuses], [200]);
});

/** How many refreshes Keycloak had reason to refuse. */
let rightlyRefused = 0;

test("a session that an administrator ends at Keycloak ends here at the next refresh, and says why", IS_TESTED, async (t) => {
  const visitor = await signedInVisitor(t);
  await world.keycloak.signOut(account.login);
  await untilTokensHaveEnded();

  const answer = await visitor.call("/api/invoices");

  assert.equal(answer.status, 401);
  assert.deepEqual([answer.body.code, answer.body.reason], ["session_ended", "idp_revoked"]);
  rightlyRefused += 1;
});

test("signing out revokes the refresh token at Keycloak, even if the person never arrives there", IS_TESTED, async (t) => {
  const visitor = await signedInVisitor(t);
  const before = await world.keycloak.eventCount("REVOKE_GRANT");

  const answer = await visitor.call("/auth/logout", { method: "POST" });

  assert.equal(answer.status, 200);
  assert.equal((await visitor.call("/api/invoices")).status, 401);
  await eventually("the token is revoked", async () => (await world.keycloak.eventCount("REVOKE_GRANT")) > before);
});

test("signing out ends the session at Keycloak too: the next login asks for the password", IS_TESTED, async (t) => {
  const visitor = await signedInVisitor(t);
  const before = await world.keycloak.eventCount("REVOKE_GRANT");
  const { body } = await visitor.call("/auth/logout", { method: "POST" });
  await eventually("the token is revoked", async () => (await world.keycloak.eventCount("REVOKE_GRANT")) > before);

  // With the refresh token Keycloak has ended its session too, so that nothing is left to confirm.
  await visitor.page.goto(body.logout_url);
  await visitor.isAt("/");
  await visitor.page.click("#sign-in");
  await visitor.page.waitForSelector("#password");
});

test("Keycloak has refused nothing without reason", IS_TESTED, async () => {
  assert.equal(await world.keycloak.eventCount("CODE_TO_TOKEN_ERROR"), 0);
  assert.equal(await world.keycloak.eventCount("REFRESH_TOKEN_ERROR"), rightlyRefused);
});

async function openWorld() {
  const place = await freePlace();
  const client = {
    client_id: "cloakroom",
    client_secret: `:+%& ${randomBytes(24).toString("base64")}`,
    redirect_uris: [redirectUri(place, "keycloak")],
    post_logout_redirect_uris: [`${place.origin}/`],
  };
  const keycloak = await Keycloak.start();
  after(() => keycloak.stop());
  await keycloak.importRealm({ client, account, accessTokenSeconds: ACCESS_TOKEN_SECONDS });
  const upstream = await Upstream.start();
  after(() => upstream.close());
  const { client_id, client_secret } = client;
  const servers = [{ name: "keycloak", issuer: keycloak.issuer, client_id, client_secret }];
  const gateway = await startGateway({ upstream: upstream.address, servers, place });
  after(() => gateway.close());
  const browser = await launchChromium();
  after(() => browser.close());
  return { keycloak, upstream, gateway, browser };
}

async function signedInVisitor(t) {
  const visitor = await visit(t, world.browser, world.gateway);
  await visitor.open("/auth/login?return_to=/");
  await logIn(visitor.page);
  await visitor.isAt("/");
  return visitor;
}

async function logIn(page) {
  await page.fill("#username", account.login);
  await page.fill("#password", account.password);
  await page.click("#kc-login");
}

/** The access token that reached the API with a call of this visitor's. */
async function tokenOf(visitor) {
  const path = `/api/${randomBytes(6).toString("hex")}`;
  assert.equal((await visitor.call(path)).status, 200);
  return world.upstream.requests.find((request) => request.path === path).token;
}

/** The claims of a token that one of Keycloak's published keys has signed. */
async function verified(token) {
  const [head, body, signature] = token.split(".");
  const { kid, alg } = JSON.parse(Buffer.from(head, "base64url"));
  const answer = await fetch(`${world.keycloak.issuer}/protocol/openid-connect/certs`);
  const key = (await answer.json()).keys.find((candidate) => candidate.kid === kid);
  assert.equal(alg, "RS256");
  const isGenuine = verify("sha256", Buffer.from(`${head}.${body}`), createPublicKey({ key, format: "jwk" }), Buffer.from(signature, "base64url"));
  assert.equal(isGenuine, true);
  return JSON.parse(Buffer.from(body, "base64url"));
}

