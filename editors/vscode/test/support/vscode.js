// As much of VS Code's interface as the extension and its library touch, without VS Code: documents are opened with
// open(), and what the extension registers and shows is kept in `seen`.

"use strict";

const { pathToFileURL, fileURLToPath } = require("node:url");

class EventEmitter {
  constructor() {
    this.listeners = new Set();
    this.event = (listener, self) => {
      const bound = self ? listener.bind(self) : listener;
      this.listeners.add(bound);
      return new Disposable(() => this.listeners.delete(bound));
    };
  }
  fire(value) {
    return Promise.all([...this.listeners].map((listener) => listener(value)));
  }
  dispose() {
    this.listeners.clear();
  }
}

class Disposable {
  constructor(dispose) {
    this.dispose = dispose;
  }
  static from(...all) {
    return new Disposable(() => all.forEach((one) => one.dispose()));
  }
}

class Uri {
  constructor(text) {
    const url = new URL(text);
    this.text = text;
    this.scheme = url.protocol.slice(0, -1);
    this.path = decodeURIComponent(url.pathname);
    this.fsPath = this.scheme === "file" ? fileURLToPath(url) : this.path;
  }
  static parse(text) {
    return new Uri(text);
  }
  static file(path) {
    return new Uri(pathToFileURL(path).href);
  }
  toString() {
    return this.text;
  }
}

class Position {
  constructor(line, character) {
    Object.assign(this, { line, character });
  }
}

class Range {
  constructor(start, end, endLine, endCharacter) {
    this.start = typeof start === "number" ? new Position(start, end) : start;
    this.end = typeof start === "number" ? new Position(endLine, endCharacter) : end;
  }
}

class Diagnostic {
  constructor(range, message, severity) {
    Object.assign(this, { range, message, severity });
  }
}

class Location {
  constructor(uri, range) {
    Object.assign(this, { uri, range });
  }
}

class DiagnosticRelatedInformation {
  constructor(location, message) {
    Object.assign(this, { location, message });
  }
}

class CodeActionKind {
  constructor(value) {
    this.value = value;
  }
  append(part) {
    return new CodeActionKind(this.value ? `${this.value}.${part}` : part);
  }
}
for (const name of ["Empty", "QuickFix", "Refactor", "RefactorExtract", "RefactorInline", "RefactorRewrite"]) {
  CodeActionKind[name] = new CodeActionKind(name === "Empty" ? "" : name.toLowerCase());
}
Object.assign(CodeActionKind, {
  Source: new CodeActionKind("source"),
  SourceOrganizeImports: new CodeActionKind("source.organizeImports"),
  SourceFixAll: new CodeActionKind("source.fixAll"),
});

class CodeAction {
  constructor(title, kind) {
    Object.assign(this, { title, kind });
  }
}

class WorkspaceEdit {
  constructor() {
    this.edits = [];
  }
  set(uri, edits) {
    for (const edit of edits) {
      const { range, newText } = Array.isArray(edit) ? edit[0] : edit;
      this.replace(uri, range, newText);
    }
  }
  replace(uri, range, newText) {
    this.edits.push({ uri, range, newText });
  }
}

class TextDocument {
  constructor(path, languageId, text) {
    Object.assign(this, { uri: Uri.file(path), fileName: path, languageId, text, version: 1, isClosed: false });
  }
  getText(range) {
    if (!range) {
      return this.text;
    }
    return this.text.slice(this.offsetAt(range.start), this.offsetAt(range.end));
  }
  offsetAt({ line, character }) {
    const lines = this.text.split("\n");
    return Math.min(lines.slice(0, line).join("\n").length + (line ? 1 : 0) + character, this.text.length);
  }
  positionAt(offset) {
    const lines = this.text.slice(0, offset).split("\n");
    return new Position(lines.length - 1, lines.at(-1).length);
  }
}

class CancellationTokenSource {
  constructor() {
    this.token = { isCancellationRequested: false, onCancellationRequested: new EventEmitter().event };
  }
  cancel() {}
  dispose() {}
}

/** What the extension made of the editor. `settings` are what a user has set. */
const seen = { providers: {}, diagnostics: new Map(), commands: {}, status: {}, log: "", errors: [], settings: {} };
const documents = [];
const tabs = [];
const events = {};

/** The event of that name, of `workspace` or `window`. */
function on(name) {
  events[name] ??= new EventEmitter();
  return events[name].event;
}

function matches(selector, document) {
  return [selector].flat().some((filter) => {
    const one = typeof filter === "string" ? { language: filter } : filter;
    const suffix = one.pattern?.replace(/^\*\*\/\*/, "");
    return (
      (!one.language || one.language === document.languageId) &&
      (!one.scheme || one.scheme === document.uri.scheme) &&
      (!suffix || document.uri.path.endsWith(suffix))
    );
  });
}

const languages = new Proxy(
  {
    match: (selector, document) => (matches(selector, document) ? 10 : 0),
    createLanguageStatusItem: () => Object.assign(seen.status, { dispose() {} }),
    createDiagnosticCollection: () => ({
      set: (uri, found) => seen.diagnostics.set(uri.toString(), found),
      delete: (uri) => seen.diagnostics.delete(uri.toString()),
      get: (uri) => seen.diagnostics.get(uri.toString()),
      has: (uri) => seen.diagnostics.has(uri.toString()),
      clear: () => seen.diagnostics.clear(),
      dispose() {},
    }),
  },
  {
    get: (own, name) =>
      own[name] ??
      ((selector, provider) => {
        seen.providers[String(name)] = provider;
        return new Disposable(() => delete seen.providers[String(name)]);
      }),
  },
);

const log = { name: "log", append: (text) => (seen.log += text), appendLine: (text) => (seen.log += `${text}\n`) };
Object.assign(log, { show() {}, hide() {}, clear() {}, replace() {}, dispose() {} });

const window = new Proxy(
  {
    createOutputChannel: () => log,
    showErrorMessage: async (message) => void seen.errors.push(message),
    showWarningMessage: async (message) => void seen.errors.push(message),
    showInformationMessage: async () => undefined,
    withProgress: (_, task) => task({ report() {} }, new CancellationTokenSource().token),
    activeTextEditor: undefined,
    visibleTextEditors: [],
    tabGroups: { all: [], onDidChangeTabs: on("onDidChangeTabs") },
    state: { focused: true },
  },
  { get: (own, name) => (String(name).startsWith("on") ? on(name) : own[name]) },
);

/** A setting, or an object of all that begin with the name. */
function setting(section, name, otherwise) {
  const whole = section ? `${section}.${name}` : name;
  const below = Object.entries(seen.settings).filter(([key]) => key.startsWith(`${whole}.`));
  const object = Object.fromEntries(below.map(([key, value]) => [key.slice(whole.length + 1), value]));
  return seen.settings[whole] ?? (below.length ? object : otherwise);
}

const workspace = new Proxy(
  {
    textDocuments: documents,
    workspaceFolders: undefined,
    notebookDocuments: [],
    isTrusted: true,
    getConfiguration: (section) => ({
      get: (name, otherwise) => setting(section, name, otherwise),
      has: () => false,
      inspect: () => undefined,
    }),
    createFileSystemWatcher: () => ({
      onDidCreate: new EventEmitter().event,
      onDidChange: new EventEmitter().event,
      onDidDelete: new EventEmitter().event,
      dispose() {},
    }),
    getWorkspaceFolder: () => undefined,
    asRelativePath: (path) => path,
  },
  { get: (own, name) => (String(name).startsWith("on") ? on(name) : own[name]) },
);

const commands = {
  registerCommand: (name, run) => {
    seen.commands[name] = run;
    return new Disposable(() => delete seen.commands[name]);
  },
  executeCommand: (name, ...args) => seen.commands[name]?.(...args),
};

/** Open a document, as a person does, in a tab of its own. */
async function open(path, text, languageId = "c") {
  const document = new TextDocument(path, languageId, text);
  const tab = { input: new api.TabInputText(document.uri) };
  tabs.push(tab);
  window.tabGroups.all = [{ tabs }];
  // In VS Code, too, tabs come first.
  await events.onDidChangeTabs?.fire({ opened: [tab], closed: [], changed: [] });
  documents.push(document);
  window.activeTextEditor = { document, selection: new Range(0, 0, 0, 0) };
  window.visibleTextEditors = [window.activeTextEditor];
  await events.onDidOpenTextDocument?.fire(document);
  await events.onDidChangeActiveTextEditor?.fire(window.activeTextEditor);
  return document;
}

/** Replace a document's text. */
async function change(document, text) {
  const range = new Range(new Position(0, 0), document.positionAt(document.text.length));
  const contentChanges = [{ range, rangeOffset: 0, rangeLength: document.text.length, text }];
  document.text = text;
  document.version += 1;
  await events.onDidChangeTextDocument?.fire({ document, contentChanges, reason: undefined });
}

/** Change a setting, as a person does. */
async function set(name, value) {
  seen.settings[name] = value;
  await events.onDidChangeConfiguration?.fire({ affectsConfiguration: (asked) => `${name}.`.startsWith(`${asked}.`) });
}

/** Numbers for the names of an enumeration, and names for the numbers. */
function enumeration(first, ...names) {
  return Object.fromEntries(names.flatMap((name, index) => [[name, index + first], [index + first, name]]));
}

const known = {
  CancellationTokenSource, CodeAction, CodeActionKind, Diagnostic, DiagnosticRelatedInformation, Disposable,
  EventEmitter, Location, Position, Range, Uri, WorkspaceEdit, commands, languages, window, workspace,
  CancellationError: class extends Error {},
  Selection: Range,
  TextEdit: class {
    constructor(range, newText) {
      Object.assign(this, { range, newText });
    }
  },
  TabInputText: class {
    constructor(uri) {
      this.uri = uri;
    }
  },
  MarkdownString: class {
    constructor(value = "") {
      this.value = value;
    }
    appendMarkdown(text) {
      this.value += text;
      return this;
    }
    appendCodeblock(text) {
      return this.appendMarkdown(text);
    }
  },
  Hover: class {
    constructor(contents, range) {
      Object.assign(this, { contents: [contents].flat(), range });
    }
  },
  DiagnosticSeverity: enumeration(0, "Error", "Warning", "Information", "Hint"),
  LanguageStatusSeverity: enumeration(0, "Information", "Warning", "Error"),
  DiagnosticTag: enumeration(1, "Unnecessary", "Deprecated"),
  CodeActionTriggerKind: enumeration(1, "Invoke", "Automatic"),
  version: "1.99.0",
  env: { appName: "test", language: "en", openExternal: async () => true },
};

/** What is not known is a class of its own: the library extends many, and uses few of them. */
const api = new Proxy(known, {
  get(own, name) {
    if (typeof name === "string" && !(name in own)) {
      own[name] = /^[A-Z]/.test(name) ? class {} : undefined;
    }
    return own[name];
  },
  has: () => true,
});

module.exports = { api, seen, open, change, set };
