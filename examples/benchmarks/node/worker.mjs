// One process a subject: `node worker.mjs <subject> <base url>`. A job a line comes in, an answer a line goes out.

import { createInterface } from 'node:readline';

import { jobs } from './jobs.mjs';

// Which file makes the subject, so that a process loads what its own needs and no more.
const SUBJECTS = {
  payamak: 'payamak',
  'payamak-messenger': 'payamak',
  fetch: 'clients',
  undici: 'clients',
  axios: 'clients',
  kavenegar: 'sdks',
  'smsir-js': 'sdks',
  bare: 'bare',
  'bare-rounded': 'bare',
};

const [name, base] = process.argv.slice(2);
if (!Object.hasOwn(SUBJECTS, name) || !base) {
  process.stderr.write(`usage: worker.mjs <${Object.keys(SUBJECTS).join(' | ')}> <base url>\n`);
  process.exit(2);
}
const { make } = await import(`./subjects/${SUBJECTS[name]}.mjs`);
const { versions, ...subject } = await make(name, base);

const write = (answer) => new Promise((resolve) => void process.stdout.write(`${JSON.stringify(answer)}\n`, resolve));
await write({ ready: true, subject: name, versions: { node: process.versions.node, ...versions } });

for await (const line of createInterface({ input: process.stdin })) {
  const { job, ...given } = JSON.parse(line);
  const run = jobs[job];
  const answer = (await run?.(subject, given)) ?? { unsupported: true };
  await write(answer);
  // A client that is still waiting would keep the process; whoever asked has the answer.
  if (answer.ended === false) process.exit(0);
}
