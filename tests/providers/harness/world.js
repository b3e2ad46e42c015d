// One `oidc-provider`, one gateway that knows it, one upstream and one browser for a file of tests.

import { randomBytes } from "node:crypto";
import { after } from "node:test";

import { launchChromium, visit } from "./chromium.js";
import { freePlace, redirectUri, startGateway } from "./gateway.js";
import { OidcProvider, logIn } from "./oidc_provider.js";
import { Upstream } from "./upstream.js";

/** What `node:test` is told about every test here. */
export const LIMIT = { timeout: 90_000 };

/**
 * Opens a world that is closed after the last test of the file.
 *
 * @param {Record<string, {client?: object | ((place: {origin: string}) => object), server?: object}>} registrations our registrations at the provider by name:
 *   `client` is more metadata for the provider, `server` more settings for the gateway
 * @param {object} options of the provider
 */
export async function openWorld(registrations = { main: {} }, options = {}) {
  const place = await freePlace();
  const named = Object.entries(registrations).map(([name, { client, server }]) => ({
    client: { ...clientOf(name, place), ...(typeof client === "function" ? client(place) : client) },
    server: { name, scope: "openid profile", ...server },
  }));
  const provider = await OidcProvider.start(named.map(({ client }) => client), options);
  after(() => provider.stop());
  const upstream = await Upstream.start();
  after(() => upstream.close());
  const servers = named.map(({ client, server }) => {
    const { client_id, client_secret } = client;
    return { issuer: provider.issuer, client_id, ...(client_secret && { client_secret }), ...server };
  });
  const gateway = await startGateway({ upstream: upstream.address, servers, place });
  after(() => gateway.close());
  const browser = await launchChromium();
  after(() => browser.close());
  return new World(provider, upstream, gateway, browser);
}

/** Characters that have to be encoded in a form and in `Basic` credentials (RFC 6749 §2.3.1) are among these. */
function clientOf(name, place) {
  return {
    client_id: `cloakroom:${name} +%`,
    client_secret: `:+%& ${randomBytes(24).toString("base64")}`,
    redirect_uris: [redirectUri(place, name)],
    post_logout_redirect_uris: [`${place.origin}/`],
    grant_types: ["authorization_code", "refresh_token"],
  };
}

class World {
  constructor(provider, upstream, gateway, browser) {
    this.provider = provider;
    this.upstream = upstream;
    this.gateway = gateway;
    this.browser = browser;
  }

  /** Somebody who has never been here. */
  async visitor(test) {
    return visit(test, this.browser, this.gateway);
  }

  /** Somebody who has logged in and is at the app's front page. */
  async signedInVisitor(test, login = "/auth/login?return_to=/") {
    const visitor = await this.visitor(test);
    await visitor.open(login);
    await logIn(visitor.page, this.provider);
    await visitor.isAt("/");
    return visitor;
  }

  /** The access token that reached the API with a call of this visitor's. */
  async tokenOf(visitor) {
    const path = `/api/${randomBytes(6).toString("hex")}`;
    const { status, body } = await visitor.call(path);
    if (status !== 200) throw new Error(`the API was not reached: ${status} ${JSON.stringify(body)}`);
    return this.upstream.requests.find((request) => request.path === path).token;
  }
}

/** Lets real time pass: other people's servers have no other. */
export async function pass(milliseconds) {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Waits until something has become true, and fails if it does not. */
export async function eventually(what, isSo, milliseconds = 10_000) {
  const until = Date.now() + milliseconds;
  while (!(await isSo())) {
    if (Date.now() > until) throw new Error(`this did not happen: ${what}`);
    await pass(50);
  }
}
