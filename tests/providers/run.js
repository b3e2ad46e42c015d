// `npm test`: says what is missing, then runs what can be run. Names of test files narrow it down.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
if (!existsSync(new URL("node_modules/oidc-provider", import.meta.url))) {
  console.error("The packages of this folder are missing: run `npm ci` in tests/providers.");
  process.exit(1);
}
const { BINARY } = await import("./harness/gateway.js");
if (!existsSync(BINARY)) {
  console.error(`${BINARY} is missing: run \`cargo build -p cloakroom-gateway\`, or name another in CLOAKROOM_BINARY.`);
  process.exit(1);
}
const { missing } = await import("./harness/missing.js");
const absences = missing();
for (const remedy of absences) console.error(`Missing: ${remedy}.`);
if (absences.length > 0 && process.env.CI) process.exit(1);

// One file after the other: access tokens live for seconds here, and a busy machine is a slow one.
const options = ["--test", "--test-concurrency=1", "--test-reporter=spec", ...process.argv.slice(2)];
process.exit(spawnSync(process.execPath, options, { cwd: here, stdio: "inherit" }).status ?? 1);
