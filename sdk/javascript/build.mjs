// Builds a plugin in JavaScript or TypeScript into a WebAssembly component.
//
//     node build.mjs --plugin DIR --wit FILE --out FILE
//
// `npm ci` in this folder installs what it needs. TypeScript is checked first. Then the plugin is imported natively, to find
// out which kinds of decision it takes and which tables it reads, and to say what is wrong with it in terms of the author's
// files. At last it becomes one module with the kit, of which componentize-js makes the component.

import { componentize } from '@bytecodealliance/componentize-js';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BuildError } from './build/build-error.mjs';
import { bundle } from './build/bundle.mjs';
import { checkTypes } from './build/check-types.mjs';
import { inspect } from './build/inspect.mjs';

// The contract's interface of each function that a plugin may have.
const INTERFACES = { score: 'scorer', choose: 'nurturer', decide: 'escalator' };

async function main() {
  const { plugin: folder, wit, out } = parseArguments();
  const source = await findSource(folder);
  const work = await mkdtemp(join(tmpdir(), 'cadenza-javascript-'));
  try {
    if (source.endsWith('.ts')) await checkTypes(source, work);
    const plugin = await inspect(source, work);
    await writeFile(join(work, 'entry.js'), entry(source, plugin));
    const { code, places } = await bundle(join(work, 'entry.js'), dirname(source), plugin.files);
    await writeFile(join(work, 'guest.js'), code);
    const component = await makeComponent(join(work, 'guest.js'), places, wit, plugin, work);
    await mkdir(dirname(out), { recursive: true });
    await writeFile(out, component);
    const size = (component.byteLength / 1e6).toFixed(1);
    const kinds = plugin.kinds.map((kind) => INTERFACES[kind]).join(' and ');
    console.log(`${plugin.name} ${plugin.version}: ${kinds}, ${size} MB, ${out}`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function parseArguments() {
  const text = { type: 'string' };
  const { values } = parseArgs({ options: { plugin: text, wit: text, out: text } });
  for (const name of ['plugin', 'wit', 'out']) {
    if (values[name] === undefined) throw new BuildError('usage: node build.mjs --plugin DIR --wit FILE --out FILE');
    values[name] = resolve(values[name]);
  }
  return values;
}

async function findSource(folder) {
  const found = ['plugin.ts', 'plugin.js'].map((name) => join(folder, name)).filter((file) => existsSync(file));
  if (found.length === 0) throw new BuildError(`there is no plugin.js or plugin.ts in ${folder}`);
  if (found.length > 1) throw new BuildError(`there is both a plugin.js and a plugin.ts in ${folder}; which one is it?`);
  return found[0];
}

// The module that joins the plugin with the contract. Guards come before the author's modules are evaluated.
function entry(source, plugin) {
  const exports = ['describe', ...plugin.kinds.map((kind) => INTERFACES[kind])];
  return [
    "import 'cadenza:guards';",
    `import plugin from ${JSON.stringify(source)};`,
    "import { connect } from 'cadenza-sdk/guest';",
    `export const { ${exports.join(', ')} } = connect(plugin);`,
    '',
  ].join('\n');
}

async function makeComponent(sourcePath, places, wit, plugin, work) {
  const witPath = await makeWorld(wit, plugin, work);
  try {
    const { component } = await componentize({
      sourcePath,
      witPath,
      worldName: 'guest',
      disableFeatures: ['stdio', 'random', 'clocks', 'http', 'fetch-event'],
    });
    return component;
  } catch (error) {
    throw new BuildError(spelt(error.message, places));
  }
}

// What went wrong when the guest's engine evaluated the plugin, with the author's innermost line.
function spelt(said, { files, lines }) {
  const cause = /\b\w*Error: .*/.exec(said.slice(said.indexOf('guest.js')));
  for (const [, line] of said.matchAll(/guest\.js:(\d+)/g)) {
    const place = lines[line - 1];
    if (cause !== null && Array.isArray(place)) return `${files[place[0]]}:${place[1]}: ${cause[0]}`;
  }
  return `componentize-js could not build it:\n${said}`;
}

// A world of exactly the plugin's kinds. The kit imports the contract's `log` by its version (`guest/host.js` and
// `guest/panic.js`), so a new version of the contract is a change there too.
async function makeWorld(wit, plugin, work) {
  const contract = /^package cadenza:plugin@([\d.]+);/m.exec(await readFile(wit, 'utf8'));
  if (contract === null) throw new BuildError(`${wit} is not the contract of plugins: it has no \`package cadenza:plugin@…;\``);
  const version = contract[1];
  const interfaces = ['types', 'describe', ...plugin.kinds.map((kind) => INTERFACES[kind])];
  const exports = interfaces.map((name) => `  export cadenza:plugin/${name}@${version};`).join('\n');
  const world = `package cadenza:guest;\n\nworld guest {\n  import cadenza:plugin/log@${version};\n${exports}\n}\n`;
  const folder = join(work, 'wit');
  await mkdir(join(folder, 'deps', 'cadenza-plugin'), { recursive: true });
  await writeFile(join(folder, 'guest.wit'), world);
  await cp(wit, join(folder, 'deps', 'cadenza-plugin', 'cadenza.wit'));
  return folder;
}

try {
  await main();
} catch (error) {
  console.error(`error: ${error instanceof BuildError ? error.message : error.stack}`);
  process.exitCode = 1;
}
