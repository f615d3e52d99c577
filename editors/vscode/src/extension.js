// SPDX-License-Identifier: BSD-2-Clause
// Starts `kfuncgen lsp` when the first BPF program is opened, and tells how it is.

"use strict";

const os = require("node:os");
const vscode = require("vscode");
const {
  DidChangeConfigurationNotification,
  LanguageClient,
  RevealOutputChannelOn,
  State,
} = require("vscode-languageclient/node");

const MARKS = /^\s*#\s*include\s*[<"].*(bpf_helpers\.h|vmlinux\.h)[>"]/m;
const LINES = 200; // in which a program includes what tells that it is one
const SELECTOR = [
  { scheme: "file", language: "c" },
  { scheme: "file", language: "cpp", pattern: "**/*.h" }, // headers of C programs are taken for C++
];

/** The library's client, which need not tell of a server that does not start: ask() does. */
class Client extends LanguageClient {
  starting = true;

  error(message, data, showNotification) {
    super.error(message, data, this.starting ? false : showNotification);
  }
}

/** @type {Client | undefined} */
let client;
/** @type {vscode.OutputChannel} */
let log;
/** @type {vscode.LanguageStatusItem} */
let status;
/** Starts and stops come one after the other. @type {Promise<void>} */
let turn = Promise.resolve();

/** Whether a document is a BPF program: the server has nothing to say of others. */
function isProgram(document) {
  if (document.uri.scheme !== "file" || document.languageId !== "c") {
    return false;
  }
  if (document.uri.path.endsWith(".bpf.c")) {
    return true;
  }
  const end = new vscode.Position(LINES, 0);
  return MARKS.test(document.getText(new vscode.Range(new vscode.Position(0, 0), end)));
}

/** What is to be run, as the settings say. */
function command() {
  const settings = vscode.workspace.getConfiguration("kfuncgen");
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
  const path = settings
    .get("path", "kfuncgen")
    .replace(/^~(?=\/)/, os.homedir())
    .replaceAll("${workspaceFolder}", folder);
  return { command: path || "kfuncgen", args: settings.get("args", ["lsp"]) };
}

function tell(text, severity, busy = false) {
  status.text = text;
  status.severity = severity;
  status.busy = busy;
}

async function start() {
  const run = command();
  const line = [run.command, ...run.args].join(" ");
  log.appendLine(`starting: ${line}`);
  tell("kfuncgen starts", vscode.LanguageStatusSeverity.Information, true);
  const mine = new Client("kfuncgen", "kfuncgen", run, {
    documentSelector: SELECTOR,
    outputChannel: log,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    initializationFailedHandler: () => false,
  });
  mine.onDidChangeState(({ newState }) => {
    if (mine === client && newState === State.Stopped) {
      tell("kfuncgen has ended", vscode.LanguageStatusSeverity.Error);
    }
  });
  client = mine;
  try {
    await mine.start();
    mine.starting = false;
    const server = mine.initializeResult?.serverInfo;
    tell(`kfuncgen ${server?.version ?? ""}`.trim(), vscode.LanguageStatusSeverity.Information);
  } catch (error) {
    log.appendLine(String(error));
    tell("kfuncgen does not start", vscode.LanguageStatusSeverity.Error);
    ask(`'${line}' does not start. Is kfuncgen installed, with pygls? The setting kfuncgen.path says where it is.`);
  }
}

/** Say what went wrong; what can be done about it is one click away. */
async function ask(message) {
  const choice = await vscode.window.showErrorMessage(message, "Open Settings", "Show Log");
  if (choice === "Open Settings") {
    await vscode.commands.executeCommand("workbench.action.openSettings", "kfuncgen.");
  } else if (choice === "Show Log") {
    log.show();
  }
}

async function stop() {
  const old = client;
  client = undefined;
  // One that never started, or has ended, cannot be stopped.
  await old?.stop().catch((error) => log.appendLine(String(error)));
}

function restart() {
  turn = turn.then(stop).then(start);
  return turn;
}

function opened(document) {
  if (!client && isProgram(document)) {
    turn = turn.then(() => (client ? undefined : start()));
  }
}

/** @param {vscode.ExtensionContext} context */
function activate(context) {
  log = vscode.window.createOutputChannel("kfuncgen");
  status = vscode.languages.createLanguageStatusItem("kfuncgen", SELECTOR);
  status.name = "kfuncgen";
  status.command = { command: "kfuncgen.showLog", title: "Show Log" };
  tell("kfuncgen waits for a BPF program", vscode.LanguageStatusSeverity.Information);
  context.subscriptions.push(
    log,
    status,
    vscode.commands.registerCommand("kfuncgen.restart", restart),
    vscode.commands.registerCommand("kfuncgen.showLog", () => log.show()),
    vscode.workspace.onDidOpenTextDocument(opened),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (client && ["path", "args"].some((name) => event.affectsConfiguration(`kfuncgen.${name}`))) {
        restart();
      } else if (event.affectsConfiguration("kfuncgen")) {
        // The server asks for what it wants to know.
        client?.sendNotification(DidChangeConfigurationNotification.type, { settings: null });
      }
    }),
  );
  vscode.workspace.textDocuments.forEach(opened);
}

function deactivate() {
  turn = turn.then(stop);
  return turn;
}

module.exports = { activate, deactivate };
