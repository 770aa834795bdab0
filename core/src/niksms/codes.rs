//! NikSMS's code tables: "Send result" and "Delivery status" of the protocol page. The wire names keep the vendor's
//! spelling, because SOAP carries them.

use serde::{Serialize, Serializer};

use crate::codes::open_codes;
use crate::delivery::DeliveryReason as Why;
use crate::delivery::{Delivery, DeliveryState as State, DeliveryStatus};
use crate::error::ErrorKind::{Access, Authentication, Credit, Limit, Request, Unavailable};
use crate::error::Retry::{AfterReset, Backoff, Never};
use crate::error::{ErrorMeaning, RefusedPart};

/// A success has the meaning of no error.
type SendMeaning = Option<ErrorMeaning>;

#[allow(clippy::unnecessary_wraps, reason = "the column of the table is an option")]
const fn refused(
    kind: crate::error::ErrorKind,
    retry: crate::error::Retry,
    en: &'static str,
    fa: &'static str,
) -> SendMeaning {
    Some(ErrorMeaning::refused(kind, retry, en, fa))
}

/// Refused for a part of one message, whatever else is in the request.
#[allow(clippy::unnecessary_wraps, reason = "the column of the table is an option")]
const fn refused_for(part: RefusedPart, en: &'static str, fa: &'static str) -> SendMeaning {
    Some(ErrorMeaning::refused(Request, Never, en, fa).of(part))
}

open_codes! {
    /// `Status` of a send. Its meaning is the error it stands for; `None` for the two that say the message was sent.
    pub enum SendStatus means SendMeaning, unknown means Some(ErrorMeaning::UNKNOWN);

    UnknownStatus = 0, "unknown_status", Some("Unknown"), None,
        Some(ErrorMeaning::unclear(
            "The gateway does not know itself: ask by trace id before sending again.",
            "خود درگاه هم نمی‌داند: پیش از ارسال دوباره با شناسهٔ پیگیری بپرسید."));
    Successful = 1, "successful", Some("Successful"), None, None;
    UnknownError = 2, "unknown_error", Some("UnknownError"), None,
        Some(ErrorMeaning::unclear(
            "The gateway failed without saying how: ask by trace id before sending again.",
            "درگاه بدون گفتن علت خطا داد: پیش از ارسال دوباره با شناسهٔ پیگیری بپرسید."));
    InsufficientCredit = 3, "insufficient_credit", Some("InsufficientCredit"), None,
        refused(Credit, Never,
            "Not enough credit: top the account up.",
            "اعتبار کافی نیست: حساب را شارژ کنید.");
    ForbiddenHours = 4, "forbidden_hours", Some("ForbiddenHours"), None,
        refused(Limit, AfterReset,
            "Sending is not allowed at this hour: send in the allowed hours, or from a service line.",
            "ارسال در این ساعت مجاز نیست: در ساعت‌های مجاز یا با خط خدماتی بفرستید.");
    Filtered = 5, "filtered", Some("Filtered"), None,
        refused_for(RefusedPart::Text,
            "The text was filtered: change it, or ask the gateway's support to allow it.",
            "متن فیلتر شد: آن را تغییر دهید، یا مجاز کردنش را از پشتیبانی بخواهید.");
    NoFilters = 6, "no_filters", Some("NoFilters"), None,
        refused_for(RefusedPart::Text,
            "The gateway found no filter that this text may pass by: ask its support.",
            "درگاه برای این متن فیلتر مجازی نیافت: از پشتیبانی بپرسید.");
    PrivateNumberDisabled = 7, "private_number_disabled", Some("PrivateNumberIsDisable"), None,
        refused(Request, Never,
            "The line is switched off: see get_sender_numbers for your lines.",
            "این خط غیرفعال است: خط‌های خود را در get_sender_numbers ببینید.");
    ArgumentMissingOrIncorrect = 8, "argument_missing_or_incorrect", Some("ArgumentIsNullOrIncorrect"), None,
        refused_for(RefusedPart::AnyValue,
            "A value is missing or wrong: check the sender line and the time of sending first.",
            "مقداری خالی یا نادرست است: نخست خط فرستنده و زمان ارسال را بررسی کنید.");
    MessageBodyMissing = 9, "message_body_missing", Some("MessageBodyIsNullOrEmpty"), None,
        refused_for(RefusedPart::Text, "The text is empty.", "متن پیام خالی است.");
    PrivateNumberIncorrect = 10, "private_number_incorrect", Some("PrivateNumberIsIncorrect"), None,
        refused(Request, Never,
            "The line is not yours: see get_sender_numbers for your lines.",
            "این خط از آنِ شما نیست: خط‌های خود را در get_sender_numbers ببینید.");
    RecipientNumberIncorrect = 11, "recipient_number_incorrect", Some("ReceptionNumberIsIncorrect"), None,
        refused_for(RefusedPart::Recipient, "A recipient is not a mobile number.", "یکی از گیرنده‌ها شمارهٔ همراه نیست.");
    SendTypeIncorrect = 12, "send_type_incorrect", Some("SentTypeIsIncorrect"), None,
        refused(Request, Never, "Send as normal or as flash.", "نوع ارسال باید عادی یا فلش باشد.");
    Warning = 13, "warning", Some("Warning"), None, None;
    PanelBlocked = 14, "panel_blocked", Some("PanelIsBlocked"), None,
        refused(Access, Never,
            "The panel is blocked: ask the gateway's support.",
            "پنل مسدود است: با پشتیبانی درگاه تماس بگیرید.");
    SiteUpdating = 15, "site_updating", Some("SiteUpdating"), None,
        refused(Unavailable, Backoff,
            "The gateway is being updated: wait, and try again.",
            "درگاه در حال به‌روزرسانی است: صبر کنید و دوباره بفرستید.");
    AudioNotAllowed = 16, "audio_not_allowed", Some("AudioMessageNotAllowed"), None,
        refused(Request, Never,
            "Voice messages are not allowed for this account.",
            "پیام صوتی برای این حساب مجاز نیست.");
    AudioFileTooLarge = 17, "audio_file_too_large", Some("AudioMessageFileSizeNotAllowed"), None,
        refused(Request, Never, "The voice file is too large.", "پروندهٔ صوتی بزرگ‌تر از حد مجاز است.");
    PanelExpired = 18, "panel_expired", Some("PanelExpired"), None,
        refused(Access, Never, "The panel has expired: renew it.", "پنل منقضی شده است: آن را تمدید کنید.");
    InvalidUsernameOrPassword = 19, "invalid_username_or_password", Some("InvalidUserNameOrPass"), None,
        refused(Authentication, Never,
            "The user name or the password is wrong.",
            "نام کاربری یا گذرواژه اشتباه است.");
    UserAwaitingApproval = 20, "user_awaiting_approval", Some("UserIsWaitForApprove"), None,
        refused(Access, Never,
            "The account waits for the gateway's approval.",
            "حساب در انتظار تأیید درگاه است.");
    UserApiBlocked = 21, "user_api_blocked", Some("UserApiBlocked"), None,
        refused(Access, Never,
            "The API is blocked for this account: ask the gateway's support.",
            "API برای این حساب مسدود است: با پشتیبانی درگاه تماس بگیرید.");
    CheckedByAi = 22, "checked_by_ai", Some("CheckedByAi"), None,
        refused_for(RefusedPart::Text,
            "The gateway's automatic check refused the text: change it, or ask its support.",
            "بررسی خودکار درگاه متن را نپذیرفت: آن را تغییر دهید، یا از پشتیبانی بپرسید.");
    PendingFilter = 23, "pending_filter", Some("HavePendingFilter"), None,
        refused_for(RefusedPart::Text,
            "A text of yours still waits for approval: wait for it, or ask the gateway's support.",
            "یک متن شما هنوز در انتظار تأیید است: صبر کنید، یا از پشتیبانی بپرسید.");
    - LinkNotAllowed, "link_not_allowed", "LinkNotAllowed",
        refused_for(RefusedPart::Text,
            "The text holds a link, and this account may not send links.",
            "متن پیوند دارد و این حساب اجازهٔ ارسال پیوند ندارد.");
}

impl Serialize for SendStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_code().serialize(serializer)
    }
}

open_codes! {
    /// `SmsStatus` of a message: numbers on REST, names on SOAP.
    pub enum SmsStatus means Delivery, unknown means Delivery::UNKNOWN;

    NotFound = 0, "not_found", Some("NotFound"), Some("کاربر پیامی را درخواست کرده که وجود ندارد"),
        Delivery::done(State::NotFound);
    Scheduled = 1, "scheduled", Some("DoNotSend"), Some("در انتظار تاریخ ارسال"), Delivery::pending(State::Scheduled);
    InQueue = 2, "in_queue", Some("InQueue"), Some("در حال ارسال"), Delivery::pending(State::Queued);
    Sent = 3, "sent", Some("Sent"), Some("ارسال شده"), Delivery::done(State::Sent);
    InsufficientCredit = 4, "insufficient_credit", Some("InsufficientCredit"), Some("موجودی ناکافی"),
        Delivery::over(State::NotSent, Why::Credit);
    Blocked = 6, "blocked", Some("Block"), Some("مسدود شده"), Delivery::over(State::Failed, Why::Blocked);
    Canceled = 8, "canceled", Some("NotDeliverdCanceled"), Some("تحویل نشده – لغو شده"),
        Delivery::over(State::Failed, Why::Canceled);
    AdvertisingBlocked = 9, "advertising_blocked", Some("NotDeliverdSmsAdvertisingBlock"),
        Some("تحویل نشده – مسدودی پیامک تبلیغاتی"), Delivery::over(State::Failed, Why::AdvertisingBlocked);
    Blacklisted = 10, "blacklisted", Some("NotDeliverdBlackList"), Some("تحویل نشده – بلک لیست"),
        Delivery::over(State::Failed, Why::Blacklisted);
    DelayExceeded = 11, "delay_exceeded", Some("NotDeliverdDelay"), Some("تحویل نشده – تاخیر مجاز"),
        Delivery::over(State::Failed, Why::Expired);
    NoViber = 13, "no_viber", Some("NotDeliverdNoViber"), Some("تحویل نشده – شماره غیر وایبری"),
        Delivery::over(State::Failed, Why::InvalidNumber);
    TextFiltered = 14, "text_filtered", Some("NotDeliverdFiltering"), Some("تحویل نشده – فیلترینگ پیامک"),
        Delivery::over(State::Failed, Why::TextFiltered);
    // The gateway checks message by message here so that nothing goes out twice: never a reason to send again.
    WaitingForOperatorRecheck = 15, "waiting_for_operator_recheck", Some("WaitingForRecheckInOprator"), None,
        Delivery::pending(State::Unknown);
    OperatorFault = 16, "operator_fault", Some("OpratorFault"), None, Delivery::over(State::Failed, Why::Operator);
    BlockedUnknownReason = 17, "blocked_unknown_reason", Some("NotDeliveredBlocked"), None,
        Delivery::over(State::NotSent, Why::Other);
    SentStatusNotUpdated = 18, "sent_status_not_updated", Some("SendedButStatusNotUpdated"), None,
        Delivery::pending(State::Sent);
    Duplicate = 19, "duplicate", Some("NotDeliveredDuplicate"), None, Delivery::over(State::Failed, Why::Duplicate);
    PanelBlocked = 20, "panel_blocked", Some("NotDeliveredBlockPanel"), Some("تحویل نشده - مسدودی پنل"),
        Delivery::over(State::NotSent, Why::Account);
    UnknownNumber = 21, "unknown_number", Some("NotDeliveredUnknownNumber"), Some("تحویل نشده - شماره نادرست"),
        Delivery::over(State::Failed, Why::InvalidNumber);
    QueuedAtOperator = 22, "queued_at_operator", Some("WaitingForDeliveryBeforeSend"), Some("در صف ارسال مخابرات"),
        Delivery::pending(State::Queued);
    Inaccessible = 23, "inaccessible", Some("NotDeliveredUnAccessible"), Some("تحویل نشده - عدم دسترسی"),
        Delivery::over(State::Failed, Why::Unreachable);
    NotAnswered = 24, "not_answered", Some("NotDeliveredNotAnswered"), Some("تحویل نشده - عدم پاسخ"),
        Delivery::over(State::Failed, Why::Unreachable);
    LineBusy = 25, "line_busy", Some("NotDeliveredLineIsBusy"), Some("تحویل نشده - مشغولی"),
        Delivery::over(State::Failed, Why::Unreachable);
    RegulatorFiltered = 26, "regulator_filtered", Some("NotDeliverTCTFiltering"), None,
        Delivery::over(State::Failed, Why::TextFiltered);
    ForbiddenHours = 27, "forbidden_hours", Some("NotDeliverForbiddenTime"), None,
        Delivery::over(State::Failed, Why::Limit);
    AdvertisingBlockedByOperator = 28, "advertising_blocked_by_operator",
        Some("NotDeliverdSmsAdvertisingBlockOperator"), None, Delivery::over(State::Failed, Why::AdvertisingBlocked);
    StatusUnknown = 29, "status_unknown", Some("Unknown"), None, Delivery::pending(State::Unknown);
}

impl From<&SmsStatus> for DeliveryStatus {
    fn from(status: &SmsStatus) -> Self {
        Self::new(status.to_code(), status.meaning())
    }
}

impl Serialize for SmsStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        DeliveryStatus::from(self).serialize(serializer)
    }
}
