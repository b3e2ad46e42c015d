// Three browser engines behind one face: Chromium, Firefox's Gecko, and WebKit as GTK has it.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { launchChromium } from "./chromium.js";
import { Marionette } from "./marionette.js";
import { WebDriver } from "./webdriver.js";

export const FIREFOX = process.env.FIREFOX ?? "firefox-esr";
export const WEBKIT_DRIVER = process.env.WEBKIT_DRIVER ?? "WebKitWebDriver";
export const XVFB = "Xvfb";
const STEP_MILLISECONDS = 10_000;
/** The name under which WebDriver hands out references to elements. */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** Starts each engine. The names of what it needs are those in `missing.js`. */
export const ENGINES = {
  Chromium: { needs: "chromium", start: startChromium },
  Firefox: { needs: "firefox", start: startFirefox },
  WebKit: { needs: "webkit", start: startWebKit },
};

/** What a person does with a browser, and what a tester can see of it. Certificates may be of anybody's making. */
class Browser {
  /** Waits until the page that is shown says something truthy to a script. */
  async until(script, ...values) {
    const end = Date.now() + STEP_MILLISECONDS;
    for (;;) {
      // While a page makes room for the next one, there is nobody to ask.
      const said = await this.run(script, ...values).catch(() => undefined);
      if (said) return said;
      if (Date.now() > end) throw new Error(`at ${await this.url()}, this did not come true: ${script}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Waits until the page at this address has been loaded. */
  async isAt(address) {
    await this.until('return document.readyState === "complete" && location.href === arguments[0]', address);
  }

  /** Waits until there is such an element, and returns its text. */
  async text(selector) {
    await this.until("return document.querySelector(arguments[0]) !== null", selector);
    return this.run("return document.querySelector(arguments[0]).textContent", selector);
  }

  /** The answer to a call that the page's own script makes. */
  async call(path, options = {}) {
    return this.run(
      `const [path, options] = arguments;
       return fetch(path, { ...options, headers: { "X-CSRF": "1" }, cache: "no-store" })
         .then(async (answer) => ({ status: answer.status, body: await answer.json().catch(() => null) }))`,
      path,
      options,
    );
  }
}

class DrivenBrowser extends Browser {
  #driver;
  #folder;

  constructor(driver, folder) {
    super();
    this.#driver = driver;
    this.#folder = folder;
  }

  async open(address) {
    await this.#driver.send("Navigate", { url: address });
  }

  async url() {
    return this.#driver.send("GetCurrentURL");
  }

  async back() {
    await this.#driver.send("Back");
  }

  async run(script, ...values) {
    return this.#driver.send("ExecuteScript", { script, args: values });
  }

  async click(selector) {
    await this.#driver.send("ElementClick", { id: await this.#find(selector) });
  }

  async type(selector, text) {
    await this.#driver.send("ElementSendKeys", { id: await this.#find(selector), text });
  }

  /** Name, `secure`, `httpOnly` and `sameSite` of each cookie that it would send to the page that is shown. */
  async cookies() {
    return this.#driver.send("GetCookies");
  }

  async close() {
    await this.#driver.close();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async #find(selector) {
    await this.until("return document.querySelector(arguments[0]) !== null", selector);
    return (await this.#driver.send("FindElement", { using: "css selector", value: selector }))[ELEMENT];
  }
}

class PlayedBrowser extends Browser {
  #browser;
  #page;

  constructor(browser, page) {
    super();
    this.#browser = browser;
    this.#page = page;
  }

  async open(address) {
    await this.#page.goto(address);
  }

  async url() {
    return this.#page.url();
  }

  async back() {
    await this.#page.goBack({ waitUntil: "commit" });
  }

  async run(script, ...values) {
    return this.#page.evaluate(`(function () { ${script} })(...${JSON.stringify(values)})`);
  }

  async click(selector) {
    await this.#page.click(selector);
  }

  async type(selector, text) {
    await this.#page.fill(selector, text);
  }

  async cookies() {
    return this.#page.context().cookies(this.#page.url());
  }

  async close() {
    await this.#browser.close();
  }
}

async function startChromium() {
  // Pages may be kept alive for the back button, as in everyday browsers; Playwright turns that off.
  const browser = await launchChromium({ ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  context.setDefaultTimeout(STEP_MILLISECONDS);
  return new PlayedBrowser(browser, await context.newPage());
}

async function startFirefox() {
  const folder = await mkdtemp(join(tmpdir(), "cloakroom-firefox-"));
  const marionette = await Marionette.start(FIREFOX, folder);
  await marionette.send("NewSession", { acceptInsecureCerts: true });
  return new DrivenBrowser(marionette, folder);
}

async function startWebKit() {
  const folder = await mkdtemp(join(tmpdir(), "cloakroom-webkit-"));
  const driver = await WebDriver.start(WEBKIT_DRIVER, { ...process.env, DISPLAY: await display(), HOME: folder });
  await driver.send("NewSession", { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
  return new DrivenBrowser(driver, folder);
}

let shown;

/** A display that nobody sees. It ends with this process. */
async function display() {
  shown ??= new Promise((resolve, reject) => {
    const server = spawn(XVFB, ["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    process.once("exit", () => server.kill("SIGKILL"));
    server.once("error", reject);
    server.stdout.once("data", (number) => {
      server.unref();
      server.stdout.unref();
      resolve(`:${number.toString().trim()}`);
    });
  });
  return shown;
}

