// Firefox's own end of WebDriver: JSON in length-prefixed frames over TCP. What geckodriver would translate into.

import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";

const START_MILLISECONDS = 60_000;

/** Speaks to one Firefox. */
export class Marionette {
  #child;
  #socket;
  #bytes = Buffer.alloc(0);
  #latest = 0;
  /** Who waits for which answer. */
  #waiting = new Map();

  /** Starts Firefox without a window, with a profile in an empty folder. */
  static async start(binary, folder) {
    await writeFile(join(folder, "user.js"), 'user_pref("marionette.port", 0);\n');
    const marionette = new Marionette();
    marionette.#child = spawn(binary, ["--headless", "--no-remote", "--marionette", "--profile", folder], {
      stdio: "ignore",
      env: { ...process.env, MOZ_CRASHREPORTER_DISABLE: "1", HOME: folder },
    });
    process.once("exit", () => marionette.#child.kill("SIGKILL"));
    marionette.#socket = await marionette.#connect(folder);
    marionette.#socket.on("data", (bytes) => marionette.#read(bytes));
    marionette.#socket.on("close", () => marionette.#giveUp("Firefox has gone"));
    return marionette;
  }

  /** The answer to a command of the W3C protocol, by its name there. */
  async send(name, parameters = {}) {
    this.#latest += 1;
    const number = this.#latest;
    const frame = JSON.stringify([0, number, `WebDriver:${name}`, parameters]);
    const answer = new Promise((resolve, reject) => this.#waiting.set(number, { resolve, reject }));
    this.#socket.write(`${Buffer.byteLength(frame)}:${frame}`);
    return answer;
  }

  async close() {
    const gone = new Promise((resolve) => this.#child.once("close", resolve));
    this.#socket.destroy();
    this.#child.kill("SIGTERM");
    await gone;
  }

  /** Firefox writes the port that it has taken into its profile. */
  async #connect(folder) {
    const until = Date.now() + START_MILLISECONDS;
    while (Date.now() < until && this.#child.exitCode === null) {
      const port = await readFile(join(folder, "MarionetteActivePort"), "utf8").catch(() => "");
      const socket = port && (await opened(Number(port)));
      if (socket) return socket;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    this.#child.kill("SIGKILL");
    throw new Error(`Firefox did not start: ${this.#child.exitCode ?? "no answer"}`);
  }

  #read(bytes) {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const colon = this.#bytes.indexOf(":");
      const end = colon + 1 + Number(this.#bytes.subarray(0, Math.max(colon, 0)).toString());
      if (colon < 0 || this.#bytes.length < end) return;
      const message = JSON.parse(this.#bytes.subarray(colon + 1, end).toString());
      this.#bytes = this.#bytes.subarray(end);
      if (Array.isArray(message)) this.#settle(message);
    }
  }

  #settle([, number, error, value]) {
    const { resolve, reject } = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (error) reject(new Error(`${error.error}: ${error.message}`));
    else resolve(value && Object.keys(value).length === 1 && "value" in value ? value.value : value);
  }

  #giveUp(why) {
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
    this.#waiting.clear();
  }
}

async function opened(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(undefined));
  });
}
