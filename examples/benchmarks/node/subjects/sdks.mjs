// SMS packages of the registry, by their own send call. Both keep the address of their service in the source; that constant
// is replaced by the local server's while the module is loaded, and nothing else of it changes.

import { readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import path from 'node:path';

import { KEY, SENDER, TEXT, TO, check } from '../message.mjs';
import { versionOf } from '../versions.mjs';

const require = createRequire(import.meta.url);

/** Loads a package with other constants. Each has to stand in its source exactly once. */
function load(name, constants) {
  const file = require.resolve(name);
  let source = readFileSync(file, 'utf8');
  for (const [from, to] of constants) {
    const parts = source.split(from);
    if (parts.length !== 2) throw new Error(`${name} keeps ${from} in ${parts.length - 1} places`);
    source = parts.join(to);
  }
  const module = new Module(file);
  module.filename = file;
  module.paths = Module._nodeModulePaths(path.dirname(file));
  module._compile(source, file);
  return module.exports;
}

const MAKERS = {
  kavenegar(base) {
    const { hostname, port } = new URL(base);
    const { KavenegarApi } = load('kavenegar', [["'api.kavenegar.com'", `'${hostname}'`], ["port: '80'", `port: '${port}'`]]);
    const api = KavenegarApi({ apikey: KEY });
    const message = { message: TEXT, sender: String(SENDER), receptor: TO };
    const send = () => new Promise((resolve, reject) => {
      api.Send(message, (entries, status, text) => {
        // A failure of the connection comes as a text in the place of the entries, without a status.
        if (status === 200) resolve(check(entries[0].messageid, 'kavenegar'));
        else reject(new Error(status === undefined ? entries : `${status}: ${text}`));
      });
    });
    return { versions: { kavenegar: versionOf('kavenegar') }, send };
  },

  'smsir-js'(base) {
    const { Smsir } = load('smsir-js', [["'https://api.sms.ir'", `'${base}'`]]);
    const api = new Smsir(KEY, SENDER);
    const send = async () => {
      const response = await api.SendBulk(TEXT, [TO]);
      check(response.data.data.messageIds[0], 'smsir-js');
    };
    return { versions: { 'smsir-js': versionOf('smsir-js'), axios: versionOf('axios') }, send };
  },
};

export function make(name, base) {
  return MAKERS[name](base);
}
