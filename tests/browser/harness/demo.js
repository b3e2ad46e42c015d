// The demo as a child process: gateway, login server, app, API and another site.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const DEBUG_BUILD = fileURLToPath(new URL("../../../target/debug/cloakroom", import.meta.url));
const BINARY = process.env.CLOAKROOM_BINARY ?? DEBUG_BUILD;
const START_MILLISECONDS = 30_000;
const STOP_MILLISECONDS = 15_000;

/**
 * Starts the demo and returns once it answers.
 *
 * @param {string} folder where its state is kept
 * @param {string[]} options of `cloakroom demo`; ports are free ones unless they are named here
 * @returns {Promise<Demo>}
 */
export async function startDemo(folder, options = ["--fresh"]) {
  const open = ["--port", "--login-port"].filter((option) => !options.includes(option));
  const ports = open.flatMap((option) => [option, "0"]);
  const child = spawn(BINARY, ["demo", "--json", "--folder", folder, ...ports, ...options], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log = [];
  createInterface(child.stderr).on("line", (line) => log.push(line));
  const ended = new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(code ?? signal));
  });
  process.once("exit", () => child.kill("SIGKILL"));
  const line = await Promise.race([firstLine(child.stdout), ended, pause(START_MILLISECONDS)]);
  if (typeof line !== "string" || !line.startsWith("{")) {
    child.kill("SIGKILL");
    throw new Error(`\`${child.spawnargs.join(" ")}\` did not start: ${line ?? "no answer"}\n${log.join("\n")}`);
  }
  return new Demo(child, ended, log, { ...JSON.parse(line), folder });
}

/** A running demo. `app`, `api`, `issuer`, `elsewhere`, `user`, `password` and `folder` are as it said. */
export class Demo {
  #child;
  #ended;

  constructor(child, ended, log, places) {
    this.#child = child;
    this.#ended = ended;
    /** What it has logged. */
    this.log = log;
    Object.assign(this, places);
  }

  /** Ends it as Ctrl-C does, and fails unless it ends well and in time. */
  async stop() {
    this.#child.kill("SIGINT");
    const outcome = await Promise.race([this.#ended, pause(STOP_MILLISECONDS)]);
    if (outcome !== 0) {
      this.#child.kill("SIGKILL");
      throw new Error(`the demo did not end well: ${outcome ?? "it did not end"}\n${this.log.join("\n")}`);
    }
  }

  /** Options that start the demo at the same addresses again. */
  samePorts() {
    return ["--port", new URL(this.app).port, "--login-port", new URL(this.issuer).port];
  }
}

async function firstLine(stream) {
  for await (const line of createInterface(stream)) return line;
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
