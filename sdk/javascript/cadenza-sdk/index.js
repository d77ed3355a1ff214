// What a plugin in JavaScript or TypeScript is written with. The guide is `README.md` beside this package; the types, with a
// word on each, are in `index.d.ts`. Nothing here knows of WebAssembly: a plugin is imported and tested like any module.

export { definePlugin, DeclarationError } from './declarations.js';
export { log } from './log.js';
export { lines, table } from './tables.js';
export { Refusal, Tally } from './tally.js';
export { View, viewOf } from './view.js';

export const UNLISTED = '(unlisted)';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
