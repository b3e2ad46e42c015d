// What a machine needs for these tests. Where something is not there, its tests are left out and say so; in continuous
// integration, where nobody reads that, its absence is a failure.

import { spawnSync } from "node:child_process";

/**
 * What `node:test` is told as `skip`.
 *
 * @param {boolean} isThere
 * @param {string} remedy what is missing, and how to get it
 */
export function unless(isThere, remedy) {
  if (isThere) return false;
  if (process.env.CI) throw new Error(remedy);
  return remedy;
}

/** Whether a program can be started by this name. */
export function hasProgram(name, argument = "--version") {
  return spawnSync(name, [argument], { stdio: "ignore" }).error === undefined;
}
