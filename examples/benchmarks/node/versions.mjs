import { readFileSync } from 'node:fs';

/** The installed version of a package, read from its file: not every package exports its own. */
export function versionOf(name) {
  return JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;
}
