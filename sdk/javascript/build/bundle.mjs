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

// The guest's module. `files` are those that the plugin reads, by their paths.
export async function bundle(entry, folder, files) {
  const modules = {
    'cadenza:files': `export const files = new Map(${JSON.stringify(Object.entries(files))});`,
  };
  const { code, map } = await generate(entry, {
    conditionNames: ['cadenza-guest', 'import', 'default'],
    external: [/^cadenza:plugin\//],
    modules,
  });
  return `${code}\n${places(map, dirname(entry), folder)}\n`;
}

// A module for this Node, in which the kit works as in tests.
export async function bundleNatively(entry) {
  const { code } = await generate(entry, { conditionNames: ['node', 'import', 'default'], external: [/^node:/], inline: true });
  return code;
}

async function generate(entry, { conditionNames, external, modules = {}, inline = false }) {
  const alias = {
    'cadenza-sdk/guest': join(KIT, 'guest', 'index.js'),
    'cadenza-sdk/native': join(KIT, 'native', 'host.js'),
    'cadenza-sdk': join(KIT, 'index.js'),
  };
  try {
    const bundled = await rolldown({
      input: entry,
      resolve: { alias, conditionNames },
      external,
      plugins: [virtual({ ...GUARDS, ...modules })],
      platform: 'neutral',
      treeshake: false,
      logLevel: 'silent',
      onLog(_, log) {
        if (log.code === 'UNRESOLVED_IMPORT') throw new BuildError(log.message);
      },
    });
    const { output } = await bundled.generate({ format: 'esm', sourcemap: inline ? 'inline' : true, codeSplitting: false });
    return output[0];
  } catch (error) {
    throw error instanceof BuildError ? error : new BuildError(plain(error.message));
  }
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
function places(map, base, folder) {
  const files = [];
  const lines = originalLines(map.mappings).map((original) => {
    if (original === undefined) return 0;
    const file = relative(folder, resolve(base, map.sources[original.source]));
    if (file.startsWith('..') || isAbsolute(file) || file.includes('node_modules')) return 0;
    if (!files.includes(file)) files.push(file);
    return [files.indexOf(file), original.line];
  });
  return `globalThis.cadenzaPlaces = ${JSON.stringify({ files, lines })};`;
}
