#!/usr/bin/env node
// validate.mjs SCHEMA FILE...   does every document of these YAML files agree with the JSON Schema?
//
// An opinion that shares no code with ours: YAML 1.2 by `yaml`, draft-07 (or 2020-12, by its `$schema`) by `ajv`.
// Prints file:line: path message. Exit code: 0 all agree, 1 some do not, 2 nothing could be concluded.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const installed = createRequire(new URL("../../target/testbed/node/", import.meta.url));
const { LineCounter, parseAllDocuments } = installed("yaml");
const addFormats = installed("ajv-formats").default;

const [schemaFile, ...files] = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: validate.mjs SCHEMA FILE...");
  process.exit(2);
}

function compile(file) {
  const schema = JSON.parse(readFileSync(file, "utf8"));
  const Ajv = installed(schema.$schema?.includes("2020-12") ? "ajv/dist/2020" : "ajv").default;
  const ajv = new Ajv({ allErrors: true, strict: false });
  addFormats(ajv);
  return ajv.compile(schema);
}

// The line of the node that a JSON pointer leads to, or of the deepest one on the way that is there.
function line(document, pointer, lines) {
  const path = pointer.split("/").slice(1).map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  for (; path.length > 0; path.pop()) {
    const range = document.getIn(path, true)?.range;
    if (range) return lines.linePos(range[0]).line;
  }
  return lines.linePos(document.contents?.range[0] ?? document.range[0]).line;
}

function findings(validate, file) {
  const lines = new LineCounter();
  return parseAllDocuments(readFileSync(file, "utf8"), { lineCounter: lines }).flatMap((document) => {
    if (document.errors.length > 0) return document.errors.map((error) => `${file}:${error.linePos[0].line}: ${error.message}`);
    if (validate(document.toJS())) return [];
    return validate.errors.map(
      ({ instancePath, message, params }) =>
        `${file}:${line(document, instancePath, lines)}: ${instancePath || "/"} ${message} ${JSON.stringify(params)}`,
    );
  });
}

try {
  const validate = compile(schemaFile);
  const all = files.flatMap((file) => findings(validate, file));
  for (const finding of all) console.log(finding);
  process.exitCode = all.length === 0 ? 0 : 1;
} catch (error) {
  console.error(`validate.mjs: ${error.message}`);
  process.exitCode = 2;
}
