// The code that the READMEs show runs as it stands: each block of JavaScript is a program of its own in a project that has the
// packed tarball, with the emulator in the place of the gateways.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import { emulate, run } from './support.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

function blocks(text) {
  return [...text.matchAll(/^```(js|mjs|javascript|ts|typescript)\n([\s\S]*?)^```$/gm)].map(([, , code]) => code);
}

/**
 * What a README leaves to its reader: where the gateways are, and the patience to wait for the first look. This module, loaded
 * first, puts the emulator in the gateways' place and looks at once.
 */
const SETUP = (url) => `
import { createRequire } from 'node:module';
const require = createRequire(process.cwd() + '/');
const native = require('./node_modules/payamak/native.cjs');
const { Gateway, Messenger } = native;
const { track } = Messenger.prototype;
Messenger.prototype.track = function (receipts, options) {
  return track.call(this, receipts, JSON.stringify({ first_look: 0, interval: 50, ...JSON.parse(options) }));
};
native.Gateway = class extends Gateway {
  constructor(kind, settings) {
    super(kind, JSON.stringify({ base_url: '${url}', ...JSON.parse(settings) }));
  }
};
`;

async function runBlocks(t, name, text) {
  const code = blocks(text);
  assert.ok(code.length > 0, `${name} has no block of JavaScript`);
  // Status changes that a loop over track waits for: a minute passes in a fraction of a second.
  const emulator = await emulate(t, { speed: 600 });
  const folder = mkdtempSync(path.join(tmpdir(), 'payamak-readme-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const npm = async (...args) => {
    const { code: status, stdout, stderr } = await run('npm', args, { cwd: args[0] === 'pack' ? root : folder });
    assert.equal(status, 0, stderr);
    return stdout;
  };
  const [{ filename }] = JSON.parse(await npm('pack', '--json', '--pack-destination', folder));
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  await npm('install', '--offline', '--no-audit', '--no-fund', `./${filename}`);
  writeFileSync(path.join(folder, 'setup.mjs'), SETUP(emulator.url));
  const env = {
    ...process.env,
    PAYAM_RESAN_API_KEY: 'demo-key', PAYAM_RESAN_SENDER: '30004040',
    NIKSMS_USERNAME: 'demo', NIKSMS_PASSWORD: 'demo-password', NIKSMS_SENDER: '50001234',
  };
  for (const [index, block] of code.entries()) {
    const file = path.join(folder, `block-${index}.mjs`);
    writeFileSync(file, block);
    const { code: status, stdout, stderr } = await run(process.execPath, ['--import', './setup.mjs', file], { cwd: folder, env });
    assert.equal(status, 0, `block ${index + 1} of ${name}\n${block}\n${stdout}\n${stderr}`);
  }
  t.diagnostic(`${code.length} blocks ran`);
}

test('the README of the package', async (t) => {
  await runBlocks(t, 'bindings-node/README.md', readFileSync(path.join(root, 'README.md'), 'utf8'));
});

test("the Node section of the repository's README", async (t) => {
  const text = readFileSync(path.join(root, '../README.md'), 'utf8');
  const section = /<!-- node -->([\s\S]*?)<!-- \/node -->/.exec(text);
  assert.ok(section, 'README.md has no part between <!-- node --> and <!-- /node -->');
  await runBlocks(t, 'README.md', section[1]);
});
