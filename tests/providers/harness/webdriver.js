// W3C WebDriver over HTTP, as much of it as these tests need.

import { spawn } from "node:child_process";

import { freePort } from "./gateway.js";

const START_MILLISECONDS = 30_000;
/** Commands by their names in the W3C protocol, and where they go below `/session/{id}`. */
const COMMANDS = {
  Navigate: ["POST", "/url"],
  GetCurrentURL: ["GET", "/url"],
  Back: ["POST", "/back"],
  ExecuteScript: ["POST", "/execute/sync"],
  FindElement: ["POST", "/element"],
  ElementClick: ["POST", ({ id }) => `/element/${id}/click`],
  ElementSendKeys: ["POST", ({ id }) => `/element/${id}/value`],
  GetCookies: ["GET", "/cookie"],
  DeleteSession: ["DELETE", ""],
};

/** Speaks to one browser through its driver. */
export class WebDriver {
  #child;
  #address;
  #session = "";

  /** Starts the driver. */
  static async start(binary, environment) {
    const driver = new WebDriver();
    const port = await freePort();
    driver.#address = `http://127.0.0.1:${port}`;
    driver.#child = spawn(binary, [`--port=${port}`], { stdio: "ignore", env: environment });
    process.once("exit", () => driver.#child.kill("SIGKILL"));
    const until = Date.now() + START_MILLISECONDS;
    while (!(await fetch(`${driver.#address}/status`).catch(() => undefined))) {
      if (Date.now() > until) throw new Error(`${binary} did not start`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return driver;
  }

  /** The answer to a command, by its name in the protocol. */
  async send(name, parameters = {}) {
    if (name === "NewSession") return this.#begin(parameters);
    const [method, path] = COMMANDS[name];
    const where = typeof path === "function" ? path(parameters) : path;
    return this.#exchange(method, `${this.#session}${where}`, parameters);
  }

  async close() {
    const gone = new Promise((resolve) => this.#child.once("close", resolve));
    await this.send("DeleteSession").catch(() => {});
    this.#child.kill("SIGTERM");
    await gone;
  }

  async #begin(parameters) {
    const value = await this.#exchange("POST", "/session", parameters);
    this.#session = `/session/${value.sessionId}`;
    return value;
  }

  async #exchange(method, path, parameters) {
    const body = method === "POST" ? JSON.stringify(parameters) : undefined;
    const answer = await fetch(this.#address + path, { method, body, headers: { "Content-Type": "application/json" } });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${value.error}: ${value.message}`);
    return value;
  }
}
