// What a guest gets from its host and from its build.

import { line } from 'cadenza:plugin/log@1.0.0';
// Made by the build: what the plugin read when it was imported natively.
import { files } from 'cadenza:files';

// While the snapshot is taken there is no host to hear anything.
let isListening = false;

export function listen() {
  isListening = true;
}

export function say(text) {
  if (isListening) line(text);
}

export function readText(path) {
  const text = files.get(path);
  if (isListening || text === undefined) {
    throw new Error(`${path} is read while deciding: read tables at the top of a module, a plugin has no files later`);
  }
  return text;
}
