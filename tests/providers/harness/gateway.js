// `cloakroom serve` as a child process, with a configuration of its own in a temporary folder.

import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The program that is tested. */
export const BINARY = process.env.CLOAKROOM_BINARY ?? fileURLToPath(new URL("../../../target/debug/cloakroom", import.meta.url));
const START_MILLISECONDS = 30_000;
const STOP_MILLISECONDS = 15_000;

/**
 * Our registration at an authorization server, as `[[authorization_servers]]` has it.
 *
 * @typedef {{
 *   name: string, issuer: string, client_id: string, client_secret?: string, client_authentication?: string,
 *   scope?: string, refresh_leeway?: string, time_out?: string,
 * }} Registration
 */

/**
 * Starts the gateway before `upstream`: `/` is public, `/account` a page, `/api` an API.
 *
 * @param {{upstream: string, servers: Registration[], place?: Place}} setting
 * @returns {Promise<Gateway>} once it listens
 */
export async function startGateway({ upstream, servers, place }) {
  const at = place ?? (await freePlace());
  const folder = await mkdtemp(join(tmpdir(), "cloakroom-provider-test-"));
  for (const { name, client_secret } of servers) {
    if (client_secret) await writeFile(join(folder, `${name}.secret`), client_secret, { mode: 0o600 });
  }
  await writeFile(join(folder, "cloakroom.toml"), configuration(at, upstream, servers));
  const gateway = new Gateway(at, folder);
  await gateway.start();
  return gateway;
}

/**
 * Where browsers find the gateway, and where it listens: the same, unless something stands in front of it.
 *
 * @typedef {{origin: string, port: number}} Place
 */

/** @returns {Promise<Place>} `http://localhost`, on a port that was free a moment ago */
export async function freePlace() {
  const port = await freePort();
  return { origin: `http://localhost:${port}`, port };
}

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The redirect URI to register for an authorization server of this name. */
export function redirectUri(place, name) {
  return `${place.origin}/auth/callback/${name}`;
}

class Gateway {
  #child;
  #ended;

  constructor({ origin, port }, folder) {
    /** What browsers see. */
    this.app = origin;
    this.port = port;
    this.folder = folder;
    /** What it has logged. */
    this.log = [];
  }

  /** Starts it, and returns once it listens. */
  async start() {
    const child = spawn(BINARY, ["serve", "--config", join(this.folder, "cloakroom.toml")], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, NO_COLOR: "1", CLOAKROOM_LOG: process.env.CLOAKROOM_LOG ?? "info" },
    });
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("close", (code, signal) => resolve(code ?? signal));
    });
    process.once("exit", () => child.kill("SIGKILL"));
    const serving = new Promise((resolve) => {
      createInterface(child.stderr).on("line", (line) => {
        this.log.push(line);
        if (/\bserving\b/.test(line)) resolve("serving");
      });
    });
    const outcome = await Promise.race([serving, this.#ended, pause(START_MILLISECONDS)]);
    if (outcome !== "serving") {
      child.kill("SIGKILL");
      throw new Error(`\`cloakroom serve\` did not start: ${outcome ?? "no answer"}\n${this.log.join("\n")}`);
    }
  }

  /** Ends it as an init system does, and fails unless it ends well and in time. */
  async stop() {
    this.#child.kill("SIGTERM");
    const outcome = await Promise.race([this.#ended, pause(STOP_MILLISECONDS)]);
    if (outcome !== 0) {
      this.#child.kill("SIGKILL");
      throw new Error(`the gateway did not end well: ${outcome ?? "it did not end"}\n${this.log.join("\n")}`);
    }
  }

  /** Ends it and removes its folder. */
  async close() {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function configuration({ origin, port }, upstream, servers) {
  const tls = origin.startsWith("https:") ? "terminated" : "off";
  const routes = [
    ["/", "public"],
    ["/account", "page"],
    ["/api", "api"],
  ];
  return [
    table("[listen]", { address: `127.0.0.1:${port}`, tls }),
    table("[store]", { path: "sessions.db" }),
    table("[keys]", { path: "keys.json" }),
    table("[[frontends]]", { name: "app", origin }),
    ...routes.map(([path, kind]) => table("[[frontends.routes]]", { path, kind, upstream })),
    ...servers.map(({ client_secret, ...server }) => {
      const secret = client_secret ? { client_secret_file: `${server.name}.secret` } : {};
      return table("[[authorization_servers]]", { ...server, ...secret });
    }),
  ].join("\n");
}

/** A TOML table of strings: JSON's strings are TOML's. */
function table(header, entries) {
  const lines = Object.entries(entries).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return [header, ...lines, ""].join("\n");
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
