// Compiled, never run: what must type-check does, and what must not is marked.

import {
  AbortError, Messenger, NikSms, PayamResan, PayamakError, Report, isPayamakError, msisdn, traceIdFromKey,
  type ErrorCode, type Id, type KeptReceipt, type KeyKind, type Progress, type Receipt,
} from 'payamak';
import { Emulator, type Fault } from 'payamak/testing';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(equal: Equal<A, B>): void => void equal;

declare const gateway: PayamResan;
declare const niksms: NikSms;
declare const signal: AbortSignal;

const messenger = new Messenger([gateway, niksms], { concurrency: 5, rate: 20, budget: 60_000 });
void new Messenger(gateway);
// @ts-expect-error: a messenger has no such setting
void new Messenger([gateway], { concurency: 5 });
void new Messenger([gateway], { deadline: 20_000, resend: false, ask: 'first', keySecret: 'secret' });
// @ts-expect-error: every or first
void new Messenger([gateway], { ask: 'all' });
// @ts-expect-error: a gateway is not a string
void new Messenger(['payam-resan']);
// @ts-expect-error: settings are checked by name
void new PayamResan({ apikey: 'x' });
void new NikSms({ username: 'x', password: 'y', dialect: 'soap' });

same<Awaited<ReturnType<typeof messenger.send>>, Report>(true);
void messenger.send('x', '09121112222', { key: 'a', signal, timeout: 1000, onProgress: (now: Progress) => void now.planned });
void messenger.send('x', new Set([9121112222, '0912', 912n]));
const options = { key: 'a', deadline: 1000, sender: 30004040, once: true };
void messenger.send('x', '0912', options);
void messenger.sendEach([{ to: '0912', text: 'x' }], options);
void messenger.sendTemplate('verify', [{ to: '0912', parameters: ['1'] }], options);
// @ts-expect-error: a misspelt key would be none
void messenger.send('x', '0912', { kye: 'a' });
// @ts-expect-error: a duration is a number of milliseconds
void messenger.sendEach([], { deadline: '5s' });
// @ts-expect-error: a trace id names one message
void messenger.sendEach([], { traceId: 7n });
void messenger.sendEach([{ to: '0912', text: 'x', traceId: 7n, sender: 30004040 }]);
// @ts-expect-error: a message has a text
void messenger.sendEach([{ to: '0912' }]);
// @ts-expect-error: an id is no boolean
void messenger.send('x', '0912', { traceId: true });

declare const receipt: Receipt;
same<typeof receipt.traceId, bigint>(true);
same<typeof receipt.messageId, bigint | null>(true);
same<typeof receipt.error, PayamakError | null>(true);
same<typeof receipt.replayed, boolean>(true);
const kept: KeptReceipt[] = [receipt, { to: '0912', traceId: '7' }, { to: '0912', traceId: 7n, gateway: null, outcome: 'unclear' }];
void messenger.delivery(kept);
// @ts-expect-error: receipts are not for changing
receipt.outcome = 'accepted';
const outcome: 'accepted' | 'rejected' | 'unclear' | (string & {}) = receipt.outcome;
void outcome;

// Open unions take new values, and know the old ones.
const code: ErrorCode = 'SOMETHING_NEW';
void code;
const id: Id = '9007199254740993';
void gateway.statusById([id, 7, 7n]);

async function changes(): Promise<void> {
  for await (const change of messenger.track([receipt], { signal, firstLook: 0, interval: 1, deadline: 1 })) {
    same<typeof change.index, number>(true);
    if (change.status?.delivery.state === 'delivered') return;
  }
  for await (const message of messenger.receive({ signal })) same<typeof message.gateway, string>(true);
  await using closing = messenger;
  void closing;
}
void changes;

try {
  void msisdn('0912').national;
} catch (error) {
  if (isPayamakError(error)) {
    same<typeof error.gateway, string | null>(true);
    same<typeof error.gatewayText, string | null>(true);
    void [error.toObject(), error.toObject({ private: true })];
    // @ts-expect-error: what the gateway said is not for changing
    error.gatewayText = 'x';
  }
  if (error instanceof AbortError) same<typeof error.receipts, Report | null>(true);
}
same<ReturnType<typeof traceIdFromKey>, bigint>(true);
const kind: KeyKind = 'list_member';
void [traceIdFromKey('a', '0912'), traceIdFromKey('a', 9121112222, kind, 'secret')];
// @ts-expect-error: a key names a message to somebody
void traceIdFromKey('a');
// @ts-expect-error: single or list_member
void traceIdFromKey('a', '0912', 'list');

const fault: Fault = { when: 'after', then: { delayMs: 5 }, times: null };
const faults: Fault[] = [
  { when: { laterMs: 5 }, then: { statusJson: 429 } }, { then: { halfTaken: 19 } }, { then: 'no_rows' }, { then: 'round_ids' },
  { then: 'extra_row' }, { operations: 'lookup', then: 'contradict_rows' },
];
// @ts-expect-error: no such fault
const wrong: Fault = { then: 'explode' };
void [fault, faults, wrong];
void Emulator.start({ pollingRule: 1, pollingRuleForUnknownIds: true, lookupLag: 5 }).then((emulator) => {
  emulator.refuseText('وام');
  emulator.refuseNumber(9121112222);
});
void Emulator.start({ allowHosts: ['sms.example'] });
// @ts-expect-error: a list of names
void Emulator.start({ allowHosts: 'sms.example' });
void Emulator.start({ replay: 'folder', speed: 0 }).then((emulator) => new NikSms(emulator.niksms({ dialect: 'soap' })));
