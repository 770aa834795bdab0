// Statuses without payamak: undici, the language's own parser (for SOAP the XML package that most people install), and a table.
//
// `JSON.parse` rounds an integer beyond 2^53, and the ids of both gateways are there. So `bare` puts long integers into quotes
// before it parses, which is the leanest way to keep them exact, and makes bigints of them, as payamak does. `bare-rounded`
// parses what came as it is, and its ids are wrong from the sixteenth digit on: it shows what exactness costs by hand.

import { request } from 'undici';

import { KEY } from '../message.mjs';
import { versionOf } from '../versions.mjs';
import { NIKSMS, NIKSMS_NAMES, PAYAM_RESAN } from './codes.mjs';

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' };
const FORM_HEADERS = { 'content-type': 'application/x-www-form-urlencoded' };

async function post(url, headers, body) {
  const response = await request(url, { method: 'POST', headers, body });
  if (response.statusCode !== 200) throw new Error(`HTTP ${response.statusCode}`);
  return response.body;
}

const form = (fields) => new URLSearchParams({ username: 'user', password: 'password', ...fields }).toString();
const byPlace = (ids, codes) => codes.map((code, place) => ({ messageId: ids[place], status: NIKSMS.get(code) }));

function succeeded(answer) {
  if (answer.Success !== true) throw new Error(`error ${answer.ErrorCode}: ${answer.Error}`);
  return answer.Result;
}

function makers(base, exact) {
  const parse = exact
    ? async (body) => JSON.parse((await body.text()).replace(/:(\d{16,})/g, ':"$1"'))
    : (body) => body.json();
  const id = exact ? (value) => (value === null ? null : BigInt(value)) : (value) => value;

  return {
    'payam-resan': async (ids) => {
      const body = await post(`${base}/api/V3/StatusById`, JSON_HEADERS, `{"ApiKey":"${KEY}","Ids":[${ids.join(',')}]}`);
      return succeeded(await parse(body)).map(({ Id, UserTraceId, StatusCode }) => (
        { messageId: id(Id), traceId: id(UserTraceId), status: PAYAM_RESAN.get(StatusCode) }
      ));
    },

    'public-api': async (ids) => {
      const body = await post(`${base}/fa/PublicApi/GetSmsDelivery`, FORM_HEADERS, form({ nikIds: ids.join(',') }));
      return byPlace(ids, await body.json());
    },

    v2: async (ids) => {
      const body = await post(`${base}/api/v2/delivery`, FORM_HEADERS, form({ Ids: ids.join(',') }));
      return byPlace(ids, (await body.json()).Data);
    },

    'web-service': async (ids) => {
      const url = `${base}/api/v1/web-service/sms/status/niksms`;
      const body = await post(url, JSON_HEADERS, JSON.stringify({ ApiKey: KEY, MessageIds: ids.map(String) }));
      const { isSuccess, data } = await body.json();
      if (!isSuccess) throw new Error('refused');
      const read = exact ? BigInt : Number;
      return data.result.map(({ messageId, status }) => ({ messageId: read(messageId), status: NIKSMS.get(status) }));
    },

    soap: async (ids) => {
      const { XMLParser } = await import('fast-xml-parser');
      const parser = new XMLParser({ removeNSPrefix: true, isArray: (name) => name === 'SmsStatus' });
      const envelope = `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">`
        + '<soap:Body><GetSmsDelivery xmlns="http://tempuri.org/"><security><Username>user</Username><Password>password</Password>'
        + `</security><nikIds>${ids.map((number) => `<long>${number}</long>`).join('')}</nikIds></GetSmsDelivery></soap:Body></soap:Envelope>`;
      const body = await post(`${base}/NiksmsWebservice.svc`, {
        'content-type': 'text/xml; charset=utf-8', SOAPAction: '"http://tempuri.org/INiksmsWebservice/GetSmsDelivery"',
      }, envelope);
      const parsed = parser.parse(await body.text());
      const names = parsed.Envelope.Body.GetSmsDeliveryResponse.GetSmsDeliveryResult.SmsStatus;
      return names.map((name, place) => ({ messageId: ids[place], status: NIKSMS_NAMES.get(name) }));
    },
  };
}

export function make(name, base) {
  const asks = makers(base, name === 'bare');
  return {
    versions: { undici: versionOf('undici'), 'fast-xml-parser': versionOf('fast-xml-parser') },
    statuses: (dialect) => asks[dialect],
  };
}
