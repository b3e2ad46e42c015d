// What three browser engines make of our cookies, of links from other sites, and of signing out.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";

import { OTHER_SITE, serve } from "../browser/harness/site.js";
import { ENGINES } from "./harness/engines.js";
import { unless } from "./harness/missing.js";
import { openDemo, openPlainSite, openSecureSite } from "./harness/sites.js";

const LIMIT = { timeout: 90_000 };
const SESSION_COOKIE = "__Host-Http-cloakroom";
const LOGIN_COOKIE = "__Host-Http-cloakroom-login";

const WHAT_IS_SHOWN = `
  if (document.readyState !== "complete") return null;
  if (document.querySelector("#subject")) return "the account";
  if (document.querySelector("[name=password]")) return "a login page";
  return location.href;`;

const skips = Object.fromEntries(Object.entries(ENGINES).map(([name, { needs }]) => [name, unless(needs)]));
const withoutTls = unless("openssl");
const demo = await openDemo();
const plainSite = await openPlainSite();
const secureSite = withoutTls ? undefined : await openSecureSite();

describe("over plain http on this machine", () => {
  for (const name of ["Chromium", "Firefox"]) {
    describe(name, { skip: skips[name] }, () => passThrough(name, demo));
  }
  describe("WebKit", { skip: skips.WebKit }, () => stayOutside(ENGINES.WebKit, plainSite));
});

describe("over https", { skip: withoutTls }, () => {
  for (const name of Object.keys(ENGINES)) {
    describe(name, { skip: skips[name] }, () => passThrough(name, secureSite));
  }
});

/** Everything works: a session from beginning to end, in one browser. */
function passThrough(name, site) {
  const engine = ENGINES[name];
  const started = lazily(engine.start);

  test("a login ends at the page where it began", LIMIT, async () => {
    const browser = await started();
    await browser.open(`${site.app}/account?from=login`);
    await site.logIn(browser);

    await browser.isAt(`${site.app}/account?from=login`);
    assert.match(await browser.text("#subject"), /\S/);
  });

  test("the engine keeps our cookies with all their attributes, and shows none to script", LIMIT, async () => {
    const browser = await signedIn(await started(), site);

    const ours = (await browser.cookies()).filter(({ name }) => name.startsWith("__Host-Http-cloakroom"));
    assert.deepEqual(
      ours.map(({ name, secure, httpOnly, sameSite, path }) => [name, secure, httpOnly, sameSite, path]).sort(),
      [
        [SESSION_COOKIE, true, true, "Strict", "/"],
        [LOGIN_COOKIE, true, true, "Lax", "/"],
      ],
    );
    assert.equal(await browser.run("return document.cookie"), "");
  });

  test("the page's script calls the API", LIMIT, async () => {
    const browser = await signedIn(await started(), site);

    const answer = await browser.call("/api/whoami");

    assert.equal(answer.status, 200);
    assert.equal((await browser.call("/auth/session?touch=0")).body.authenticated, true);
  });

  test("a link from another site finds the person signed in, although the Strict cookie stayed behind", LIMIT, async (t) => {
    const browser = await signedIn(await started(), site);
    await followLink(t, browser, `${site.app}/account?view=all`);

    await browser.isAt(`${site.app}/account?view=all`);
    assert.match(await browser.text("#subject"), /\S/);
    if (site.exchanges) {
      const seen = site.exchanges.filter(({ path }) => path === "/account?view=all");
      assert.deepEqual(
        seen.map((exchange) => [exchange.headers["sec-fetch-site"], exchange.carries(SESSION_COOKIE), exchange.status]).slice(-2),
        [
          ["cross-site", false, 200],
          ["same-origin", true, 200],
        ],
      );
    }
  });

  test("a link from another site keeps its fragment", LIMIT, async (t) => {
    const browser = await signedIn(await started(), site);

    await followLink(t, browser, `${site.app}/account#invoices`);

    assert.match(await browser.text("#subject"), /\S/);
    assert.equal(await browser.url(), `${site.app}/account#invoices`);
  });

  test("script on another site can neither read nor do anything", LIMIT, async (t) => {
    const browser = await signedIn(await started(), site);
    await browser.open(await serve(t, OTHER_SITE));

    const outcome = await browser.run(
      `return fetch(arguments[0], { credentials: "include", headers: { "X-CSRF": "1" } })
         .then((answer) => answer.status, () => "nothing")`,
      `${site.app}/api/whoami`,
    );

    assert.equal(outcome, "nothing");
  });

  test("signing out ends the session here and at the login server", LIMIT, async () => {
    const browser = await signedIn(await started(), site);

    await signOut(browser, site);

    assert.equal((await browser.call("/api/whoami")).status, 401);
    assert.deepEqual((await browser.cookies()).filter(({ name }) => name === SESSION_COOKIE), []);
    await browser.open(`${site.app}/auth/login?return_to=/`);
    await browser.text("[name=password]");
  });

  test("the back button shows nothing of somebody who has signed out", LIMIT, async () => {
    const browser = await signedIn(await started(), site);
    await browser.open(`${site.app}/account?last=look`);
    await browser.text("#subject");
    await browser.open(`${site.app}/`);
    await signOut(browser, site);

    let shows;
    for (let steps = 0; steps < 6 && shows !== "a login page"; steps += 1) {
      await browser.back();
      shows = await browser.until(WHAT_IS_SHOWN);
      assert.notEqual(shows, "the account", `${steps + 1} steps back, at ${await browser.url()}`);
    }
    assert.equal(shows, "a login page");
  });
}

/**
 * WebKit as GTK has it keeps no `Secure` cookie that came over http, not even from this machine. So nobody can sign in
 * over plain http, and the person has to be told in place of being sent around in circles.
 */
function stayOutside(engine, site) {
  const started = lazily(engine.start);

  test("a login ends on a page that says so, and in no circle", LIMIT, async () => {
    const browser = await started();
    await browser.open(`${site.app}/account`);
    await site.logIn(browser);

    await browser.until("return location.pathname.startsWith(arguments[0])", "/auth/callback/");
    assert.match(await browser.text("h1"), /\S/);
    assert.deepEqual(await browser.cookies(), []);
    await browser.open(`${site.app}/`);
    assert.deepEqual((await browser.call("/auth/session")).body, { authenticated: false });
  });
}

/** One browser for several tests, started when the first of them runs. */
function lazily(start) {
  let browser;
  after(async () => (await browser)?.close());
  return () => (browser ??= start());
}

/** The browser at the front page, with somebody signed in. */
async function signedIn(browser, site) {
  await browser.open(`${site.app}/`);
  if (!(await browser.call("/auth/session?touch=0")).body.authenticated) {
    await browser.open(`${site.app}/auth/login?return_to=/`);
    if (!(await browser.url()).startsWith(site.app)) await site.logIn(browser);
    await browser.isAt(`${site.app}/`);
  }
  return browser;
}

/** Opens a page on another site, and follows its link. */
async function followLink(t, browser, address) {
  await browser.open(await serve(t, OTHER_SITE, `<!doctype html><a id="link" href="${address}">A link</a>`));
  await browser.click("#link");
}

async function signOut(browser, site) {
  const { status, body } = await browser.call("/auth/logout", { method: "POST" });
  assert.equal(status, 200);
  await browser.open(body.logout_url);
  await site.leave(browser);
  await browser.isAt(`${site.app}/`);
}
