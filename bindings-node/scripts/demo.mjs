// Packs, installs the tarball into an empty project without a network, and runs the quickstart against the emulator.

import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';

import { exampleProject } from './example-project.mjs';

const { temporary, project } = exampleProject({ dependencies: false });
const { PAYAM_RESAN_API_KEY: _key, NIKSMS_USERNAME: _user, ...env } = process.env;
const { status } = spawnSync(process.execPath, ['quickstart.mjs'], { cwd: project, env, stdio: 'inherit' });
rmSync(temporary, { recursive: true, force: true });
process.exitCode = status ?? 1;
