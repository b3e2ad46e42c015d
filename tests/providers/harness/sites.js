// What the engines visit: the demo, and `cloakroom serve` with and without TLS.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

import { startDemo } from "../../browser/harness/demo.js";
import { freePlace, freePort, redirectUri, startGateway } from "./gateway.js";
import { OidcProvider } from "./oidc_provider.js";
import { Terminator } from "./terminator.js";
import { Upstream } from "./upstream.js";

/**
 * A site where people sign in.
 *
 * @typedef {{
 *   app: string, issuer: string, logIn: (browser: object) => Promise<void>, leave: (browser: object) => Promise<void>,
 *   exchanges?: object[],
 * }} Site `logIn` fills in the login page that is shown; `leave` confirms at the login server; `exchanges` are all
 *   requests of browsers, where something stands in between that can tell
 */

/** `cloakroom demo`, over plain http. @returns {Promise<Site>} */
export async function openDemo() {
  const folder = await mkdtemp(join(tmpdir(), "cloakroom-engine-test-"));
  after(() => rm(folder, { recursive: true, force: true }));
  const demo = await startDemo(folder);
  after(() => demo.stop());
  return {
    app: demo.app,
    issuer: demo.issuer,
    async logIn(browser) {
      await browser.type("[name=username]", demo.user);
      await browser.type("[name=password]", demo.password);
      await browser.click("button[type=submit]");
    },
    async leave() {},
  };
}

/** `cloakroom serve` behind TLS, with `oidc-provider` to sign in. @returns {Promise<Site>} */
export async function openSecureSite() {
  const port = await freePort();
  const terminator = await Terminator.before(port);
  after(() => terminator.close());
  const site = await openPlainSite({ origin: terminator.origin, port });
  return { ...site, exchanges: terminator.exchanges };
}

/** `cloakroom serve` alone, with `oidc-provider` to sign in. @returns {Promise<Site>} */
export async function openPlainSite(where) {
  const place = where ?? (await freePlace());
  const client = { client_id: "app", client_secret: "a secret that is long enough for anybody" };
  const provider = await OidcProvider.start([
    { ...client, redirect_uris: [redirectUri(place, "main")], post_logout_redirect_uris: [`${place.origin}/`] },
  ]);
  after(() => provider.stop());
  const upstream = await Upstream.start();
  after(() => upstream.close());
  const servers = [{ name: "main", issuer: provider.issuer, ...client }];
  const gateway = await startGateway({ upstream: upstream.address, servers, place });
  after(() => gateway.close());
  return {
    app: place.origin,
    issuer: provider.issuer,
    async logIn(browser) {
      await browser.type("[name=login]", provider.account.login);
      await browser.type("[name=password]", "anything");
      await browser.click("button[type=submit]");
      const consent = "input[name=prompt][value=consent]";
      const either = "return location.origin === arguments[0] || document.querySelector(arguments[1]) !== null";
      await browser.until(either, place.origin, consent);
      if (await browser.run("return document.querySelector(arguments[0]) !== null", consent)) {
        await browser.click("button[type=submit]");
      }
    },
    async leave(browser) {
      await browser.click("button[name=logout]");
    },
  };
}
