// The certified `oidc-provider` in this process, so that tests can look into it, change its keys and take it away.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";

import { Provider } from "oidc-provider";
import { createMemoryAdapter } from "oidc-provider/lib/adapters/memory_adapter.js";

import { freePort } from "./gateway.js";

/** How it is asked to sign ID tokens, and a key for each. */
export const ALGORITHMS = {
  RS256: ["rsa", { modulusLength: 2048 }],
  PS256: ["rsa", { modulusLength: 2048 }],
  ES256: ["ec", { namedCurve: "P-256" }],
  ES384: ["ec", { namedCurve: "P-384" }],
  ES512: ["ec", { namedCurve: "P-521" }],
  EdDSA: ["ed25519", {}],
};

/** A new private key for one of the algorithms, as a JWK. */
export function newKey(algorithm) {
  const { privateKey } = generateKeyPairSync(...ALGORITHMS[algorithm]);
  return { ...privateKey.export({ format: "jwk" }), alg: algorithm, use: "sig", kid: randomBytes(6).toString("hex") };
}

/** One refresh token that came to the token endpoint, and what came of it. */
class Presentation {
  constructor(token, status) {
    this.token = token;
    this.status = status;
  }
}

export class OidcProvider {
  /** The only account there is. `name` is told at the UserInfo endpoint alone (OpenID Connect Core §5.4). */
  account = { login: "alice", name: "Alice Liddell" };
  /** Every request, with the time at which it came. */
  requests = [];
  /** Every refresh token that was presented. @type {Presentation[]} */
  presentations = [];
  /** What came of every back-channel logout that it has sent: nothing, or what went wrong. */
  notifications = [];
  /** A path at which it breaks connections off instead of answering. */
  breaksOffAt = undefined;
  #options;
  #adapter = createMemoryAdapter();
  #cookieKeys = [randomBytes(24).toString("base64url")];
  #keys;
  #server;

  /**
   * @param {object[]} clients their metadata (OpenID Connect Dynamic Registration §2)
   * @param {{keys?: object[], accessTokenSeconds?: number}} options further ones go to the provider as they are
   */
  static async start(clients, { keys = [newKey("RS256")], accessTokenSeconds = 300, ...options } = {}) {
    const provider = new OidcProvider();
    provider.port = await freePort();
    provider.#keys = keys;
    provider.#options = { ...options, clients, ttl: { ...LIVES, AccessToken: () => accessTokenSeconds } };
    await provider.listen();
    return provider;
  }

  get issuer() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Takes requests, at the same address each time, if it does not already. */
  async listen() {
    if (this.#server?.listening) return;
    this.useKeys(this.#keys);
    this.#server = createServer((question, answer) => {
      const path = question.url.split("?")[0];
      this.requests.push({ method: question.method, path, at: Date.now() });
      if (path === this.breaksOffAt) question.socket.destroy();
      else this.#handle(question, answer);
    });
    await new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.port, "127.0.0.1", resolve);
    });
  }

  /** Nobody answers at its address any more. What it knows is kept. */
  async stop() {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Signs with the first key from now on, and publishes all of them. Sessions and tokens are kept. */
  useKeys(keys) {
    this.#keys = keys;
    this.provider = new Provider(this.issuer, {
      ...this.#options,
      adapter: this.#adapter,
      jwks: { keys },
      cookies: { keys: this.#cookieKeys },
      enabledJWA: { idTokenSigningAlgValues: Object.keys(ALGORITHMS) },
      claims: { openid: ["sub"], profile: ["name"] },
      features: Object.fromEntries(FEATURES.map((feature) => [feature, { enabled: true }])),
      findAccount: (_, id) => this.#account(id),
      rotateRefreshToken: true,
      // Its own requests to this machine would be refused otherwise.
      fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    });
    this.provider.use(async (context, next) => {
      await next();
      this.#remember(context);
    });
    this.provider.on("backchannel.success", () => this.notifications.push(undefined));
    this.provider.on("backchannel.error", (_, error) => this.notifications.push(error));
    this.#handle = this.provider.callback();
  }

  /** The keys that it publishes, the one that signs first. */
  get keys() {
    return this.#keys;
  }

  /** Whether it would still take this access token. */
  async isGood(accessToken) {
    const found = await this.provider.AccessToken.find(accessToken);
    return found !== undefined && found.isValid;
  }

  /** Whether it would still take this refresh token. */
  async wouldRefresh(refreshToken) {
    const found = await this.provider.RefreshToken.find(refreshToken);
    return found !== undefined && found.isValid;
  }

  /** Ends everything that was granted together with a refresh token, as an administrator does. */
  async revokeGrantOf(refreshToken) {
    const { grantId } = await this.provider.RefreshToken.find(refreshToken);
    for (const model of ["AccessToken", "RefreshToken"]) await this.provider[model].revokeByGrantId(grantId);
  }

  #account(id) {
    if (id !== this.account.login) return undefined;
    return { accountId: id, claims: () => ({ sub: id, name: this.account.name }) };
  }

  #remember({ oidc, body, status }) {
    if (oidc?.route !== "token") return;
    if (oidc.params?.grant_type === "refresh_token") {
      this.presentations.push(new Presentation(oidc.params.refresh_token, status));
    }
    /** The refresh token that was given out last. */
    this.latestRefreshToken = body?.refresh_token ?? this.latestRefreshToken;
  }

  #handle = () => {};
}

const FEATURES = ["backchannelLogout", "devInteractions", "revocation", "rpInitiatedLogout"];
/** Seconds. Far more than a test takes, so that only access tokens end on their own. */
const LIVES = Object.fromEntries(
  ["Grant", "IdToken", "Interaction", "RefreshToken", "Session"].map((model) => [model, () => 3600]),
);

/**
 * Logs in on its pages, and agrees to what the client asks for. Returns when the browser has left them.
 *
 * @param {import("playwright-core").Page} page which is on its way there
 */
export async function logIn(page, provider) {
  await isAtLoginPage(page, provider);
  await page.fill("[name=login]", provider.account.login);
  await page.fill("[name=password]", "anything");
  await page.click("button[type=submit]");
  await agree(page, provider);
}

/** Agrees to what the client asks for, if that is asked. */
export async function agree(page, provider) {
  await page.waitForURL((url) => url.origin !== provider.issuer || url.pathname.startsWith("/interaction/"));
  const consent = page.locator("input[name=prompt][value=consent]");
  const left = page.waitForURL((url) => url.origin !== provider.issuer);
  await Promise.race([left, consent.waitFor({ state: "attached" })]).catch(() => {});
  if (await consent.count()) await page.click("button[type=submit]");
  await left;
}

/** Waits for the page that asks for the password. */
export async function isAtLoginPage(page, provider) {
  await page.waitForURL((url) => url.origin === provider.issuer);
  await page.waitForSelector("[name=password]");
}
