// What a guest gets from its host, for the machine at hand: tests, and the import with which a build begins.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

// Files that were read, for the build to embed.
export const filesRead = new Map();

export function say(line) {
  process.stderr.write(`${line}\n`);
}

// A file beside the plugin; tests run in its folder.
export function readText(path) {
  const text = readFileSync(join(globalThis.cadenzaPluginFolder ?? process.cwd(), path), 'utf8');
  filesRead.set(path, text);
  return text;
}
