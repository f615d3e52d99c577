// Bundles the extension with the libraries that it uses into dist/, and writes their licences beside it.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const { metafile } = await build({
  entryPoints: ["src/extension.js"],
  outfile: "dist/extension.js",
  bundle: true,
  platform: "node",
  target: "node18",
  external: ["vscode"],
  metafile: true,
  logLevel: "warning",
});

const used = new Set();
for (const input of Object.keys(metafile.inputs)) {
  const found = input.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//);
  if (found) {
    used.add(found[1]);
  }
}
let text = "What dist/extension.js contains of others.\n";
for (const folder of [...used].sort()) {
  const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const licence = readdirSync(folder).find((file) => /^licen[cs]e(\.|$)/i.test(file));
  if (!licence) {
    throw new Error(`${name} has no licence`);
  }
  text += `\n== ${name} ${version}\n\n${readFileSync(join(folder, licence), "utf8").trim()}\n`;
}
writeFileSync("dist/LICENSES.txt", text);
