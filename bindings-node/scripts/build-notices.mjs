// What the crates in the native module ask to be said of them, and the SBOM: for this folder, and for the package of the platform
// that the module was built for. CARGO_BUILD_TARGET is that platform, where it is not this machine's.

import { spawnSync } from 'node:child_process';
import { copyFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [notices, sbom] = ['THIRD-PARTY-NOTICES.txt', 'payamak.cdx.json'];

const target = process.env.CARGO_BUILD_TARGET ? ['--target', process.env.CARGO_BUILD_TARGET] : [];
const script = path.join(root, '../core/packaging/notices.py');
const { status, error } = spawnSync('python3', [script, '--package', 'payamak-node', '--purl', 'pkg:npm/payamak', ...target, '--notices', notices, '--sbom', sbom], { cwd: root, stdio: 'inherit' });
if (error) throw error;
if (status !== 0) process.exit(status ?? 1);

for (const binary of readdirSync(root).filter((file) => /^payamak\..+\.node$/.test(file))) {
  const platform = binary.slice('payamak.'.length, -'.node'.length);
  for (const file of ['LICENSE', notices, sbom]) copyFileSync(path.join(root, file), path.join(root, 'npm', platform, file));
}
