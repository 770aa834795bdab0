// The examples, in a copy of their folder with the packed tarball and what they need from the registry.

import assert from 'node:assert/strict';
import test from 'node:test';
import { rmSync } from 'node:fs';

import { exampleProject } from '../scripts/example-project.mjs';
import { run } from './support.mjs';

test('examples', async (t) => {
  const folder = exampleProject();
  t.after(() => rmSync(folder.temporary, { recursive: true, force: true }));
  const { NODE_TEST_CONTEXT: _, PAYAM_RESAN_API_KEY: _key, NIKSMS_USERNAME: _user, ...env } = process.env;
  const { code, stdout, stderr } = await run(process.execPath, ['--test', '--test-reporter=spec'], { cwd: folder.project, env });
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  for (const line of stdout.split('\n').filter((text) => /✔|NOT RUN/.test(text))) t.diagnostic(line.trim());
  if (/NOT RUN/.test(stdout + stderr)) console.error('\n*** The queue example was not run: apt-get install redis-server ***\n');
});
