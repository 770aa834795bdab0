// Core and the wire write names in snake case, JavaScript in camel case.

/** `send_bulk` as `sendBulk`. */
export function snakeToCamel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

const fields = new Map<string, string>();

/** The same for a field of a result. Those are core's own, so they are few, and each comes again with every row. */
export function fieldName(name: string): string {
  let known = fields.get(name);
  if (known === undefined) {
    known = snakeToCamel(name);
    fields.set(name, known);
  }
  return known;
}

/** `baseUrl` as `base_url`; `v2DeliveryPath` as `v2_delivery_path`. */
export function camelToSnake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

// What sentences may call by name. Names of codes (`too_many_requests`) are values, not names of this API: they stay.
const NAMES = new Set([
  'send_bulk', 'send_multiple', 'send_token_single', 'send_token_multi', 'token_list', 'status_by_id', 'status_by_trace_id',
  'account_info', 'get_inbox', 'group_sms', 'ptp_sms', 'send_one', 'send_otp', 'get_sms_delivery',
  'get_sms_delivery_with_client_id', 'get_credit', 'get_discount_credit', 'get_panel_expire_date', 'get_receive_sms',
  'reset_receive_sms_visited_status', 'get_server_time', 'get_sender_numbers', 'send_each', 'send_template',
  'trace_id_from_key', 'from_env', 'api_key', 'base_url', 'v2_delivery_path', 'max_recipients', 'max_response_bytes',
  'read_attempts', 'connect_timeout', 'allow_insecure', 'bundled_roots', 'extra_ca_pem', 'ca_file', 'poll_interval',
  'trace_id', 'trace_ids', 'message_id', 'send_at', 'send_type', 'first_look', 'on_progress', 'sender_lines',
  'key_secret',
]);

/** A sentence with the names of this API as JavaScript writes them. */
export function camelWords(sentence: string): string {
  return sentence.replace(/[a-z0-9]+(?:_[a-z0-9]+)+/g, (word) => (NAMES.has(word) ? snakeToCamel(word) : word));
}
