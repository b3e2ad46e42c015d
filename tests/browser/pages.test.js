// Every page a person can meet: legible in both colour schemes and on a narrow screen, without a complaint from the
// browser. Pictures of them are left in screenshots/, to be looked at.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { OTHER_SITE, serve } from "./harness/site.js";
import { LIMIT, openWorld } from "./harness/world.js";

const world = await openWorld();
const PICTURES = fileURLToPath(new URL("screenshots/", import.meta.url));
await mkdir(PICTURES, { recursive: true });

const WIDE = { viewport: { width: 1000, height: 760 } };
const NARROW = { viewport: { width: 320, height: 640 } };
const LOOKS = {
  light: { ...WIDE, colorScheme: "light" },
  dark: { ...WIDE, colorScheme: "dark" },
  narrow: { ...NARROW, colorScheme: "light" },
};

const REFRESH = /<meta http-equiv="refresh"[^>]*>/;
const SCRIPT = /<script>.*<\/script>/s;

/** What leads to each page. Some answer with an error on purpose, which the browser mentions on its console. */
const PAGES = {
  "app-signed-out": async (visitor) => {
    await visitor.open("/");
    await visitor.hasState("signed out");
  },
  login: async (visitor) => {
    await visitor.open("/account");
    await visitor.isAtLoginPage();
  },
  "login-wrong-password": async (visitor) => {
    await visitor.open("/account");
    await visitor.logIn(visitor.page, "not-the-password");
    await visitor.page.waitForSelector("[role=alert]");
  },
  "app-signed-in": async (visitor) => {
    await visitor.signIn();
    await visitor.page.click("#call-api");
    await visitor.page.waitForFunction(() => document.getElementById("api-result").textContent.startsWith("200"));
  },
  account: async (visitor) => {
    await visitor.open("/account");
    await visitor.logIn();
    await visitor.showsAccount();
  },
  "ask-before-login": async (visitor, t) => {
    const link = `${world.demo.app}/auth/login?return_to=/account`;
    await visitor.page.goto(await serve(t, OTHER_SITE, `<!doctype html><a href="${link}">Sign in</a>`));
    await visitor.page.click("a");
    await visitor.page.waitForURL(link);
  },
  bounce: async (visitor, t) => {
    // It is shown for a moment only, so the way on is taken out of it.
    const link = `${world.demo.app}/account`;
    await visitor.page.route(link, async (route) => {
      const answer = await route.fetch();
      const body = await answer.text();
      assert.match(body, REFRESH);
      await route.fulfill({ response: answer, body: body.replace(REFRESH, "").replace(SCRIPT, "") });
    });
    await visitor.page.goto(await serve(t, OTHER_SITE, `<!doctype html><a href="${link}">My account</a>`));
    await visitor.page.click("a");
    await visitor.page.waitForURL(link);
  },
  "broken-callback": async (visitor) => {
    await visitor.open("/auth/callback/demo?code=made-up&state=made-up");
  },
  "no-such-endpoint": async (visitor) => {
    await visitor.open("/auth/sessions");
  },
  "sign-out-question": async (visitor) => {
    await visitor.signIn();
    await visitor.page.goto(`${world.demo.issuer}/end-session`);
  },
  "login-server-error": async (visitor) => {
    await visitor.page.goto(`${world.demo.issuer}/authorize?client_id=unknown`);
  },
  elsewhere: async (visitor) => {
    await visitor.signIn();
    await visitor.page.goto(world.demo.elsewhere);
    await visitor.page.waitForFunction(() => document.querySelectorAll("#attempts tr").length === 5);
  },
};

for (const [name, lead] of Object.entries(PAGES)) {
  for (const [look, options] of Object.entries(LOOKS)) {
    test(`the page ${name} is legible: ${look}`, LIMIT, async (t) => {
      const visitor = await world.visitor(t, options);

      await lead(visitor, t);
      await visitor.page.screenshot({ path: `${PICTURES}${name}-${look}.png`, fullPage: true });

      const { page } = visitor;
      assert.notEqual(await page.title(), "");
      assert.equal(await page.locator("h1").count(), 1);
      assert.equal(await page.getAttribute("html", "lang"), "en");
      assert.deepEqual(await page.evaluate(sidewaysOverflow), [], "something is wider than the screen");
      assert.deepEqual(await page.evaluate(faintTexts), [], "some text is hard to read");
      assert.deepEqual(await page.evaluate(unnamedControls), [], "some controls have no name");
      assert.deepEqual(blocked(visitor), []);
    });
  }
}

/** Complaints about our own policies: style, script or a form that the browser did not let pass. */
function blocked(visitor) {
  const fromOthers = /frame|CORS|ERR_BLOCKED_BY_RESPONSE|Failed to load resource/;
  return visitor.record.complaints.filter((text) => !fromOthers.test(text));
}

/** Runs in the page: elements that reach over the right edge, unless they scroll by themselves. */
function sidewaysOverflow() {
  if (document.documentElement.scrollWidth <= innerWidth) return [];
  return [...document.querySelectorAll("body *")]
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
    .map((element) => element.outerHTML.slice(0, 80));
}

/** Runs in the page: texts with less contrast than WCAG 2.2 SC 1.4.3 asks for. */
function faintTexts() {
  const parse = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color[3] !== 0) return color;
    }
    return isDark ? [18, 18, 18] : [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const ownText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!ownText || !element.checkVisibility()) continue;
    const shades = [luminance(parse(getComputedStyle(element).color)), luminance(ground(element))];
    const contrast = (Math.max(...shades) + 0.05) / (Math.min(...shades) + 0.05);
    if (contrast < 4.5) faint.push(`${contrast.toFixed(2)} ${element.textContent.trim().slice(0, 40)}`);
  }
  return faint;
}

/** Runs in the page: things to press or fill in that a screen reader cannot name. */
function unnamedControls() {
  return [...document.querySelectorAll("a, button, input:not([type=hidden]), iframe")]
    .filter((control) => {
      const label = control.labels?.[0]?.textContent ?? control.getAttribute("aria-label") ?? control.title;
      return !(label || control.textContent).trim();
    })
    .map((control) => control.outerHTML);
}
