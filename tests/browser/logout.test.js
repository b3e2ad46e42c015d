// Signing out: here, at the login server, and in what the browser remembers.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LIMIT, SESSION_COOKIE, openWorld } from "./harness/world.js";

// Pages may be kept alive for the back button, as in everyday browsers; Playwright turns that off.
const world = await openWorld([], { ignoreDefaultArgs: ["--disable-back-forward-cache"] });

test("signing out ends the session here, and deletes its cookie", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  const cookie = await visitor.cookie(SESSION_COOKIE);

  await signOut(visitor);

  assert.equal(await visitor.cookie(SESSION_COOKIE), undefined);
  assert.equal((await visitor.call("/api/invoices")).status, 401);
  await visitor.context.addCookies([cookie]);
  assert.deepEqual(await visitor.session(), { authenticated: false, reason: "logout" });
  assert.equal((await visitor.call("/api/invoices")).body.code, "session_ended");
});

test("after signing out the login server asks for the password again", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);

  await signOut(visitor);

  await visitor.page.click("#sign-in");
  await visitor.isAtLoginPage();
  await visitor.logIn();
  await visitor.hasState("signed in");
});

test("signing out in one tab signs the other tab out at its next look", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  const other = await visitor.context.newPage();
  await visitor.open("/", other);
  await visitor.hasState("signed in", other);

  await signOut(visitor);

  await other.click("#call-api");
  await visitor.hasState("signed out", other);
  assert.match(await other.textContent("#api-result"), /^401/);
});

test("the back button shows nothing of somebody who has signed out", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  await visitor.page.click("a[href='/account']");
  await visitor.showsAccount();
  await visitor.page.click("a[href='/']");
  await visitor.hasState("signed in");
  await visitor.page.click("#call-api");
  await signOut(visitor);

  // Back over the app's page, which asks anew, to the account page, which was not kept.
  await visitor.page.goBack({ waitUntil: "commit" });
  await visitor.hasState("signed out");
  assert.doesNotMatch(await visitor.page.textContent("body"), /Alice/);
  await visitor.page.goBack({ waitUntil: "commit" });

  await visitor.isAtLoginPage();
  assert.doesNotMatch(await visitor.page.textContent("body"), /Hatter|My account/);
});

test("a page that is not the app's own cannot end the session at the login server without asking", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);

  await visitor.page.goto(`${world.demo.issuer}/end-session`);

  assert.equal(await visitor.page.textContent("h1"), "Sign out?");
  await visitor.open("/");
  await visitor.hasState("signed in");
});

async function signOut(visitor) {
  await visitor.page.click("#sign-out");
  await visitor.page.waitForURL(`${world.demo.app}/`);
  await visitor.hasState("signed out");
}
