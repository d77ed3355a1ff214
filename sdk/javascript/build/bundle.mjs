// Makes one module of the plugin, the kit and what joins them, because the guest's engine is given one file. Types are
// stripped on the way. At the end of the module stands where each of its lines comes from, for messages about exceptions.

import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { BuildError } from './build-error.mjs';
import { originalLines } from './source-map.mjs';

export const KIT = join(dirname(fileURLToPath(import.meta.url)), '..', 'cadenza-sdk');

const GUARDS = {
  'cadenza:guards': `import { guard } from ${JSON.stringify(join(KIT, 'guards.js'))};\nguard(globalThis);`,
};

// The guest's module, and where its lines are from. `files` are those that the plugin reads, by their paths.
export async function bundle(entry, folder, files) {
  const modules = {
    'cadenza:files': `export const files = new Map(${JSON.stringify(Object.entries(files))});`,
  };
  const { code, map } = await generate(entry, {
    folder,
    conditionNames: ['cadenza-guest', 'import', 'default'],
    external: [/^cadenza:plugin\//],
    modules,
  });
  const places = placesOf(map, dirname(entry), folder);
  return { code: `${code}\nglobalThis.cadenzaPlaces = ${JSON.stringify(places)};\n`, places };
}

// A module for this Node, in which the kit works as in tests; only the kit may ask for what Node has.
export async function bundleNatively(entry, folder) {
  const { code } = await generate(entry, {
    folder,
    conditionNames: ['node', 'import', 'default'],
    external: (id, importer) => id.startsWith('node:') && importer?.startsWith(KIT) === true,
    sourcemap: 'inline',
  });
  return code;
}

async function generate(entry, { folder, conditionNames, external, modules = {}, sourcemap = true }) {
  const alias = {
    'cadenza-sdk/guest': join(KIT, 'guest', 'index.js'),
    'cadenza-sdk/native': join(KIT, 'native', 'host.js'),
    'cadenza-sdk': join(KIT, 'index.js'),
  };
  const missing = [];
  let made;
  try {
    const bundled = await rolldown({
      input: entry,
      resolve: { alias, conditionNames, mainFields: ['module', 'main'] },
      external,
      plugins: [virtual({ ...GUARDS, ...modules })],
      platform: 'neutral',
      treeshake: false,
      onLog(_, log) {
        if (log.code === 'UNRESOLVED_IMPORT') missing.push(unresolved(log, folder));
      },
    });
    // The folder is what the paths in the source map are relative to; nothing is written.
    const dir = dirname(entry);
    const { output } = await bundled.generate({ dir, format: 'esm', sourcemap, codeSplitting: false });
    made = output[0];
  } catch (error) {
    throw new BuildError(spelt(error, folder));
  }
  if (missing.length > 0) throw new BuildError(missing.join('\n'));
  return made;
}

function unresolved(log, folder) {
  const file = log.id === undefined ? 'plugin' : relative(folder, log.id);
  const why = 'a plugin can import its own files and packages in its node_modules, but nothing of Node itself';
  return `${file}${log.loc === undefined ? '' : `:${log.loc.line}`}: \`${log.exporter ?? log.message}\` is not found; ${why}`;
}

function spelt(error, folder) {
  const [first] = error.errors ?? [];
  if (first?.loc === undefined) return plain(error.message);
  const [headline] = plain(first.message).split('\n');
  const file = relative(folder, resolve(first.loc.file ?? first.id));
  return `${file}:${first.loc.line}: ${headline.replace(/^\[\w+\] /, '')}`;
}

function virtual(modules) {
  return {
    name: 'cadenza',
    resolveId: (id) => (id in modules ? id : null),
    load: (id) => modules[id] ?? null,
  };
}

// Without the colours of a terminal.
function plain(text) {
  return text.replace(/\x1b\[\d+(;\d+)*m/g, '');
}

// For each line of the module the author's file and line, or 0 when it is not the author's.
function placesOf(map, base, folder) {
  const files = [];
  const lines = originalLines(map.mappings).map((original) => {
    if (original === undefined) return 0;
    const file = relative(folder, resolve(base, map.sources[original.source]));
    if (file.startsWith('..') || isAbsolute(file) || file.includes('node_modules')) return 0;
    if (!files.includes(file)) files.push(file);
    return [files.indexOf(file), original.line];
  });
  return { files, lines };
}
