// HTTP clients as people use them: the gateway's JSON, posted with the client's own defaults.

import { KEY, SENDER, TEXT, TO, check, traceId } from '../message.mjs';
import { versionOf } from '../versions.mjs';

const HEADERS = { 'content-type': 'application/json; charset=utf-8' };

const body = () => ({
  ApiKey: KEY, Text: TEXT, Sender: SENDER, Recipients: [{ Destination: TO.slice(1), UserTraceId: traceId() }],
});

function checked(answer, name) {
  if (!answer.Success) throw new Error(`error ${answer.ErrorCode}: ${answer.Error}`);
  check(answer.Result[0].Id, name);
}

const MAKERS = {
  fetch(url) {
    const send = async () => {
      const response = await fetch(url, { method: 'POST', headers: HEADERS, body: JSON.stringify(body()) });
      checked(await response.json(), 'fetch');
    };
    return { versions: { 'undici inside node': process.versions.undici }, send };
  },

  async undici(url) {
    const { request } = await import('undici');
    const send = async () => {
      const response = await request(url, { method: 'POST', headers: HEADERS, body: JSON.stringify(body()) });
      checked(await response.body.json(), 'undici');
    };
    return { versions: { undici: versionOf('undici') }, send };
  },

  async axios(url) {
    const { default: axios } = await import('axios');
    const send = async () => {
      const response = await axios.post(url, body(), { headers: HEADERS });
      checked(response.data, 'axios');
    };
    return { versions: { axios: versionOf('axios') }, send };
  },
};

export function make(name, base) {
  return MAKERS[name](`${base}/api/V3/SendBulk`);
}
