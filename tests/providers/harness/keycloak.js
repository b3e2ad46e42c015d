// Keycloak as a child process: fetched once from Maven Central, kept outside the repository, started with a new memory.

import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { freePort } from "./gateway.js";

const VERSION = "26.7.3";
const CACHE = process.env.KEYCLOAK_FOLDER ?? fileURLToPath(new URL("../../../target/keycloak", import.meta.url));
export const KEYCLOAK_HOME = join(CACHE, `keycloak-${VERSION}`);
const FETCH_MILLISECONDS = 5 * 60_000;
/** The first start after a fetch puts the server together, which takes most of it. */
const START_MILLISECONDS = 4 * 60_000;
const REALM = "cloakroom";

export class Keycloak {
  /** Where the tests' realm is. */
  issuer;
  /** What it has logged. */
  log = [];
  #address;
  #child;
  #ended;
  #administrator = randomBytes(16).toString("hex");

  static async start() {
    if (!existsSync(KEYCLOAK_HOME)) await fetchDistribution();
    const keycloak = new Keycloak();
    await keycloak.#start();
    return keycloak;
  }

  /** Makes the realm that is described in `realm.json`, with what is different in each run. */
  async importRealm({ client, account, accessTokenSeconds }) {
    const realm = JSON.parse(await readFile(new URL("realm.json", import.meta.url), "utf8"));
    const [ours] = realm.clients;
    Object.assign(realm, { accessTokenLifespan: accessTokenSeconds });
    Object.assign(ours, { clientId: client.client_id, secret: client.client_secret, redirectUris: client.redirect_uris });
    ours.attributes["post.logout.redirect.uris"] = client.post_logout_redirect_uris.join("##");
    Object.assign(realm.users[0], { username: account.login, firstName: account.firstName, lastName: account.lastName });
    realm.users[0].credentials[0].value = account.password;
    await this.administer("POST", "", realm);
    this.issuer = `${this.#address}/realms/${REALM}`;
  }

  /** How often it wrote this event down. */
  async eventCount(type) {
    return (await this.administer("GET", `/${REALM}/events?type=${type}`)).length;
  }

  /** Ends all sessions of an account, as an administrator does. */
  async signOut(login) {
    const [user] = await this.administer("GET", `/${REALM}/users?username=${login}&exact=true`);
    await this.administer("POST", `/${REALM}/users/${user.id}/logout`);
  }

  /** Asks its administration. */
  async administer(method, path, body) {
    const form = { grant_type: "password", client_id: "admin-cli", username: "admin", password: this.#administrator };
    const tokens = await fetch(`${this.#address}/realms/master/protocol/openid-connect/token`, {
      method: "POST",
      body: new URLSearchParams(form),
    });
    const { access_token } = await tokens.json();
    const answer = await fetch(`${this.#address}/admin/realms${path}`, {
      method,
      headers: { Authorization: `Bearer ${access_token}`, "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`Keycloak's administration answers ${answer.status}: ${text}`);
    return text && JSON.parse(text);
  }

  async stop() {
    process.kill(-this.#child.pid, "SIGTERM");
    await this.#ended;
  }

  async #start() {
    const port = await freePort();
    this.#address = `http://127.0.0.1:${port}`;
    const options = ["--db=dev-mem", "--cache=local", "--http-host=127.0.0.1", `--http-port=${port}`];
    this.#child = spawn("sh", [join(KEYCLOAK_HOME, "bin/kc.sh"), "start-dev", ...options], {
      stdio: ["ignore", "pipe", "pipe"],
      // A process group of its own: the script starts Java, and both have to end.
      detached: true,
      env: {
        ...process.env,
        KC_BOOTSTRAP_ADMIN_USERNAME: "admin",
        KC_BOOTSTRAP_ADMIN_PASSWORD: this.#administrator,
      },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface(stream).on("line", (line) => this.log.push(line));
    }
    this.#ended = new Promise((resolve) => this.#child.once("close", resolve));
    process.once("exit", () => this.#end());
    const until = Date.now() + START_MILLISECONDS;
    while (!(await isAnswered(`${this.#address}/realms/master`))) {
      if (Date.now() < until && this.#child.exitCode === null) {
        await new Promise((resolve) => setTimeout(resolve, 250));
        continue;
      }
      this.#end();
      throw new Error(`Keycloak did not start: ${this.#child.exitCode ?? "no answer"}\n${this.log.join("\n")}`);
    }
  }

  #end() {
    try {
      process.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  }
}

/** Unpacked beside its place and then moved there, so that half of it is never taken for all. */
async function fetchDistribution() {
  const beside = `${KEYCLOAK_HOME}.${process.pid}`;
  await mkdir(beside, { recursive: true });
  const artifact = `org.keycloak:keycloak-quarkus-dist:${VERSION}:zip`;
  const options = ["-B", "-q", "dependency:unpack", `-Dartifact=${artifact}`, `-DoutputDirectory=${beside}`];
  // Where there is no project, Maven has nothing to ask about.
  await promisify(execFile)("mvn", options, { cwd: beside, timeout: FETCH_MILLISECONDS });
  await rename(join(beside, `keycloak-${VERSION}`), KEYCLOAK_HOME);
  await rm(beside, { recursive: true, force: true });
}

async function isAnswered(address) {
  const answer = await fetch(address).catch(() => undefined);
  return answer?.ok === true;
}
