// Access tokens end every few seconds here; nobody may notice.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { LIMIT, SESSION_COOKIE, openWorld } from "./harness/world.js";

const LIFE_SECONDS = 3;
const world = await openWorld(["--access-token-life", `${LIFE_SECONDS}s`]);

test("when the access token is over, the next call gets a new one and nothing else changes", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  const [session, cookie] = [await visitor.session(), await visitor.cookie(SESSION_COOKIE)];
  const asked = visitor.record.asked(world.demo.issuer).length;

  for (let round = 0; round < 3; round += 1) {
    await pause((LIFE_SECONDS + 1) * 1000);
    const answer = await visitor.call("/api/whoami");

    assert.equal(answer.status, 200);
    assert.ok(answer.body.token_expires_in_seconds <= LIFE_SECONDS, "the token lives longer than this test believes");
  }

  assert.equal((await visitor.session()).id, session.id);
  assert.equal((await visitor.cookie(SESSION_COOKIE)).value, cookie.value);
  assert.equal(visitor.record.asked(world.demo.issuer).length, asked, "the browser was sent to the login server");
});

test("many calls at once after the token's end all get their answer", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);

  for (let round = 0; round < 2; round += 1) {
    await pause((LIFE_SECONDS + 1) * 1000);
    const answers = await Promise.all(Array.from({ length: 12 }, () => visitor.call("/api/whoami")));

    assert.deepEqual(answers.map(({ status }) => status), Array(12).fill(200));
  }

  assert.equal((await visitor.session()).authenticated, true);
});

test("two tabs refresh at once and both go on", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  const other = await visitor.context.newPage();
  await visitor.open("/", other);
  await pause((LIFE_SECONDS + 1) * 1000);

  const answers = await Promise.all([visitor.page, other].map((page) => visitor.call("/api/whoami", {}, page)));

  assert.deepEqual(answers.map(({ status }) => status), [200, 200]);
});

test("a page made on the server is shown after the token's end without a login", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  const asked = visitor.record.asked(world.demo.issuer).length;
  await pause((LIFE_SECONDS + 1) * 1000);

  await visitor.open("/account");

  await visitor.showsAccount();
  assert.equal(visitor.record.asked(world.demo.issuer).length, asked);
});
