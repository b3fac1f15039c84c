#!/usr/bin/env node
// editor.mjs [--schema SCHEMA] FILE...   what would an editor underline in these YAML files?
//
// Opens each file in yaml-language-server, which is behind most editors' YAML support, as an editor would. Without
// --schema, each document names its own in a first line `# yaml-language-server: $schema=relative/path`.
// Prints file:line:column: message. Exit code: 0 nothing underlined, 1 something is, 2 nothing could be concluded.
//
// editor.mjs --complete LINE:COLUMN FILE   what would it offer there? A label a line, a tab, and what it says of it.
// editor.mjs --hover LINE:COLUMN FILE      what would it show there?

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const installed = createRequire(new URL("../../target/testbed/node/", import.meta.url));
const rpc = installed("vscode-jsonrpc/node");
const server = new URL("../../target/testbed/node/node_modules/yaml-language-server/bin/yaml-language-server", import.meta.url);
const TIMEOUT_MILLISECONDS = 60_000;

const files = process.argv.slice(2);
const schema = files[0] === "--schema" ? files.splice(0, 2)[1] : undefined;
const [question, at] = ["--complete", "--hover"].includes(files[0]) ? files.splice(0, 2) : [];
if (files.length === 0) fail("usage: editor.mjs [--schema SCHEMA] FILE...");
process.on("uncaughtException", (error) => fail(error.message)); // a file or a schema that cannot be read
setTimeout(() => fail("yaml-language-server gave no answer"), TIMEOUT_MILLISECONDS).unref();

function fail(message) {
  console.error(`editor.mjs: ${message}`);
  process.exit(2);
}

const uri = (file) => pathToFileURL(resolve(file)).href;
const settings = {
  validate: true,
  completion: true,
  hover: true,
  schemaStore: { enable: false }, // or it would ask the internet
  schemas: schema ? { [uri(schema)]: ["**"] } : {},
};

const child = spawn(process.execPath, [fileURLToPath(server), "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
child.on("exit", (code) => fail(`yaml-language-server ended with ${code}`));
const connection = rpc.createMessageConnection(new rpc.StreamMessageReader(child.stdout), new rpc.StreamMessageWriter(child.stdin));

// It asks for its settings, by section, once it is initialized: only after that does it know the schemas.
const configured = new Promise((done) => {
  connection.onRequest("workspace/configuration", ({ items }) => {
    setImmediate(done);
    return items.map(({ section }) => (section === "yaml" ? settings : {}));
  });
});
connection.onRequest("client/registerCapability", () => null);

const underlined = new Map(); // by URI, what waits for the diagnostics of that file
connection.onNotification("textDocument/publishDiagnostics", ({ uri, diagnostics }) => underlined.get(uri)?.(diagnostics));
connection.listen();

await connection.sendRequest("initialize", {
  processId: process.pid,
  rootUri: null,
  capabilities: { workspace: { configuration: true, didChangeConfiguration: { dynamicRegistration: true } } },
});
await connection.sendNotification("initialized", {});
await configured;

async function ask(question, place) {
  const text = (markup) => (markup?.value ?? markup ?? "").replaceAll("\n", " ");
  if (question === "--hover") return console.log(text((await connection.sendRequest("textDocument/hover", place))?.contents));
  const offered = await connection.sendRequest("textDocument/completion", place);
  for (const { label, documentation } of offered?.items ?? offered ?? []) console.log(`${label}\t${text(documentation)}`);
}

for (const file of files) {
  const diagnostics = await new Promise((done) => {
    underlined.set(uri(file), done);
    const text = readFileSync(file, "utf8");
    connection.sendNotification("textDocument/didOpen", { textDocument: { uri: uri(file), languageId: "yaml", version: 1, text } });
  });
  if (question) {
    const [line, character] = at.split(":").map((number) => Number(number) - 1);
    await ask(question, { textDocument: { uri: uri(file) }, position: { line, character } });
    continue;
  }
  for (const { message, range } of diagnostics) {
    console.log(`${file}:${range.start.line + 1}:${range.start.character + 1}: ${message}`);
    process.exitCode = 1;
  }
}

child.removeAllListeners("exit");
child.kill();
connection.dispose();
