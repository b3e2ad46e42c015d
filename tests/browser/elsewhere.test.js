// What other sites, and siblings of the app on its own site, can and cannot do.

import assert from "node:assert/strict";
import { test } from "node:test";

import { OTHER_SITE, SIBLING, serve } from "./harness/site.js";
import { LIMIT, SESSION_COOKIE, openWorld } from "./harness/world.js";

const world = await openWorld();
const INVOICE = JSON.stringify({ customer: "Somebody Else", amount_cents: 100_000 });

test("a link from another site finds the person signed in though the Strict cookie stayed behind", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  await visitor.page.goto(`${world.demo.elsewhere}`);

  const { exchanges } = await world.witness.during(async () => {
    await visitor.page.click("#link-account");
    await visitor.showsAccount();
  });

  const pages = exchanges.filter(({ path }) => path === "/account");
  assert.deepEqual(
    pages.map((page) => [page.headers["sec-fetch-site"], page.cookie(SESSION_COOKIE) !== undefined, page.status]),
    [
      ["cross-site", false, 200],
      ["same-origin", true, 200],
    ],
  );
});

test("a link from another site keeps its query and its fragment", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  const link = `${world.demo.app}/account?view=all&q=a%20b#invoices`;
  await visitor.page.goto(await serve(t, OTHER_SITE, `<!doctype html><a href="${link}">My account</a>`));

  await visitor.page.click("a");

  await visitor.showsAccount("/account?view=all&q=a%20b#invoices");
});

test("a link from another site finds the person signed in without JavaScript, too", LIMIT, async (t) => {
  const visitor = await world.visitor(t, { javaScriptEnabled: false });
  await visitor.open("/account");
  await visitor.logIn();
  await visitor.showsAccount();
  for (const fragment of ["", "#invoices"]) {
    const link = `${world.demo.app}/account${fragment}`;
    await visitor.page.goto(await serve(t, OTHER_SITE, `<!doctype html><a href="${link}">My account</a>`));

    await visitor.page.click("a");

    await visitor.page.waitForSelector("#subject");
    assert.equal(new URL(visitor.page.url()).pathname, "/account");
  }
});

test("a link from another site leads somebody signed out to its goal by way of the login page", LIMIT, async (t) => {
  const visitor = await world.visitor(t);
  await visitor.page.goto(`${world.demo.elsewhere}`);

  await visitor.page.click("#link-account");
  await visitor.logIn();

  await visitor.showsAccount();
});

test("going back from a page that another site linked to leads to that site", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  await visitor.page.goto(`${world.demo.elsewhere}`);
  await visitor.page.click("#link-account");
  await visitor.showsAccount();

  await visitor.page.goBack();

  assert.equal(visitor.page.url(), world.demo.elsewhere);
});

test("a link from another site that would begin a login asks the person first", LIMIT, async (t) => {
  const visitor = await world.visitor(t);
  const link = `${world.demo.app}/auth/login?return_to=/account`;
  await visitor.page.goto(await serve(t, OTHER_SITE, `<!doctype html><a href="${link}">Sign in</a>`));

  await visitor.page.click("a");
  await visitor.page.waitForURL(link);

  assert.equal(await visitor.page.textContent("h1"), "Sign in?");
  assert.deepEqual(await visitor.cookies(), []);
  await visitor.page.click("text=Sign in >> nth=-1");
  await visitor.logIn();
  await visitor.showsAccount();
});

for (const [whose, host] of [["another site", OTHER_SITE], ["a sibling on the app's own site", SIBLING]]) {
  test(`${whose} that sends a form to the API gets 403, and nothing is written`, LIMIT, async (t) => {
    const visitor = await world.signedInVisitor(t);
    const before = await visitor.invoiceCount();
    const enemy = await visitor.context.newPage();
    const [name, value] = [INVOICE.replace("}", ',"note":"'), '"}'];
    const form = `<!doctype html><form method="post" enctype="text/plain" action="${world.demo.app}/api/invoices">
      <input type="hidden" name='${name}' value='${value}'><button>Win</button></form>`;
    await enemy.goto(await serve(t, host, form));

    const { exchanges } = await world.witness.during(async () => {
      await enemy.click("button");
      await enemy.waitForURL(`${world.demo.app}/api/invoices`);
    });

    assert.equal(exchanges.length, 1);
    areRefused(exchanges, host);
    assert.equal(await visitor.invoiceCount(), before);
  });

  test(`${whose} that signs the person out by a form gets 403, and the session goes on`, LIMIT, async (t) => {
    const visitor = await world.signedInVisitor(t);
    const enemy = await visitor.context.newPage();
    const logout = `${world.demo.app}/auth/logout`;
    const form = `<!doctype html><form method="post" action="${logout}"><button>Win</button></form>`;
    await enemy.goto(await serve(t, host, form));

    const { exchanges } = await world.witness.during(async () => {
      await enemy.click("button");
      await enemy.waitForURL(logout);
    });

    assert.equal(exchanges.length, 1);
    areRefused(exchanges, host);
    assert.equal((await visitor.session()).authenticated, true);
  });

  const calls = [
    ["a read", "/api/invoices", {}],
    ["a read in no-cors mode", "/api/invoices", { mode: "no-cors" }],
    ["the question who is signed in", "/auth/session", {}],
    ["the question for the CSRF token", "/auth/csrf", {}],
    ["a write", "/api/invoices", { method: "POST", body: INVOICE }],
    ["a write in no-cors mode", "/api/invoices", { method: "POST", mode: "no-cors", body: INVOICE }],
    ["a logout in no-cors mode", "/auth/logout", { method: "POST", mode: "no-cors" }],
  ];
  for (const [what, path, options] of calls) {
    test(`${whose} gets 403 for ${what} by script`, LIMIT, async (t) => {
      const visitor = await world.signedInVisitor(t);
      const before = await visitor.invoiceCount();
      const enemy = await visitor.context.newPage();
      await enemy.goto(await serve(t, host));

      const { exchanges, result } = await world.witness.during(() =>
        enemy.evaluate(callFromOutside, [world.demo.app + path, options]),
      );

      assert.equal(exchanges.length, 1);
      areRefused(exchanges, host);
      assert.ok(["blocked", "opaque 0"].includes(result), `script got ${result}`);
      assert.equal(await visitor.invoiceCount(), before);
      assert.equal((await visitor.session()).authenticated, true);
    });
  }

  test(`${whose} is not allowed to send the static header`, LIMIT, async (t) => {
    const visitor = await world.signedInVisitor(t);
    const before = await visitor.invoiceCount();
    const enemy = await visitor.context.newPage();
    await enemy.goto(await serve(t, host));
    const options = { method: "POST", headers: { "X-CSRF": "1", "Content-Type": "application/json" }, body: INVOICE };

    const { exchanges, result } = await world.witness.during(() =>
      enemy.evaluate(callFromOutside, [`${world.demo.app}/api/invoices`, options]),
    );

    assert.equal(result, "blocked");
    assert.deepEqual(
      exchanges.map(({ method }) => method),
      ["OPTIONS"],
    );
    areRefused(exchanges);
    assert.equal(await visitor.invoiceCount(), before);
  });

  test(`${whose} that embeds the app's pages and answers gets nothing`, LIMIT, async (t) => {
    const visitor = await world.signedInVisitor(t);
    const enemy = await visitor.context.newPage();
    const { app } = world.demo;
    const html = `<!doctype html><title>Trap</title>
      <img src="${app}/account"><img src="${app}/api/invoices">
      <script src="${app}/api/whoami"></script><script src="${app}/auth/session"></script>
      <link rel="stylesheet" href="${app}/account?style">
      <iframe src="${app}/account?framed"></iframe><object data="${app}/account?object"></object>
      <embed src="${app}/account?embedded">`;
    const trap = await serve(t, host, html);
    const { exchanges } = await world.witness.during(() => enemy.goto(trap, { waitUntil: "load" }));

    assert.equal(exchanges.length, 8);
    areRefused(exchanges, host);
    const widths = await enemy.$$eval("img", (images) => images.map((image) => image.naturalWidth));
    assert.deepEqual(widths, [0, 0]);
    for (const frame of enemy.frames()) assert.doesNotMatch(await frame.content(), /My account|Hatter/);
  });

  test(`${whose} cannot show the app's front page in a frame`, LIMIT, async (t) => {
    const visitor = await world.signedInVisitor(t);
    const enemy = await visitor.context.newPage();
    const { app } = world.demo;
    const html = `<!doctype html><iframe src="${app}/"></iframe><iframe src="${app}/auth/login"></iframe>`;

    await enemy.goto(await serve(t, host, html), { waitUntil: "load" });

    const [, ...frames] = enemy.frames();
    assert.equal(frames.length, 2);
    for (const frame of frames) assert.doesNotMatch(await frame.content(), /Invoices|Log in|Sign in/);
  });

  test(`${whose} cannot open a WebSocket`, LIMIT, async (t) => {
    const visitor = await world.signedInVisitor(t);
    const enemy = await visitor.context.newPage();
    await enemy.goto(await serve(t, host));

    const { exchanges, result } = await world.witness.during(() =>
      enemy.evaluate(openWebSocket, `${world.demo.app.replace("http", "ws")}/api/invoices`),
    );

    assert.equal(result, "error");
    assert.equal(exchanges.length, 1);
    areRefused(exchanges, host);
  });

  test(`${whose} that opens the app in a window loses its hold of it`, LIMIT, async (t) => {
    const visitor = await world.signedInVisitor(t);
    const enemy = await visitor.context.newPage();
    await enemy.goto(await serve(t, host, `<!doctype html><button>Open</button>`));
    await enemy.evaluate((url) => {
      document.querySelector("button").onclick = () => (window.opened = window.open(url));
    }, `${world.demo.app}/`);

    const [opened] = await Promise.all([visitor.context.waitForEvent("page"), enemy.click("button")]);
    await visitor.hasState("signed in", opened);

    assert.equal(await enemy.evaluate(() => window.opened.closed), true);
    assert.equal(await opened.evaluate(() => window.opener), null);
  });
}

test("even the app's own page needs the static header, which no form can send", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  const before = await visitor.invoiceCount();
  const write = { method: "POST", headers: { "Content-Type": "application/json" }, body: INVOICE };

  const { exchanges } = await world.witness.during(() =>
    visitor.page.evaluate(async (write) => {
      await fetch("/api/invoices");
      await fetch("/api/invoices", write);
      await fetch("/auth/session");
      await fetch("/auth/logout", { method: "POST" });
    }, write),
  );

  assert.equal(exchanges.length, 4);
  areRefused(exchanges, SIBLING);
  assert.equal(await visitor.invoiceCount(), before);
  assert.equal((await visitor.session()).authenticated, true);
});

test("the app's own page may open no WebSocket either, and is told so", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);

  const { exchanges } = await world.witness.during(() =>
    visitor.page.evaluate(openWebSocket, `${world.demo.app.replace("http", "ws")}/account`),
  );

  assert.deepEqual(
    exchanges.map(({ status }) => status),
    [501],
  );
});

test("the demo's hostile page says of every attempt that it failed", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  const before = await visitor.invoiceCount();
  const enemy = await visitor.context.newPage();

  await enemy.goto(world.demo.elsewhere);
  await enemy.waitForFunction(() => {
    const rows = [...document.querySelectorAll("#attempts td:last-child")];
    return rows.length === 5 && rows.every((row) => row.textContent !== "…");
  });

  const outcomes = await enemy.$$eval("#attempts td:last-child", (cells) => cells.map((cell) => cell.textContent));
  for (const outcome of outcomes) assert.match(outcome, /^(blocked|sent, but nothing to see)/);
  await enemy.click("#link-form");
  await enemy.waitForURL(`${world.demo.app}/api/invoices`);
  assert.equal(await visitor.invoiceCount(), before);
  assert.equal((await visitor.session()).authenticated, true);
});

test("a link from another site to the API is refused", LIMIT, async (t) => {
  const visitor = await world.signedInVisitor(t);
  const link = `${world.demo.app}/api/invoices`;
  await visitor.page.goto(await serve(t, OTHER_SITE, `<!doctype html><a href="${link}">Invoices</a>`));

  const { exchanges } = await world.witness.during(async () => {
    await visitor.page.click("a");
    await visitor.page.waitForURL(link);
  });

  assert.equal(exchanges.length, 1);
  areRefused(exchanges, OTHER_SITE);
});

/** Every answer is a refusal that no foreign script can read; and the Strict cookie came along from siblings only. */
function areRefused(exchanges, host) {
  for (const { method, path, status, answerHeaders } of exchanges) {
    assert.equal(status, 403, `${method} ${path}`);
    assert.equal(answerHeaders["cloakroom-rejection"], "csrf", path);
    assert.equal(answerHeaders["access-control-allow-origin"], undefined, path);
  }
  if (!host) return;
  for (const exchange of exchanges) {
    assert.equal(exchange.cookie(SESSION_COOKIE) !== undefined, host === SIBLING, exchange.path);
  }
}

/** Runs in the foreign page: what its script gets to know. */
async function callFromOutside([url, options]) {
  try {
    const answer = await fetch(url, { credentials: "include", ...options });
    return `${answer.type} ${answer.status}`;
  } catch {
    return "blocked";
  }
}

/** Runs in the foreign page. */
function openWebSocket(url) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onopen = () => resolve("open");
    socket.onerror = () => resolve("error");
  });
}
