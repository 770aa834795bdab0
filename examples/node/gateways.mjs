// Which gateways the examples send through: those whose credentials the environment has, and without any, the emulator.

import { Messenger, NikSms, PayamResan } from 'payamak';
import { Emulator } from 'payamak/testing';

/** A messenger, and the emulator behind it where there is no account. */
export async function connect(emulatorOptions) {
  const gateways = [];
  if (process.env.PAYAM_RESAN_API_KEY) gateways.push(PayamResan.fromEnv());
  if (process.env.NIKSMS_USERNAME) gateways.push(NikSms.fromEnv());
  if (gateways.length > 0) return { messenger: new Messenger(gateways), emulator: null };
  const emulator = await Emulator.start(emulatorOptions);
  return { messenger: new Messenger([new PayamResan(emulator.payamResan()), new NikSms(emulator.niksms())]), emulator };
}
