// Builds dist/, which git does not hold. npm runs this in this folder, before it packs the client or links to it.
import { execSync } from "node:child_process";
import { existsSync } from "node:fs";

const run = (command) => execSync(command, { stdio: ["ignore", 2, 2] });

// npm brings nothing into a folder that it links to; with scripts this one would run within itself
if (!existsSync("node_modules/typescript")) run("npm ci --include=dev --ignore-scripts --no-audit --no-fund");
run("npx --no-install tsc");
