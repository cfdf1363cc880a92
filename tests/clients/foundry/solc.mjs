#!/usr/bin/env node
// The compiler that npm brought, as the program that forge expects: `--version`, and `--standard-json` on stdin.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");
if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else if (process.argv.includes("--standard-json")) {
  console.log(solc.compile(readFileSync(0, "utf8")));
} else {
  console.error(`not understood: ${process.argv.slice(2).join(" ")}`);
  process.exit(1);
}
