// What a machine needs for these tests. Where something is not there, its tests are left out and say so; in continuous
// integration, where nobody reads that, its absence is a failure.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

import { CHROMIUM } from "./chromium.js";
import { FIREFOX, WEBKIT_DRIVER, XVFB } from "./engines.js";
import { KEYCLOAK_HOME } from "./keycloak.js";

/** What is needed: whether it is there, and what to do if it is not. */
const NEEDS = {
  chromium: [() => existsSync(CHROMIUM), `${CHROMIUM}: install Debian's package chromium, or name another in CHROMIUM`],
  firefox: [() => hasProgram(FIREFOX), `${FIREFOX}: install Debian's package firefox-esr, or name another in FIREFOX`],
  webkit: [
    () => hasProgram(WEBKIT_DRIVER) && hasProgram(XVFB, "-version"),
    `${WEBKIT_DRIVER} or ${XVFB}: install Debian's packages webkit2gtk-driver and xvfb`,
  ],
  openssl: [() => hasProgram("openssl", "version"), "openssl: install Debian's package openssl"],
  keycloak: [
    () => hasProgram("java", "-version") && (existsSync(KEYCLOAK_HOME) || hasProgram("mvn")),
    "Java 17 for Keycloak, or Maven to fetch it: install Debian's packages openjdk-17-jre-headless and maven",
  ],
};

/**
 * What `node:test` is told as `skip`.
 *
 * @param {...keyof NEEDS} needs
 */
export function unless(...needs) {
  const absent = needs.map((need) => NEEDS[need]).filter(([isThere]) => !isThere());
  if (absent.length === 0) return false;
  const remedies = absent.map(([, remedy]) => `missing: ${remedy}`).join("; ");
  if (process.env.CI) throw new Error(remedies);
  return remedies;
}

/** What to do about everything that is not there. */
export function missing() {
  return Object.values(NEEDS).filter(([isThere]) => !isThere()).map(([, remedy]) => remedy);
}

/** Whether a program can be started by this name. */
function hasProgram(name, argument = "--version") {
  return spawnSync(name, [argument], { stdio: "ignore" }).error === undefined;
}
