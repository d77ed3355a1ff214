// Imports a plugin natively, in a process of its own, and says what it is.

import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { BuildError } from './build-error.mjs';
import { bundleNatively } from './bundle.mjs';

// Tables come with the answer, and a component has at most 64 MiB.
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

// Runs in that process. It answers on a line of its own, since the plugin may print as well.
const INSPECTOR = `
globalThis.cadenzaPluginFolder = process.argv[2];
let answer;
try {
  const { plugin, filesRead } = await import('./native.mjs');
  answer = plugin?.fields === undefined ? {} : {
    name: plugin.name,
    version: plugin.version,
    kinds: ['score', 'choose', 'decide'].filter((kind) => plugin[kind] !== undefined),
    files: Object.fromEntries(filesRead),
  };
} catch (error) {
  const said = error?.message === undefined ? String(error) : error.name + ': ' + error.message;
  answer = { error: said, at: error?.at, stack: error?.stack };
}
process.stdout.write('\\ncadenza:' + JSON.stringify(answer) + '\\n');
`;

// The plugin's name, version, kinds and the files it reads.
export async function inspect(source, work) {
  await writeFile(join(work, 'native-entry.js'), nativeEntry(source));
  await writeFile(join(work, 'native.mjs'), await bundleNatively(join(work, 'native-entry.js'), dirname(source)));
  await writeFile(join(work, 'inspector.mjs'), INSPECTOR);
  const said = await ask(join(work, 'inspector.mjs'), dirname(source));
  if (said.error !== undefined) throw new BuildError(await spelt(said, source));
  if (said.name === undefined) {
    const file = relative(dirname(source), source);
    throw new BuildError(`${file} exports no plugin: it has to say \`export default definePlugin({ … })\``);
  }
  return said;
}

// Guards come first here too, so that what is impure at the top of a module is found with its line.
function nativeEntry(source) {
  return [
    "import 'cadenza:guards';",
    `import * as author from ${JSON.stringify(source)};`,
    'export const plugin = author.default;',
    "export { filesRead } from 'cadenza-sdk/native';",
    '',
  ].join('\n');
}

function ask(inspector, folder) {
  return new Promise((resolve, reject) => {
    const command = ['--enable-source-maps', inspector, folder];
    execFile(process.execPath, command, { maxBuffer: ANSWER_BYTES_MAX }, (error, stdout, stderr) => {
      process.stderr.write(stderr);
      const answer = /^cadenza:(.*)$/m.exec(stdout);
      if (answer === null) reject(new BuildError(`the plugin ended the process that imports it: ${error?.message ?? ''}`));
      else resolve(JSON.parse(answer[1]));
    });
  });
}

// What went wrong, with the author's line: the innermost of the stack, or of a declaration the one that has its name.
async function spelt({ error, at, stack }, source) {
  const folder = dirname(source);
  if (at !== undefined) {
    const lines = (await readFile(source, 'utf8')).split('\n');
    const found = lines.findIndex((line) => new RegExp(`^\\s*['"]?${at}['"]?\\s*[:(]|\\b${at}\\(|['"]${at}['"]`).test(line));
    if (found >= 0) return `${relative(folder, source)}:${found + 1}: ${error}`;
  }
  for (const [, file, line] of (stack ?? '').matchAll(/(?:file:\/\/)?(\/[^\s():]+):(\d+):\d+/g)) {
    const path = relative(folder, file);
    if (!path.startsWith('..') && !path.includes('node_modules')) return `${path}:${line}: ${error}`;
  }
  return `${relative(folder, source)}: ${error}`;
}
