// What somebody who maps statuses by hand keeps: an entry a code, `[code, name, wire name, text, state, reason, final]`.

const entry = ([code, name, wireName, text, state, reason, isFinal]) =>
  [code, Object.freeze({ code, name, wireName, text, delivery: Object.freeze({ state, reason, isFinal }) })];

export const PAYAM_RESAN = new Map([
  [0, 'queued_at_gateway', null, 'در صف سامانه', 'queued', null, false],
  [1, 'sent_without_report', null, 'ارسال شده، بدون وضعیت', 'sent', null, false],
  [2, 'queued_at_operator', null, 'ارسال شده، در صف اپراتور', 'queued', null, false],
  [3, 'awaiting_handset', null, 'درانتظار تحویل گوشی', 'sent', null, false],
  [4, 'delivered', null, 'تحویل به گوشی', 'delivered', null, true],
  [5, 'not_delivered', null, 'نرسیده به گوشی', 'failed', 'unreachable', true],
  [6, 'send_error', null, 'خطا در ارسال', 'failed', 'other', true],
  [7, 'recipient_blocks_advertising', null, 'گیرنده مسدود', 'failed', 'advertising_blocked', true],
  [8, 'not_found', null, 'شناسه پیدا نشد', 'not_found', null, true],
  [9, 'expired', null, 'منقضی', 'failed', 'expired', true],
  [10, 'unknown_for_now', null, 'نامشخص', 'unknown', null, false],
  [11, 'malformed_recipient', null, 'دریافت کننده نامعتبر', 'failed', 'invalid_number', true],
  [12, 'recipient_blacklisted', null, 'گیرنده در لیست سیاه اکانت شماست', 'failed', 'blacklisted', true],
  [13, 'invalid_recipient', null, 'گیرنده نامعتبر', 'failed', 'invalid_number', true],
  [14, 'text_blocked', null, 'متن بلاک', 'failed', 'text_filtered', true],
  [15, 'recipient_opted_out', null, 'لغو دریافت توسط گیرنده', 'failed', 'opted_out', true],
  [16, 'blocked', null, 'بلاک شده', 'failed', 'blocked', true],
  [17, 'daily_limit', null, 'محدودیت روزانه', 'not_sent', 'limit', true],
  [18, 'api_limit', null, null, 'not_sent', 'limit', true],
  [19, 'nightly_limit', null, null, 'not_sent', 'limit', true],
  [20, 'shared_line_limit', null, null, 'not_sent', 'limit', true],
  [21, 'account_not_authenticated', null, null, 'not_sent', 'account', true],
].map(entry));

export const NIKSMS = new Map([
  [0, 'not_found', 'NotFound', 'کاربر پیامی را درخواست کرده که وجود ندارد', 'not_found', null, true],
  [1, 'scheduled', 'DoNotSend', 'در انتظار تاریخ ارسال', 'scheduled', null, false],
  [2, 'in_queue', 'InQueue', 'در حال ارسال', 'queued', null, false],
  [3, 'sent', 'Sent', 'ارسال شده', 'sent', null, true],
  [4, 'insufficient_credit', 'InsufficientCredit', 'موجودی ناکافی', 'not_sent', 'credit', true],
  [6, 'blocked', 'Block', 'مسدود شده', 'failed', 'blocked', true],
  [8, 'canceled', 'NotDeliverdCanceled', 'تحویل نشده – لغو شده', 'failed', 'canceled', true],
  [9, 'advertising_blocked', 'NotDeliverdSmsAdvertisingBlock', 'تحویل نشده – مسدودی پیامک تبلیغاتی', 'failed', 'advertising_blocked', true],
  [10, 'blacklisted', 'NotDeliverdBlackList', 'تحویل نشده – بلک لیست', 'failed', 'blacklisted', true],
  [11, 'delay_exceeded', 'NotDeliverdDelay', 'تحویل نشده – تاخیر مجاز', 'failed', 'expired', true],
  [13, 'no_viber', 'NotDeliverdNoViber', 'تحویل نشده – شماره غیر وایبری', 'failed', 'invalid_number', true],
  [14, 'text_filtered', 'NotDeliverdFiltering', 'تحویل نشده – فیلترینگ پیامک', 'failed', 'text_filtered', true],
  [15, 'waiting_for_operator_recheck', 'WaitingForRecheckInOprator', null, 'unknown', null, false],
  [16, 'operator_fault', 'OpratorFault', null, 'failed', 'operator', true],
  [17, 'blocked_unknown_reason', 'NotDeliveredBlocked', null, 'not_sent', 'other', true],
  [18, 'sent_status_not_updated', 'SendedButStatusNotUpdated', null, 'sent', null, false],
  [19, 'duplicate', 'NotDeliveredDuplicate', null, 'failed', 'duplicate', true],
  [20, 'panel_blocked', 'NotDeliveredBlockPanel', 'تحویل نشده - مسدودی پنل', 'not_sent', 'account', true],
  [21, 'unknown_number', 'NotDeliveredUnknownNumber', 'تحویل نشده - شماره نادرست', 'failed', 'invalid_number', true],
  [22, 'queued_at_operator', 'WaitingForDeliveryBeforeSend', 'در صف ارسال مخابرات', 'queued', null, false],
  [23, 'inaccessible', 'NotDeliveredUnAccessible', 'تحویل نشده - عدم دسترسی', 'failed', 'unreachable', true],
  [24, 'not_answered', 'NotDeliveredNotAnswered', 'تحویل نشده - عدم پاسخ', 'failed', 'unreachable', true],
  [25, 'line_busy', 'NotDeliveredLineIsBusy', 'تحویل نشده - مشغولی', 'failed', 'unreachable', true],
  [26, 'regulator_filtered', 'NotDeliverTCTFiltering', null, 'failed', 'text_filtered', true],
  [27, 'forbidden_hours', 'NotDeliverForbiddenTime', null, 'failed', 'limit', true],
  [28, 'advertising_blocked_by_operator', 'NotDeliverdSmsAdvertisingBlockOperator', null, 'failed', 'advertising_blocked', true],
  [29, 'status_unknown', 'Unknown', null, 'unknown', null, false],
].map(entry));

/** The same entries by the names that SOAP carries. */
export const NIKSMS_NAMES = new Map([...NIKSMS.values()].map((status) => [status.wireName, status]));
