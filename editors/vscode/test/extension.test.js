// The extension under VS Code's interface without VS Code: `npm run build` first. $KFUNCGEN is the program.

"use strict";

const assert = require("node:assert/strict");
const { mkdtempSync, rmSync } = require("node:fs");
const Module = require("node:module");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { after, before, test } = require("node:test");

const { api, seen, open, change, set } = require("./support/vscode.js");

const load = Module._load;
Module._load = (name, ...rest) => (name === "vscode" ? api : load(name, ...rest));
const extension = require("../dist/extension.js");
Module._load = load;

const LEAK = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

SEC("syscall")
int leaks(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	return 1;
}
`;
const FIX = "bpf_task_release(task);";
const context = { subscriptions: [] };
const folder = mkdtempSync(join(tmpdir(), "kfuncgen-"));

/** What `get` gives, as soon as it gives something. */
async function soon(what, get) {
  for (let tries = 0; tries < 1500; tries += 1) {
    const found = await get();
    if (found) {
      return found;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`never: ${what}; ${JSON.stringify(seen.status)}\n${seen.log}\n${seen.errors}`);
}

function found(document) {
  return seen.diagnostics.get(document.uri.toString()) ?? [];
}

before(() => {
  seen.settings["kfuncgen.path"] = process.env.KFUNCGEN ?? "kfuncgen";
  extension.activate(context);
});

after(async () => {
  await extension.deactivate();
  rmSync(folder, { recursive: true });
});

test("other C files start nothing", async () => {
  await open(join(folder, "plain.c"), "int main(void) { return 0; }\n");
  await open(join(folder, "script.py"), '#include "vmlinux.h"\n', "python");
  assert.equal(seen.status.text, "kfuncgen waits for a BPF program");
});

test("a BPF program starts the server, whose fix mends it", async () => {
  const document = await open(join(folder, "leak.bpf.c"), LEAK);
  await soon("a running server", () => /^kfuncgen \d/.test(seen.status.text));
  await soon("the diagnostic", () => found(document).length);
  const [diagnostic] = found(document);
  assert.equal(diagnostic.code.value ?? diagnostic.code, "unreleased-reference");
  assert.equal(diagnostic.severity, api.DiagnosticSeverity.Error);
  assert.match(diagnostic.relatedInformation[0].message, /^1\. 'task' acquired here/);
  assert.equal(LEAK.split("\n")[diagnostic.range.start.line], "\treturn 1;");

  const { registerCodeActionsProvider: provider } = seen.providers;
  const { token } = new api.CancellationTokenSource();
  const offered = await provider.provideCodeActions(
    document, diagnostic.range, { diagnostics: [diagnostic], triggerKind: 1 }, token,
  );
  assert.ok(offered.map((action) => action.title).includes(`Insert ${FIX}`));
  const fix = offered.find((action) => action.title === `Insert ${FIX}`);
  const [edit] = fix.edit.edits;
  assert.equal(edit.uri.toString(), document.uri.toString());
  const [start, end] = [document.offsetAt(edit.range.start), document.offsetAt(edit.range.end)];
  await change(document, LEAK.slice(0, start) + edit.newText + LEAK.slice(end));
  assert.ok(document.text.includes(`\t${FIX}\n\treturn 1;`));
  await soon("no diagnostic", () => found(document).length === 0);
});

test("contracts are shown", async () => {
  const document = await open(join(folder, "hover.bpf.c"), LEAK);
  const place = document.positionAt(LEAK.indexOf("bpf_task_from_pid") + 4);
  const { token } = new api.CancellationTokenSource();
  const hover = await seen.providers.registerHoverProvider.provideHover(document, place, token);
  assert.match(hover.contents[0].value, /acquires a reference/);
});

test("settings count at once", async () => {
  const { token } = new api.CancellationTokenSource();
  const document = await open(join(folder, "settings.bpf.c"), LEAK);
  const lenses = () => seen.providers.registerCodeLensProvider.provideCodeLenses(document, token);
  assert.equal((await lenses()).length, 1);
  await set("kfuncgen.lenses", false);
  await soon("no lens", async () => (await lenses()).length === 0);
  await set("kfuncgen.lenses", true);
  await soon("the lens", async () => (await lenses()).length === 1);
});

test("the server can be restarted", async () => {
  const before = seen.log.split("starting:").length;
  await seen.commands["kfuncgen.restart"]();
  assert.match(seen.status.text, /^kfuncgen \d/);
  assert.equal(seen.log.split("starting:").length, before + 1);
  const document = await open(join(folder, "again.bpf.c"), LEAK);
  await soon("the diagnostic", () => found(document).length);
});

test("a program that is not there is told, and what to do", async () => {
  seen.settings["kfuncgen.path"] = join(folder, "nothing");
  await seen.commands["kfuncgen.restart"]();
  assert.equal(seen.status.text, "kfuncgen does not start");
  assert.match(seen.errors.at(-1), /nothing lsp' does not start.*kfuncgen\.path/);
  seen.settings["kfuncgen.path"] = process.env.KFUNCGEN ?? "kfuncgen";
  await seen.commands["kfuncgen.restart"]();
  assert.match(seen.status.text, /^kfuncgen \d/);
});
