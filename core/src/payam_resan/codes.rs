//! Payam Resan's code tables: "Error codes", "Template status" and "Message status" of the protocol page.

use serde::{Serialize, Serializer};

use crate::codes::open_codes;
use crate::delivery::DeliveryReason as Why;
use crate::delivery::{Delivery, DeliveryState as State, DeliveryStatus};
use crate::error::ErrorKind::{Access, Authentication, Credit, Limit, RateLimit, Request, Unavailable};
use crate::error::Retry::{AfterReset, Backoff, Never};
use crate::error::{ErrorMeaning, RefusedPart};

open_codes! {
    /// `ErrorCode` of an answer whose `Success` is false.
    pub enum ErrorCode means ErrorMeaning, unknown means ErrorMeaning::UNKNOWN;

    InvalidApiKey = 1, "invalid_api_key", Some("InvalidApiKey"), Some("کلید اتصال (ApiKey) نادرست است"),
        ErrorMeaning::refused(Authentication, Never,
            "The key is wrong: copy it again from the panel, without spaces.",
            "کلید اشتباه است: آن را دوباره و بدون فاصله از پنل بردارید.");
    ApiIsNotActive = 2, "api_not_active", Some("ApiIsNotActive"), Some("ارسال از وبسرویس برای این کاربر فعال نشده است"),
        ErrorMeaning::refused(Access, Never,
            "Sending by web service is not switched on for this account: ask the gateway's support.",
            "ارسال از وب‌سرویس برای این حساب روشن نیست: از پشتیبانی درگاه بخواهید.");
    UserIsNotActive = 3, "user_not_active", Some("UserIsNotActive"), Some("کاربر فعال نیست"),
        ErrorMeaning::refused(Access, Never,
            "The account is not active: ask the gateway's support.",
            "حساب فعال نیست: با پشتیبانی درگاه تماس بگیرید.");
    ApiTemporarilyInactive = 4, "api_temporarily_inactive", Some("ApiTemproryDeactive"),
        Some("ارسال از طریق Api موقتا غیر فعال است"),
        ErrorMeaning::refused(Unavailable, Backoff,
            "The gateway has switched its API off for a while: wait, and try again.",
            "درگاه API خود را موقتاً بسته است: صبر کنید و دوباره بفرستید.");
    MethodTemporarilyInactive = 5, "method_temporarily_inactive", Some("MethodIsDeactive"),
        Some("ارسال از طریق این متد موقتا غیر فعال است"),
        ErrorMeaning::refused(Unavailable, Backoff,
            "The gateway has switched this method off for a while: wait, or send by another one.",
            "درگاه این متد را موقتاً بسته است: صبر کنید یا با متد دیگری بفرستید.");
    MobileNotVerified = 6, "mobile_not_verified", Some("NoAuthntication"),
        Some("تلفن همراه ثبت شده روی این اکانت تائید نشده است"),
        ErrorMeaning::refused(Access, Never,
            "Verify the account's mobile number in the panel.",
            "شمارهٔ همراه حساب را در پنل تأیید کنید.");
    EmailNotVerified = 7, "email_not_verified", None, Some("ایمیل ثبت شده روی این اکانت تائید نشده است"),
        ErrorMeaning::refused(Access, Never,
            "Verify the account's e-mail address in the panel.",
            "ایمیل حساب را در پنل تأیید کنید.");
    AccountInfoIncomplete = 8, "account_info_incomplete", Some("AccountInfoIsIncomplete"),
        Some("اطلاعات هویتی کاربر به صورت کامل درج نشده است"),
        ErrorMeaning::refused(Access, Never,
            "Complete the account's identity details in the panel.",
            "اطلاعات هویتی حساب را در پنل کامل کنید.");
    InvalidParameters = 9, "invalid_parameters", Some("InvalidParameters"), Some("مقادیر ورودی نادرست است"),
        ErrorMeaning::refused(Request, Never,
            "A value is wrong: check the template's key and its parameters first.",
            "یکی از مقدارها نادرست است: نخست کلید قالب و پارامترهایش را بررسی کنید.").of(RefusedPart::AnyValue);
    IpNotAllowed = 10, "ip_not_allowed", Some("IpIsNotValid"),
        Some("آی پی درخواست دهنده در لیست آی پی های معتبر نیست"),
        ErrorMeaning::refused(Access, Never,
            "Add this server's public address to the allowed ones in the panel.",
            "نشانی IP این سرور را در پنل به فهرست مجاز بیفزایید.");
    MalformedApiKey = 11, "malformed_api_key", Some("MalformattedApiKey"), Some("فرمت ورودی ApiKey نادرست است"),
        ErrorMeaning::refused(Authentication, Never,
            "This is not a key at all: check which value reached the setting.",
            "این مقدار اصلاً کلید نیست: ببینید چه چیزی در این تنظیم نشسته است.");
    InvalidSender = 12, "invalid_sender", Some("InvalidSender"), Some("شماره ارسال کننده نادرست است"),
        ErrorMeaning::refused(Request, Never,
            "The line is not yours: see account_info for your lines.",
            "این خط از آنِ شما نیست: خط‌های خود را در account_info ببینید.").of(RefusedPart::Sender);
    InvalidDestination = 13, "invalid_destination", Some("InvalidDestination"),
        Some("شماره دریافت کننده باید با 9 یا 989 شروع شود"),
        ErrorMeaning::refused(Request, Never,
            "A recipient is not a mobile number, or there are more than 99 in the request.",
            "یکی از گیرنده‌ها شمارهٔ همراه نیست، یا گیرنده‌های درخواست بیش از ۹۹ تا هستند.").of(RefusedPart::Recipient);
    UnauthorizedMethod = 14, "unauthorized_method", Some("UnauthorizedMethod"), Some("شما به این متد دسترسی ندارید"),
        ErrorMeaning::refused(Access, Never,
            "The account may not use this method: ask the gateway's support, or send by another one.",
            "حساب به این متد دسترسی ندارد: از پشتیبانی بخواهید، یا با متد دیگری بفرستید.");
    DailyLimitReached = 15, "daily_limit_reached", Some("DailyLimitReached"), Some("سقف ارسال روزانه به پایان رسید"),
        ErrorMeaning::refused(Limit, AfterReset,
            "The day's limit is used up: send tomorrow, or have the limit raised.",
            "سقف امروز پر شده است: فردا بفرستید، یا افزایش سقف را بخواهید.");
    ApiLimitReached = 16, "api_limit_reached", Some("ApiLimitReached"), None,
        ErrorMeaning::refused(Limit, AfterReset,
            "The API's sending limit is used up: wait until it is reset, or have it raised.",
            "سقف ارسال از API پر شده است: تا بازنشانی صبر کنید، یا افزایش آن را بخواهید.");
    NightlyLimitReached = 17, "nightly_limit_reached", Some("NightlyLimitReached"), None,
        ErrorMeaning::refused(Limit, AfterReset,
            "The night's limit is used up: send in the morning.",
            "سقف ارسال شبانه پر شده است: صبح بفرستید.");
    SharedLineLimitReached = 18, "shared_line_limit_reached", Some("ShareLineLimitReached"), None,
        ErrorMeaning::refused(Limit, AfterReset,
            "The shared line's limit is used up: wait, or send from a line of your own.",
            "سقف خط اشتراکی پر شده است: صبر کنید، یا با خط اختصاصی بفرستید.");
    CreditTooLow = 19, "credit_too_low", Some("CreditIsLow"), None,
        ErrorMeaning::refused(Credit, Never,
            "Not enough credit: top the account up.",
            "اعتبار کافی نیست: حساب را شارژ کنید.");
    TooManyRequests = 20, "too_many_requests", Some("TooManyRequests"), None,
        ErrorMeaning::refused(RateLimit, Backoff,
            "Slow down: ask for the same message at most once in a few minutes.",
            "آهسته‌تر: وضعیت هر پیام را هر چند دقیقه یک بار بپرسید.");
    InternalError = 100, "internal_error", Some("InternalError"), None,
        ErrorMeaning::unclear(
            "The gateway does not know itself: ask by trace id before sending again.",
            "خود درگاه هم نمی‌داند: پیش از ارسال دوباره با شناسهٔ پیگیری بپرسید.");
}

open_codes! {
    /// `Status` of a template. The numbering is the seed's; one old page of the gateway counts from 0.
    ///
    /// Its meaning is whether messages can be sent with it.
    pub enum TemplateStatus means bool, unknown means false;

    AwaitingApproval = 1, "awaiting_approval", None, Some("در انتظار تایید"), false;
    Approved = 2, "approved", None, Some("تایید شده"), true;
    Rejected = 3, "rejected", None, Some("رد شده"), false;
}

impl Serialize for TemplateStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_code().serialize(serializer)
    }
}

open_codes! {
    /// `StatusCode` of a message.
    pub enum MessageStatus means Delivery, unknown means Delivery::UNKNOWN;

    QueuedAtGateway = 0, "queued_at_gateway", None, Some("در صف سامانه"), Delivery::pending(State::Queued);
    SentWithoutReport = 1, "sent_without_report", None, Some("ارسال شده، بدون وضعیت"), Delivery::pending(State::Sent);
    QueuedAtOperator = 2, "queued_at_operator", None, Some("ارسال شده، در صف اپراتور"), Delivery::pending(State::Queued);
    AwaitingHandset = 3, "awaiting_handset", None, Some("درانتظار تحویل گوشی"), Delivery::pending(State::Sent);
    Delivered = 4, "delivered", None, Some("تحویل به گوشی"), Delivery::done(State::Delivered);
    NotDelivered = 5, "not_delivered", None, Some("نرسیده به گوشی"), Delivery::over(State::Failed, Why::Unreachable);
    SendError = 6, "send_error", None, Some("خطا در ارسال"), Delivery::over(State::Failed, Why::Other);
    RecipientBlocksAdvertising = 7, "recipient_blocks_advertising", None, Some("گیرنده مسدود"),
        Delivery::over(State::Failed, Why::AdvertisingBlocked);
    NotFound = 8, "not_found", None, Some("شناسه پیدا نشد"), Delivery::done(State::NotFound);
    Expired = 9, "expired", None, Some("منقضی"), Delivery::over(State::Failed, Why::Expired);
    UnknownForNow = 10, "unknown_for_now", None, Some("نامشخص"), Delivery::pending(State::Unknown);
    MalformedRecipient = 11, "malformed_recipient", None, Some("دریافت کننده نامعتبر"),
        Delivery::over(State::Failed, Why::InvalidNumber);
    RecipientBlacklisted = 12, "recipient_blacklisted", None, Some("گیرنده در لیست سیاه اکانت شماست"),
        Delivery::over(State::Failed, Why::Blacklisted);
    InvalidRecipient = 13, "invalid_recipient", None, Some("گیرنده نامعتبر"),
        Delivery::over(State::Failed, Why::InvalidNumber);
    TextBlocked = 14, "text_blocked", None, Some("متن بلاک"), Delivery::over(State::Failed, Why::TextFiltered);
    RecipientOptedOut = 15, "recipient_opted_out", None, Some("لغو دریافت توسط گیرنده"),
        Delivery::over(State::Failed, Why::OptedOut);
    Blocked = 16, "blocked", None, Some("بلاک شده"), Delivery::over(State::Failed, Why::Blocked);
    DailyLimit = 17, "daily_limit", None, Some("محدودیت روزانه"), Delivery::over(State::NotSent, Why::Limit);
    ApiLimit = 18, "api_limit", None, None, Delivery::over(State::NotSent, Why::Limit);
    NightlyLimit = 19, "nightly_limit", None, None, Delivery::over(State::NotSent, Why::Limit);
    SharedLineLimit = 20, "shared_line_limit", None, None, Delivery::over(State::NotSent, Why::Limit);
    AccountNotAuthenticated = 21, "account_not_authenticated", None, None, Delivery::over(State::NotSent, Why::Account);
}

impl From<&MessageStatus> for DeliveryStatus {
    fn from(status: &MessageStatus) -> Self {
        Self::new(status.to_code(), status.meaning())
    }
}

impl Serialize for MessageStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        DeliveryStatus::from(self).serialize(serializer)
    }
}
