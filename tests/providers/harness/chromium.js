// Chromium without a window, and people in it.

import { chromium } from "playwright-core";

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Pages of other people's servers ask for fonts elsewhere.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
];
/** No step of a test takes longer than this where nothing is wrong. */
const STEP_MILLISECONDS = 20_000;

/** @returns {Promise<import("playwright-core").Browser>} */
export async function launchChromium(options = {}) {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS, ...options });
}

/**
 * Somebody who has never been here.
 *
 * @param {import("node:test").TestContext} test the visitor leaves when it ends
 * @param {import("playwright-core").Browser} browser
 * @param {{app: string}} gateway
 */
export async function visit(test, browser, gateway) {
  const context = await browser.newContext();
  test.after(() => context.close());
  context.setDefaultTimeout(STEP_MILLISECONDS);
  return new Visitor(gateway, context, await context.newPage());
}

class Visitor {
  constructor(gateway, context, page) {
    this.gateway = gateway;
    this.context = context;
    this.page = page;
  }

  /** Opens a path of the app, as one who types it. */
  async open(path) {
    return this.page.goto(this.gateway.app + path);
  }

  /** Waits until the page is at this path of the app. */
  async isAt(path) {
    await this.page.waitForURL(this.gateway.app + path);
    await this.page.waitForLoadState();
  }

  /** The answer to a call that the app's own script makes. */
  async call(path, options = {}) {
    const [answer] = await this.callTogether([path], options);
    return answer;
  }

  /** The answers to calls that the app's own script makes at the same time. */
  async callTogether(paths, options = {}) {
    return this.page.evaluate(
      async ([paths, options]) => {
        const call = async (path) => {
          const headers = { "X-CSRF": "1", ...options.headers };
          const answer = await fetch(path, { ...options, headers, cache: "no-store" });
          const text = await answer.text();
          const isJson = /json/.test(answer.headers.get("content-type") ?? "");
          return { status: answer.status, headers: Object.fromEntries(answer.headers), body: isJson ? JSON.parse(text) : text };
        };
        return Promise.all(paths.map(call));
      },
      [paths, options],
    );
  }

  /** What `/auth/session` says. */
  async session() {
    return (await this.call("/auth/session?touch=0")).body;
  }
}
