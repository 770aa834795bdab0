// What users get: the packed tarball, in projects of every kind. Nothing here comes from this folder but the tarball and the tools.

import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';

import { run } from './support.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => path.join(root, 'node_modules', '.bin', name);
const temporary = mkdtempSync(path.join(tmpdir(), 'payamak-'));
let tarball;

after(() => rmSync(temporary, { recursive: true, force: true }));

async function ok(command, args, options = {}) {
  const { code, stdout, stderr } = await run(command, args, { cwd: root, ...options });
  assert.equal(code, 0, `${path.basename(command)} ${args.join(' ')}\n${stdout}\n${stderr}`);
  return stdout;
}

/** An empty project with nothing but the tarballs in it, installed without a network. */
async function project(name, { from, tarballs = [tarball], packageJson = {} } = {}) {
  const folder = path.join(temporary, name);
  mkdirSync(folder, { recursive: true });
  if (from) cpSync(from, folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, ...packageJson }));
  await ok('npm', ['install', '--offline', '--no-audit', '--no-fund', '--no-package-lock', ...tarballs], { cwd: folder });
  return folder;
}

before(async () => {
  const [{ filename }] = JSON.parse(await ok('npm', ['pack', '--json', '--pack-destination', temporary]));
  tarball = path.join(temporary, filename);
});

test('the tarball holds what a user needs, and nothing else', async () => {
  const files = (await ok('tar', ['tzf', tarball])).trim().split('\n').map((file) => file.replace(/^package\//, ''));
  const strange = files.filter((file) => !/^(package\.json|README\.md|LICENSE|THIRD-PARTY-NOTICES\.txt|payamak\.cdx\.json|native\.cjs|native\.d\.cts|payamak\.[a-z0-9-]+\.node|dist\/(esm|cjs)\/(package\.json|[a-z]+\.(d\.ts|js)))$/.test(file));
  assert.deepEqual(strange, []);
  const { scripts = {} } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) assert.ok(!(name in scripts), `a script ${name}`);
});

const LEGAL = ['LICENSE', 'THIRD-PARTY-NOTICES.txt', 'payamak.cdx.json'];

/** Nothing of the machine that built it is in a package, and what its crates ask to be said is. */
const isFit = (file) => ok('python3', [path.join(root, '../core/packaging/check_artifact.py'), file, ...LEGAL.flatMap((name) => ['--holds', `package/${name}`])]);

test('the tarball says what it is built from, and nothing of where', async () => {
  await isFit(tarball);
  const { specVersion, components } = JSON.parse(readFileSync(path.join(root, 'payamak.cdx.json'), 'utf8'));
  assert.equal(specVersion, '1.5');
  const crates = new Map(components.map((component) => [component.name, component]));
  assert.match(crates.get('ring').purl, /^pkg:cargo\/ring@\d/);
  assert.match(crates.get('napi').hashes[0].content, /^[0-9a-f]{64}$/);
  const notices = readFileSync(path.join(root, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
  for (const { name, version, purl } of components) {
    if (!name.startsWith('payamak')) assert.ok(notices.includes(`\n${name} ${version}\n`), purl);
  }
});

test('publint and are-the-types-wrong have nothing to say', async () => {
  await ok(bin('publint'), ['run', tarball, '--strict']);
  await ok(bin('attw'), [tarball, '--format', 'ascii', '--no-color', '--no-emoji']);
});

test('types', async () => {
  const folder = await project('types', { from: path.join(root, 'test/types') });
  await ok(bin('tsc'), ['-p', folder]);
});

const PROJECTS = {
  cjs: (folder) => ok(process.execPath, ['index.js'], { cwd: folder }),
  esm: (folder) => ok(process.execPath, ['index.mjs'], { cwd: folder }),
  'ts-node16': async (folder) => {
    await ok(bin('tsc'), ['-p', folder]);
    await ok(process.execPath, ['out/legacy.cjs'], { cwd: folder });
    return ok(process.execPath, ['out/index.mjs'], { cwd: folder });
  },
  'ts-bundler': async (folder) => {
    await ok(bin('tsc'), ['-p', folder]);
    await ok(bin('esbuild'), ['index.ts', '--bundle', '--platform=node', '--packages=external', '--format=esm', '--outfile=out.mjs', '--log-level=error'], { cwd: folder });
    return ok(process.execPath, ['out.mjs'], { cwd: folder });
  },
  esbuild: async (folder) => {
    // Everything in one minified file, the binary beside it; as ES modules and as CommonJS.
    const options = ['--bundle', '--minify', '--platform=node', '--loader:.node=copy', '--log-level=error'];
    const require = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);";
    await ok(bin('esbuild'), ['index.mjs', ...options, '--format=esm', `--banner:js=${require}`, '--outdir=out', '--out-extension:.js=.mjs'], { cwd: folder });
    const away = path.join(temporary, 'esbuild-out');
    cpSync(path.join(folder, 'out'), away, { recursive: true });
    return ok(process.execPath, [path.join(away, 'index.mjs')], { cwd: away });
  },
  'worker-threads': (folder) => ok(process.execPath, ['index.mjs'], { cwd: folder }),
  bun: (folder) => ok(bin('bun'), ['index.ts'], { cwd: folder }),
  deno: (folder) => ok(bin('deno'), ['run', '--allow-all', '--no-lock', '--node-modules-dir=manual', 'index.ts'], { cwd: folder }),
};

for (const [name, start] of Object.entries(PROJECTS)) {
  test(`project ${name}`, async () => {
    const folder = await project(name, { from: path.join(root, 'test/projects', name) });
    assert.equal((await start(folder)).trim(), 'accepted');
  });
}

test('every folder of projects has a test', () => {
  assert.deepEqual(readdirSync(path.join(root, 'test/projects')).sort(), Object.keys(PROJECTS).sort());
});

test('as published: the binary comes from the platform package', async () => {
  const require = createRequire(import.meta.url);
  const binary = readdirSync(root).find((file) => /^payamak\..+\.node$/.test(file));
  const platform = binary.slice('payamak.'.length, -'.node'.length);
  // A release: the command of napi that moves the binaries and writes optionalDependencies, on a copy.
  const release = path.join(temporary, 'release');
  for (const file of ['package.json', 'README.md', ...LEGAL, 'npm', 'dist', 'native.cjs', 'native.d.cts']) {
    if (existsSync(path.join(root, file))) cpSync(path.join(root, file), path.join(release, file), { recursive: true });
  }
  for (const name of readdirSync(path.join(root, 'npm'))) {
    // Those of other machines are built by other machines; the release wants one of each.
    if (name !== platform) for (const file of [`payamak.${name}.node`, ...LEGAL]) writeFileSync(path.join(release, 'npm', name, file), 'built elsewhere');
  }
  cpSync(path.join(root, binary), path.join(release, 'npm', platform, binary));
  await ok(bin('napi'), ['pre-publish', '--tag-style', 'npm', '--skip-optional-publish', '--no-gh-release'], { cwd: release });
  const { optionalDependencies, version } = require(path.join(release, 'package.json'));
  const expected = readdirSync(path.join(root, 'npm')).map((name) => [`payamak-${name}`, version]);
  assert.deepEqual(Object.entries(optionalDependencies).sort(), expected.sort());
  const pack = async (cwd) => {
    const [{ filename }] = JSON.parse(await ok('npm', ['pack', '--json', '--pack-destination', release], { cwd }));
    return path.join(release, filename);
  };
  const tarballs = [await pack(release), await pack(path.join(release, 'npm', platform))];
  for (const packed of tarballs) await isFit(packed);
  const folder = await project('published', { from: path.join(root, 'test/projects/cjs'), tarballs });
  assert.ok(!readdirSync(path.join(folder, 'node_modules/payamak')).some((file) => file.endsWith('.node')));
  assert.equal((await PROJECTS.cjs(folder)).trim(), 'accepted');
});
