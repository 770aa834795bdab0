// A copy of examples/node beside a copy of examples/data, with the packed tarball installed.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

function npm(cwd, ...args) {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm ${args.join(' ')}\n${stdout}\n${stderr}`);
  return stdout;
}

/** Packs, copies and installs. Without `dependencies` it needs no network, and only the quickstart runs. */
export function exampleProject({ dependencies = true } = {}) {
  const temporary = mkdtempSync(path.join(tmpdir(), 'payamak-examples-'));
  const examples = path.join(root, '../examples');
  const project = path.join(temporary, 'node');
  const isOurs = (file) => path.basename(file) !== 'node_modules';
  cpSync(path.join(examples, 'node'), project, { recursive: true, filter: isOurs });
  cpSync(path.join(examples, 'data'), path.join(temporary, 'data'), { recursive: true });
  const [{ filename }] = JSON.parse(npm(root, 'pack', '--json', '--pack-destination', temporary));
  const file = path.join(project, 'package.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  if (!dependencies) manifest.dependencies = {};
  manifest.dependencies.payamak = `file:../${filename}`;
  writeFileSync(file, JSON.stringify(manifest));
  npm(project, 'install', '--no-audit', '--no-fund', '--no-package-lock', ...(dependencies ? [] : ['--offline']));
  return { temporary, project, tarball: path.join(temporary, filename) };
}
