// Builds `lib/` twice, as ES modules and as CommonJS. What a `.js` file is depends on the package.json beside it, which is also
// how tsc decides what to write: the sources are compiled from two folders that differ in nothing else.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const dist = path.join(root, 'dist');
rmSync(dist, { recursive: true, force: true });

for (const [folder, type] of [['esm', 'module'], ['cjs', 'commonjs']]) {
  const source = path.join(root, 'build', folder);
  const out = path.join(dist, folder);
  rmSync(source, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  cpSync(path.join(root, 'lib'), source, { recursive: true });
  for (const place of [source, out]) writeFileSync(path.join(place, 'package.json'), `${JSON.stringify({ type })}\n`);
  const config = { extends: '../../tsconfig.json', compilerOptions: { rootDir: '.', outDir: out }, include: ['.'] };
  writeFileSync(path.join(source, 'tsconfig.json'), JSON.stringify(config));
  const { status } = spawnSync(process.execPath, [tsc, '-p', source], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
rmSync(path.join(root, 'build'), { recursive: true, force: true });
