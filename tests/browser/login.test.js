// Logging in: where it begins, where it ends, and what goes wrong calmly.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LIMIT, LOGIN_COOKIE, SESSION_COOKIE, openWorld } from "./harness/world.js";

const world = await openWorld();

test("a login ends at the page where it began, and the code has left the address bar", LIMIT, async (t) => {
  const visitor = await world.visitor(t);

  await visitor.open("/account?from=login");
  await visitor.logIn();

  await visitor.showsAccount("/account?from=login");
  assert.match(await visitor.page.textContent("h1"), /My account/);
  assert.ok(visitor.record.urls().some((url) => url.includes("code=")), "no code came back through the browser");
});

test("a login that a page begins keeps the fragment of its return path", LIMIT, async (t) => {
  const visitor = await world.visitor(t);

  await visitor.open(`/auth/login?return_to=${encodeURIComponent("/account?view=all#invoices")}`);
  await visitor.logIn();

  await visitor.showsAccount("/account?view=all#invoices");
});

test("going back after a login leads to the app again and not to an error", LIMIT, async (t) => {
  const visitor = await world.visitor(t);
  await visitor.open("/account");
  await visitor.logIn();
  await visitor.showsAccount();

  await visitor.page.goBack();

  await visitor.showsAccount();
  assert.equal((await visitor.session()).authenticated, true);
});

test("an API call works, and its answer shows who is signed in", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  assert.equal(await visitor.page.textContent("#user"), "Alice Liddell");
  const { sub } = await visitor.session();

  await visitor.page.click("#who-am-i");

  await visitor.page.waitForFunction(() => document.getElementById("api-result").textContent.startsWith("200"));
  const shown = await visitor.page.textContent("#api-result");
  const answer = JSON.parse(shown.slice(shown.indexOf("\n")));
  assert.equal(answer.sub, sub);
  assert.equal(answer.cookie_arrived, false);
  assert.ok(answer.token_expires_in_seconds > 0);
});

test("a write reaches the API", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  const before = await visitor.invoiceCount();

  await visitor.page.click("#post-api");
  await visitor.page.waitForFunction(() => document.getElementById("api-result").textContent.startsWith("201"));

  assert.equal(await visitor.invoiceCount(), before + 1);
});

test("without a session an API call is refused, told where to sign in, and never redirected", LIMIT, async (t) => {
  const visitor = await world.visitor(t);
  await visitor.open("/");

  const answer = await visitor.call("/api/invoices", { redirect: "error" });

  assert.equal(answer.status, 401);
  assert.equal(answer.headers["content-type"], "application/problem+json");
  assert.equal(answer.body.code, "no_session");
  assert.equal(answer.body.login_url, "/auth/login");
});

test("a wrong password is answered calmly and starts no session", LIMIT, async (t) => {
  const visitor = await world.visitor(t);
  await visitor.open("/account");

  await visitor.logIn(visitor.page, "not-the-password");

  assert.equal(await visitor.page.textContent("[role=alert]"), "Username or password is wrong.");
  assert.equal(await visitor.page.inputValue("[name=username]"), world.demo.user);
  assert.equal(await visitor.page.inputValue("[name=password]"), "");
  assert.equal(await visitor.cookie(SESSION_COOKIE), undefined);

  await visitor.logIn();

  await visitor.showsAccount();
});

test("a login works with the keyboard alone", LIMIT, async (t) => {
  const visitor = await world.visitor(t);
  const { keyboard } = visitor.page;
  await visitor.open("/");
  await visitor.hasState("signed out");

  await tabTo(visitor.page, "sign-in");
  await keyboard.press("Enter");
  await visitor.isAtLoginPage();
  await keyboard.type(world.demo.user);
  await keyboard.press("Tab");
  await keyboard.type(world.demo.password);
  await keyboard.press("Enter");

  await visitor.hasState("signed in");
  await tabTo(visitor.page, "call-api");
  await keyboard.press("Space");
  await visitor.page.waitForFunction(() => document.getElementById("api-result").textContent.startsWith("200"));
});

test("a login works without JavaScript", LIMIT, async (t) => {
  const visitor = await world.visitor(t, { javaScriptEnabled: false });

  await visitor.open("/account");
  await visitor.logIn();

  await visitor.showsAccount();
  assert.match(await visitor.page.textContent("#subject"), /\S/);
});

test("two tabs that log in at once both end signed in", LIMIT, async (t) => {
  const visitor = await world.visitor(t);
  const [first, second] = [visitor.page, await visitor.context.newPage()];
  await visitor.open("/account?tab=1", first);
  await visitor.open("/account?tab=2", second);
  await visitor.isAtLoginPage(first);
  await visitor.isAtLoginPage(second);

  await Promise.all([visitor.logIn(first), visitor.logIn(second)]);

  await visitor.showsAccount("/account?tab=1", first);
  await visitor.showsAccount("/account?tab=2", second);
  for (const page of [first, second]) {
    await visitor.open("/", page);
    assert.equal((await visitor.session(page)).authenticated, true);
    assert.equal((await visitor.call("/api/invoices", {}, page)).status, 200);
  }
});

test("a second login in the same browser replaces the first session", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  const first = await visitor.session();
  const firstCookie = await visitor.cookie(SESSION_COOKIE);

  await visitor.open("/auth/login?prompt=login&return_to=/account");
  await visitor.logIn();
  await visitor.showsAccount();
  const second = await visitor.session();

  assert.equal(second.authenticated, true);
  assert.notEqual(second.id, first.id);
  await visitor.context.addCookies([firstCookie]);
  assert.deepEqual(await visitor.session(), { authenticated: false, reason: "replaced" });
});

test("while the login server knows the browser, a login asks for nothing", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  await visitor.context.clearCookies({ name: SESSION_COOKIE });

  await visitor.open("/account");

  await visitor.showsAccount();
  assert.equal((await visitor.session()).authenticated, true);
});

test("a callback that no login began is refused with a way to sign in", LIMIT, async (t) => {
  const visitor = await world.visitor(t);

  const answer = await visitor.open("/auth/callback/demo?code=made-up&state=made-up");

  assert.equal(answer.status(), 400);
  assert.equal(answer.headers()["cloakroom-rejection"], "bad_request");
  assert.equal(await visitor.cookie(SESSION_COOKIE), undefined);
  await visitor.page.click("text=Sign in");
  await visitor.isAtLoginPage();
});

test("a callback that another browser's login began is refused", LIMIT, async (t) => {
  const [attacker, victim] = [await world.visitor(t), await world.visitor(t)];
  await attacker.open("/account");
  await attacker.isAtLoginPage();
  const callback = await keptFromBrowser(attacker.page, `${world.demo.issuer}/login`, () => attacker.logIn());
  await victim.open("/account");
  await victim.isAtLoginPage();
  assert.ok(await victim.cookie(LOGIN_COOKIE), "the victim has no login of their own");

  const answer = await victim.page.goto(callback);

  assert.equal(answer.status(), 400);
  assert.equal(await victim.cookie(SESSION_COOKIE), undefined);
  await attacker.page.goto(callback);
  await attacker.showsAccount();
});

test("a callback asked for twice leads to the return path and gives no second session", LIMIT, async (t) => {
  const visitor = await world.visitor(t);
  await visitor.open("/account");
  await visitor.logIn();
  await visitor.showsAccount();
  const callback = visitor.record.urls().find((url) => url.includes("/auth/callback/"));
  const cookie = await visitor.cookie(SESSION_COOKIE);

  const answer = await visitor.page.goto(callback);

  assert.equal(answer.status(), 200);
  assert.equal(answer.headers()["set-cookie"], undefined);
  await visitor.showsAccount();
  assert.equal((await visitor.cookie(SESSION_COOKIE)).value, cookie.value);
});

test("a return path on another site is refused before anything begins", LIMIT, async (t) => {
  const visitor = await world.visitor(t);

  for (const place of [`${world.demo.elsewhere}`, "//evil.example/", "/\\evil.example", "https:evil.example"]) {
    const answer = await visitor.open(`/auth/login?return_to=${encodeURIComponent(place)}`);

    assert.equal(answer.status(), 400, place);
    assert.equal(new URL(visitor.page.url()).origin, world.demo.app, place);
  }
});

/** The redirect that `act` would lead to: a browser profile that asks for `url` gets no answer. */
async function keptFromBrowser(page, url, act) {
  const redirect = new Promise((resolve) => {
    page.route(url, async (route) => {
      const answer = await route.fetch({ maxRedirects: 0 });
      resolve(answer.headers().location);
      await route.abort();
    });
  });
  await act();
  const location = await redirect;
  await page.unroute(url);
  assert.match(location, /code=/);
  return location;
}

async function tabTo(page, id) {
  for (let presses = 0; presses < 20; presses += 1) {
    await page.keyboard.press("Tab");
    if ((await page.evaluate(() => document.activeElement?.id)) === id) return;
  }
  assert.fail(`the Tab key does not lead to #${id}`);
}
