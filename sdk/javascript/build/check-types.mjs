// Checks the types of a plugin in TypeScript, with the pinned compiler. What runs in the guest is checked against the
// library of the language alone: there is no DOM and no Node in it.

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { BuildError } from './build-error.mjs';
import { KIT } from './bundle.mjs';

const run = promisify(execFile);

export async function checkTypes(source, work) {
  const config = {
    compilerOptions: {
      strict: true,
      noEmit: true,
      target: 'es2023',
      lib: ['es2023'],
      types: [],
      module: 'esnext',
      moduleResolution: 'bundler',
      allowImportingTsExtensions: true,
      isolatedModules: true,
      verbatimModuleSyntax: true,
      skipLibCheck: true,
      paths: { 'cadenza-sdk': [join(KIT, 'index.d.ts')] },
    },
    files: [source, join(KIT, 'guest.d.ts')],
  };
  const file = join(work, 'tsconfig.json');
  await writeFile(file, JSON.stringify(config));
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  try {
    // From the author's folder, so that messages name files as the author does.
    await run(process.execPath, [tsc, '--pretty', 'false', '-p', file], { cwd: dirname(source) });
  } catch (error) {
    throw new BuildError(`the types do not fit:\n${(error.stdout || error.stderr || error.message).trim()}`);
  }
}
