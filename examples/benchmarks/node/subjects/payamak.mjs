// payamak: the gateway's own method for one send, and the messenger for a send that is asked about when it is unclear.

import { Messenger, NikSms, PayamResan, version } from 'payamak';

import { KEY, SENDER, TEXT, TO, check, traceId } from '../message.mjs';

const CREDENTIALS = { 'web-service': { apiKey: KEY }, v2: { username: 'user', password: 'password', v2DeliveryPath: 'delivery' } };

export function make(name, base) {
  const gateway = new PayamResan({ apiKey: KEY, sender: SENDER, baseUrl: base });
  const messenger = new Messenger([gateway]);

  const sendBulk = async () => {
    const [sent] = await gateway.sendBulk(TEXT, [{ to: TO, traceId: traceId() }]);
    check(sent.messageId, name);
  };
  const sendSafely = async () => {
    const report = await messenger.send(TEXT, TO);
    check(report.at(0).messageId, name);
  };

  return {
    versions: { payamak: version },
    send: name === 'payamak' ? sendBulk : sendSafely,

    async campaign(to) {
      const report = await messenger.send(TEXT, to);
      if (report.counts.accepted !== to.length) throw new Error(`${report.counts.accepted} of ${to.length} were accepted`);
    },

    statuses(dialect) {
      if (dialect === 'payam-resan') return (ids) => gateway.statusById(ids);
      const credentials = CREDENTIALS[dialect] ?? { username: 'user', password: 'password' };
      const niksms = new NikSms({ dialect, sender: SENDER, baseUrl: base, ...credentials });
      return (ids) => niksms.getSmsDelivery(ids);
    },

    // The deadline is all that differs from the defaults: the driver does not wait as long as a send may ask about itself.
    async fault() {
      const patient = new Messenger([gateway], { deadline: 20_000 });
      const receipt = (await patient.send(TEXT, TO)).at(0);
      const { error } = receipt;
      return error ? `${receipt.outcome}: ${error.name}: ${error.message}` : receipt.outcome;
    },
  };
}
