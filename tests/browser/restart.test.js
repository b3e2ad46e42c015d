// The gateway comes and goes; sessions stay.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LIMIT, SESSION_COOKIE, openWorld } from "./harness/world.js";

const world = await openWorld();

test("a restart signs nobody out", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  const session = await visitor.session();

  await world.restart();

  await visitor.page.reload();
  await visitor.hasState("signed in");
  assert.equal((await visitor.session()).id, session.id);
  assert.equal((await visitor.call("/api/invoices")).status, 200);
});

test("while the gateway is away the app says that it does not know, and afterwards goes on", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  await world.demo.stop();

  await visitor.page.click("#call-api");
  await visitor.hasState("unknown");
  assert.equal(await visitor.page.textContent("#user"), "Alice Liddell");

  await world.start();
  await visitor.page.click("#call-api");
  await visitor.hasState("signed in");
});

test("a login that began before a restart is completed after it", LIMIT, async (t) => {
  const visitor = await world.visitor(t);
  await visitor.open("/account");
  await visitor.isAtLoginPage();

  await world.restart();

  await visitor.logIn();
  await visitor.showsAccount();
});

test("a fresh start forgets every session", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);

  await world.restart(["--fresh"]);

  await visitor.page.reload();
  await visitor.hasState("signed out");
  assert.equal((await visitor.call("/api/invoices")).status, 401);
  await visitor.page.click("#sign-in");
  await visitor.isAtLoginPage();
});

test("a ticket that was changed is no session", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  const cookie = await visitor.cookie(SESSION_COOKIE);

  for (const at of [0, 30, 60, 79]) {
    const letter = cookie.value[at] === "A" ? "B" : "A";
    const value = cookie.value.slice(0, at) + letter + cookie.value.slice(at + 1);
    await visitor.context.addCookies([{ ...cookie, value }]);

    assert.deepEqual(await visitor.session(), { authenticated: false }, `letter ${at}`);
  }

  await visitor.context.addCookies([cookie]);
  assert.equal((await visitor.session()).authenticated, true);
});
