// What can be stolen from a browser: nothing that is good elsewhere.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { LIMIT, LOGIN_COOKIE, SESSION_COOKIE, openWorld } from "./harness/world.js";

const world = await openWorld();

/** A JSON Web Token, signed or not. */
const JWT = /\beyJ[\w-]{10,}\.[\w-]{10,}/;
/** Anything long enough to be a secret. */
const LONG_VALUE = /[\w.~-]{20,}/g;

test("a browser never sees a token, in an address, a header, a page, a variable or a storage", LIMIT, async (t) => {
  const visitor = await world.visitor(t);

  const { exchanges, result: script } = await world.witness.during(() => everythingOnce(visitor));

  const seen = [...exchanges.flatMap((exchange) => exchange.readable()), ...visitor.record.urls(), ...script];
  for (const shown of ["Log in", "token_expires_in_seconds", "Hatter", "csrf_token", "My account", "idle_in"]) {
    assert.ok(seen.some((text) => text.includes(shown)), `"${shown}" was not looked at`);
  }
  for (const text of seen) assert.doesNotMatch(text, JWT);
  // The login server keeps hashes of all that it hands out: whatever hashes to one of them came from there.
  const codes = new Set(seen.flatMap((text) => text.match(/(?<=[?&]code=)[\w-]+/g) ?? []));
  assert.equal(codes.size, 1, "the search is tried on the code, which does come through the browser");
  assert.deepEqual(await handedOutByLoginServer(seen), codes);
});

test("script finds nothing in any storage", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);

  const storages = await visitor.page.evaluate(async () => ({
    cookies: document.cookie,
    cookieStore: (await window.cookieStore?.getAll())?.map((cookie) => cookie.name) ?? [],
    local: Object.entries(localStorage),
    session: Object.entries(sessionStorage),
    databases: (await indexedDB.databases()).map((database) => database.name),
    caches: await caches.keys(),
    serviceWorkers: (await navigator.serviceWorker.getRegistrations()).length,
    windowName: window.name,
    historyState: history.state,
  }));

  assert.deepEqual(storages, {
    cookies: "",
    cookieStore: [],
    local: [],
    session: [],
    databases: [],
    caches: [],
    serviceWorkers: 0,
    windowName: "",
    historyState: null,
  });
});

test("the values of cookies travel in cookies and nowhere else", LIMIT, async (t) => {
  const visitor = await world.visitor(t);

  const { exchanges, result: script } = await world.witness.during(() => everythingOnce(visitor));

  const seen = [...exchanges.flatMap((exchange) => exchange.readable()), ...visitor.record.urls(), ...script];
  const values = (await visitor.cookies()).map((cookie) => cookie.value);
  assert.equal(values.length, 2);
  for (const value of values) {
    assert.ok(exchanges.some((exchange) => exchange.headers.cookie?.includes(value)));
    assert.ok(!seen.some((text) => text.includes(value)), "a cookie's value is somewhere else, too");
  }
});

test("cookies are HttpOnly, Secure, for one host and its whole path, Strict or Lax", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);

  const cookies = await visitor.cookies();

  const attributes = { domain: "localhost", path: "/", httpOnly: true, secure: true };
  const shown = cookies.map(({ value, expires, ...rest }) => ({ ...rest, length: value.length }));
  assert.deepEqual(shown.sort((a, b) => a.name.localeCompare(b.name)), [
    { name: SESSION_COOKIE, ...attributes, sameSite: "Strict", length: 80 },
    { name: LOGIN_COOKIE, ...attributes, sameSite: "Lax", length: 43 },
  ]);
  assert.equal((await visitor.cookie(SESSION_COOKIE)).expires, -1, "the session cookie outlives the browser");
  const secondsLeft = (await visitor.cookie(LOGIN_COOKIE)).expires - Date.now() / 1000;
  assert.ok(secondsLeft > 3500 && secondsLeft <= 3601, `the login cookie lives ${secondsLeft} s`);
});

test("no Set-Cookie line names a domain", LIMIT, async (t) => {
  const { exchanges } = await world.witness.during(() => world.signedInVisitor(t));

  const fromGateway = exchanges.filter((exchange) => exchange.url.startsWith(world.demo.app));
  const lines = fromGateway.flatMap((exchange) => exchange.answerHeaders["set-cookie"] ?? []);
  assert.ok(lines.length >= 2);
  for (const line of lines) {
    assert.match(line, /^__Host-Http-cloakroom/);
    assert.doesNotMatch(line, /domain/i);
  }
});

test("all our cookies together are at most 250 bytes in a request", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  await visitor.open("/auth/login?prompt=login");
  await visitor.isAtLoginPage();

  await visitor.open("/account");

  const [request] = visitor.record.asked(`${world.demo.app}/account`);
  const { cookie } = await request.allHeaders();
  assert.ok(cookie.includes(`${SESSION_COOKIE}=`) && cookie.includes(`${LOGIN_COOKIE}=`), cookie);
  assert.ok(Buffer.byteLength(cookie) <= 250, `${Buffer.byteLength(cookie)} bytes`);
});

test("the session says how long it lasts, unused and at most", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);

  const session = await visitor.session();

  assert.ok(session.idle_in > 1700 && session.idle_in <= 1800, `idle_in ${session.idle_in}`);
  assert.ok(session.absolute_in > 43_100 && session.absolute_in <= 43_200, `absolute_in ${session.absolute_in}`);
  assert.deepEqual(session.claims.name, "Alice Liddell");
  assert.equal(session.id.length, 22);
  assert.match(await visitor.page.textContent("#idle-in"), /^(30:00|29:\d\d)$/);
});

test("the gateway's own answers are never stored and say which contract they keep", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);

  for (const path of ["/auth/session", "/auth/csrf", "/api/invoices", "/api/whoami"]) {
    const answer = await visitor.call(path);

    assert.match(answer.headers["cache-control"], /no-store/, path);
    if (path.startsWith("/auth/")) assert.equal(answer.headers["cloakroom-contract"], "1", path);
  }
});

test("the session store on disk holds no token in clear, nor the ticket", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  await visitor.page.click("#call-api");
  const ticket = (await visitor.cookie(SESSION_COOKIE)).value;
  const { id } = await visitor.session();

  const files = (await readdir(world.demo.folder)).filter((name) => name.startsWith("sessions"));
  const stored = Buffer.concat(await Promise.all(files.map((name) => readFile(join(world.demo.folder, name)))));

  assert.ok(stored.length > 1000, "the store was not found");
  for (const secret of ["eyJ", "Alice Liddell", ticket, id]) assert.equal(stored.indexOf(secret), -1);
  for (const half of [ticket.slice(20, 60), ticket.slice(0, 40)]) {
    assert.equal(stored.indexOf(Buffer.from(half, "base64url")), -1);
  }
});

/** Signs in and visits everything there is; then the texts that script can read. */
async function everythingOnce(visitor) {
  await visitor.signIn();
  for (const button of ["call-api", "post-api", "who-am-i"]) {
    await visitor.page.click(`#${button}`);
    await visitor.page.waitForFunction(() => /^20/.test(document.getElementById("api-result").textContent));
  }
  await visitor.call("/auth/csrf");
  await visitor.open("/account");
  await visitor.showsAccount();
  await visitor.open("/");
  await visitor.hasState("signed in");
  return visitor.page.evaluate(everythingThatScriptCanRead);
}

/** Which of the long values in these texts the login server has handed out: codes, refresh tokens, access tokens. */
async function handedOutByLoginServer(texts) {
  const files = (await readdir(world.demo.folder)).filter((name) => name.startsWith("issuer.db"));
  const kept = Buffer.concat(await Promise.all(files.map((name) => readFile(join(world.demo.folder, name)))));
  const values = new Set(texts.flatMap((text) => text.match(LONG_VALUE) ?? []));
  return new Set([...values].filter((value) => kept.includes(createHash("sha256").update(value).digest())));
}

/** Runs in the page: markup, addresses, storages, and every text that hangs on the window, as strings. */
async function everythingThatScriptCanRead() {
  const found = [
    document.documentElement.outerHTML,
    document.cookie,
    document.referrer,
    window.name,
    JSON.stringify(history.state),
    JSON.stringify({ ...localStorage }),
    JSON.stringify({ ...sessionStorage }),
    JSON.stringify(performance.getEntries()),
    JSON.stringify(await indexedDB.databases()),
  ];
  for (const name of await caches.keys()) {
    for (const request of await (await caches.open(name)).keys()) found.push(request.url);
  }
  const met = new Set();
  const walk = (value, depth) => {
    if (typeof value === "string") return found.push(value);
    if (value === null || typeof value !== "object" || depth === 0 || met.has(value)) return undefined;
    met.add(value);
    for (const key of Object.getOwnPropertyNames(value)) {
      try {
        walk(value[key], depth - 1);
      } catch {
        // Some properties refuse to be read.
      }
    }
    return undefined;
  };
  walk(window, 4);
  return found;
}
