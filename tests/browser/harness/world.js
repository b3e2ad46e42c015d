// One demo and one browser for a file of tests; a visitor with an empty cookie jar for each test.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

import { chromium } from "playwright-core";

import { startDemo } from "./demo.js";
import { Record } from "./record.js";
import { Witness } from "./witness.js";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** No step of a test takes longer than this where nothing is wrong. */
const STEP_MILLISECONDS = 15_000;

/** What `node:test` is told about every test here. */
export const LIMIT = { timeout: 90_000 };

/**
 * Opens a world that is closed after the last test of the file.
 *
 * @param {string[]} demoOptions further options of `cloakroom demo`
 * @param {import("playwright-core").LaunchOptions} launchOptions further options of the browser
 */
export async function openWorld(demoOptions = [], launchOptions = {}) {
  const folder = await mkdtemp(join(tmpdir(), "cloakroom-browser-test-"));
  after(() => rm(folder, { recursive: true, force: true }));
  const demo = await startDemo(folder, ["--fresh", ...demoOptions]);
  const world = new World(demo);
  after(() => world.demo.stop());
  world.witness = await Witness.open();
  after(() => world.witness.close());
  const witnessed = [demo.app, demo.issuer].map((place) => `MAP ${new URL(place).host} ${world.witness.address}`);
  const args = [...FLAGS, `--host-resolver-rules=${witnessed.join(",")}`];
  world.browser = await chromium.launch({ executablePath: CHROMIUM, args, ...launchOptions });
  after(() => world.browser.close());
  return world;
}

class World {
  /** @param {import("./demo.js").Demo} demo */
  constructor(demo) {
    this.demo = demo;
  }

  /**
   * Somebody who has never been here, on a blank page.
   *
   * @param {import("node:test").TestContext} test the visitor leaves when it ends
   * @param {import("playwright-core").BrowserContextOptions} options of the browser context
   */
  async visitor(test, options = {}) {
    const context = await this.browser.newContext(options);
    test.after(() => context.close());
    context.setDefaultTimeout(STEP_MILLISECONDS);
    const record = new Record(context);
    return new Visitor(this, context, record, await context.newPage());
  }

  /** Somebody who has signed in at the app's front page. */
  async signedInVisitor(test, options = {}) {
    const visitor = await this.visitor(test, options);
    await visitor.signIn();
    return visitor;
  }

  /** Stops the demo and starts it again at the same addresses and with the same folder. */
  async restart(options = []) {
    await this.demo.stop();
    await this.start(options);
  }

  /** Starts the demo that has been stopped. */
  async start(options = []) {
    this.demo = await startDemo(this.demo.folder, [...this.demo.samePorts(), ...options]);
  }
}

/** One browser profile. */
class Visitor {
  constructor(world, context, record, page) {
    this.world = world;
    this.context = context;
    this.record = record;
    this.page = page;
  }

  get demo() {
    return this.world.demo;
  }

  /** Opens a path of the app, as one who types it. */
  async open(path, page = this.page) {
    return page.goto(this.demo.app + path);
  }

  /** Presses the app's sign-in button and logs in. */
  async signIn(page = this.page) {
    await this.open("/", page);
    await page.click("#sign-in");
    await this.logIn(page);
    await this.hasState("signed in", page);
  }

  /** Fills in the login page that is shown. */
  async logIn(page = this.page, password = this.demo.password) {
    await this.isAtLoginPage(page);
    await page.fill("[name=username]", this.demo.user);
    await page.fill("[name=password]", password);
    await page.click("button[type=submit]");
  }

  /** Waits for the login server's login page. */
  async isAtLoginPage(page = this.page) {
    await page.waitForURL((url) => url.origin === this.demo.issuer);
    await page.waitForSelector("[name=password]");
  }

  /** Waits until the app's badge says this. */
  async hasState(state, page = this.page) {
    await page.waitForSelector(`#state[data-state="${state}"]`);
  }

  /** Waits until the page is at this path of the app, fragment included. */
  async isAt(path, page = this.page) {
    await page.waitForURL(this.demo.app + path);
    await page.waitForLoadState();
  }

  /** Waits until the account page shows who is signed in, at this path. */
  async showsAccount(path = "/account", page = this.page) {
    await this.isAt(path, page);
    await page.waitForSelector("#subject");
  }

  /** The answer to a call that the app's own script makes: status, headers and body as the script can read them. */
  async call(path, options = {}, page = this.page) {
    return page.evaluate(
      async ([path, options]) => {
        const headers = { "X-CSRF": "1", ...options.headers };
        const answer = await fetch(path, { ...options, headers, cache: "no-store" });
        const text = await answer.text();
        const isJson = /json/.test(answer.headers.get("content-type") ?? "");
        return {
          status: answer.status,
          headers: Object.fromEntries(answer.headers),
          text,
          body: isJson ? JSON.parse(text) : undefined,
        };
      },
      [path, options],
    );
  }

  /** What `/auth/session` says. Does not count as use. */
  async session(page = this.page) {
    return (await this.call("/auth/session?touch=0", {}, page)).body;
  }

  /** How many invoices the API keeps for the person: every write that reached it has added one. */
  async invoiceCount(page = this.page) {
    return (await this.call("/api/invoices", {}, page)).body.invoices.length;
  }

  /** The app's cookies. */
  async cookies() {
    return this.context.cookies(this.demo.app);
  }

  /** The app's cookie with this name. */
  async cookie(name) {
    return (await this.cookies()).find((cookie) => cookie.name === name);
  }
}

/** The session cookie's name. */
export const SESSION_COOKIE = "__Host-Http-cloakroom";
/** The login cookie's name. */
export const LOGIN_COOKIE = "__Host-Http-cloakroom-login";
