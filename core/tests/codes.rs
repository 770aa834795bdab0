//! The code tables: complete, open for what a gateway invents tomorrow, and worded as the gateways word them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashSet;
use std::fmt::Debug;

use payamak::niksms::{SendStatus, SmsStatus};
use payamak::payam_resan::{ErrorCode, MessageStatus, TemplateStatus};
use payamak::{Code, DeliveryState, ErrorKind, ErrorMeaning, Outcome, Retry};
use proptest::prelude::*;

/// A line of a gateway's table: the number, the gateway's own name and its Persian wording.
type Row = (i64, Option<&'static str>, Option<&'static str>);

/// Payam Resan's error codes.
const ERRORS: [Row; 21] = [
    (1, Some("InvalidApiKey"), Some("کلید اتصال (ApiKey) نادرست است")),
    (2, Some("ApiIsNotActive"), Some("ارسال از وبسرویس برای این کاربر فعال نشده است")),
    (3, Some("UserIsNotActive"), Some("کاربر فعال نیست")),
    (4, Some("ApiTemproryDeactive"), Some("ارسال از طریق Api موقتا غیر فعال است")),
    (5, Some("MethodIsDeactive"), Some("ارسال از طریق این متد موقتا غیر فعال است")),
    (6, Some("NoAuthntication"), Some("تلفن همراه ثبت شده روی این اکانت تائید نشده است")),
    (7, None, Some("ایمیل ثبت شده روی این اکانت تائید نشده است")),
    (8, Some("AccountInfoIsIncomplete"), Some("اطلاعات هویتی کاربر به صورت کامل درج نشده است")),
    (9, Some("InvalidParameters"), Some("مقادیر ورودی نادرست است")),
    (10, Some("IpIsNotValid"), Some("آی پی درخواست دهنده در لیست آی پی های معتبر نیست")),
    (11, Some("MalformattedApiKey"), Some("فرمت ورودی ApiKey نادرست است")),
    (12, Some("InvalidSender"), Some("شماره ارسال کننده نادرست است")),
    (13, Some("InvalidDestination"), Some("شماره دریافت کننده باید با 9 یا 989 شروع شود")),
    (14, Some("UnauthorizedMethod"), Some("شما به این متد دسترسی ندارید")),
    (15, Some("DailyLimitReached"), Some("سقف ارسال روزانه به پایان رسید")),
    (16, Some("ApiLimitReached"), None),
    (17, Some("NightlyLimitReached"), None),
    (18, Some("ShareLineLimitReached"), None),
    (19, Some("CreditIsLow"), None),
    (20, Some("TooManyRequests"), None),
    (100, Some("InternalError"), None),
];

/// Payam Resan's template statuses.
const TEMPLATES: [Row; 3] =
    [(1, None, Some("در انتظار تایید")), (2, None, Some("تایید شده")), (3, None, Some("رد شده"))];

/// Payam Resan's message statuses.
const MESSAGES: [Row; 22] = [
    (0, None, Some("در صف سامانه")),
    (1, None, Some("ارسال شده، بدون وضعیت")),
    (2, None, Some("ارسال شده، در صف اپراتور")),
    (3, None, Some("درانتظار تحویل گوشی")),
    (4, None, Some("تحویل به گوشی")),
    (5, None, Some("نرسیده به گوشی")),
    (6, None, Some("خطا در ارسال")),
    (7, None, Some("گیرنده مسدود")),
    (8, None, Some("شناسه پیدا نشد")),
    (9, None, Some("منقضی")),
    (10, None, Some("نامشخص")),
    (11, None, Some("دریافت کننده نامعتبر")),
    (12, None, Some("گیرنده در لیست سیاه اکانت شماست")),
    (13, None, Some("گیرنده نامعتبر")),
    (14, None, Some("متن بلاک")),
    (15, None, Some("لغو دریافت توسط گیرنده")),
    (16, None, Some("بلاک شده")),
    (17, None, Some("محدودیت روزانه")),
    (18, None, None),
    (19, None, None),
    (20, None, None),
    (21, None, None),
];

/// NikSMS's send results.
const SENDS: [Row; 24] = [
    (0, Some("Unknown"), None),
    (1, Some("Successful"), None),
    (2, Some("UnknownError"), None),
    (3, Some("InsufficientCredit"), None),
    (4, Some("ForbiddenHours"), None),
    (5, Some("Filtered"), None),
    (6, Some("NoFilters"), None),
    (7, Some("PrivateNumberIsDisable"), None),
    (8, Some("ArgumentIsNullOrIncorrect"), None),
    (9, Some("MessageBodyIsNullOrEmpty"), None),
    (10, Some("PrivateNumberIsIncorrect"), None),
    (11, Some("ReceptionNumberIsIncorrect"), None),
    (12, Some("SentTypeIsIncorrect"), None),
    (13, Some("Warning"), None),
    (14, Some("PanelIsBlocked"), None),
    (15, Some("SiteUpdating"), None),
    (16, Some("AudioMessageNotAllowed"), None),
    (17, Some("AudioMessageFileSizeNotAllowed"), None),
    (18, Some("PanelExpired"), None),
    (19, Some("InvalidUserNameOrPass"), None),
    (20, Some("UserIsWaitForApprove"), None),
    (21, Some("UserApiBlocked"), None),
    (22, Some("CheckedByAi"), None),
    (23, Some("HavePendingFilter"), None),
];

/// NikSMS's delivery statuses, the vendor's spelling included.
const DELIVERIES: [Row; 27] = [
    (0, Some("NotFound"), Some("کاربر پیامی را درخواست کرده که وجود ندارد")),
    (1, Some("DoNotSend"), Some("در انتظار تاریخ ارسال")),
    (2, Some("InQueue"), Some("در حال ارسال")),
    (3, Some("Sent"), Some("ارسال شده")),
    (4, Some("InsufficientCredit"), Some("موجودی ناکافی")),
    (6, Some("Block"), Some("مسدود شده")),
    (8, Some("NotDeliverdCanceled"), Some("تحویل نشده – لغو شده")),
    (9, Some("NotDeliverdSmsAdvertisingBlock"), Some("تحویل نشده – مسدودی پیامک تبلیغاتی")),
    (10, Some("NotDeliverdBlackList"), Some("تحویل نشده – بلک لیست")),
    (11, Some("NotDeliverdDelay"), Some("تحویل نشده – تاخیر مجاز")),
    (13, Some("NotDeliverdNoViber"), Some("تحویل نشده – شماره غیر وایبری")),
    (14, Some("NotDeliverdFiltering"), Some("تحویل نشده – فیلترینگ پیامک")),
    (15, Some("WaitingForRecheckInOprator"), None),
    (16, Some("OpratorFault"), None),
    (17, Some("NotDeliveredBlocked"), None),
    (18, Some("SendedButStatusNotUpdated"), None),
    (19, Some("NotDeliveredDuplicate"), None),
    (20, Some("NotDeliveredBlockPanel"), Some("تحویل نشده - مسدودی پنل")),
    (21, Some("NotDeliveredUnknownNumber"), Some("تحویل نشده - شماره نادرست")),
    (22, Some("WaitingForDeliveryBeforeSend"), Some("در صف ارسال مخابرات")),
    (23, Some("NotDeliveredUnAccessible"), Some("تحویل نشده - عدم دسترسی")),
    (24, Some("NotDeliveredNotAnswered"), Some("تحویل نشده - عدم پاسخ")),
    (25, Some("NotDeliveredLineIsBusy"), Some("تحویل نشده - مشغولی")),
    (26, Some("NotDeliverTCTFiltering"), None),
    (27, Some("NotDeliverForbiddenTime"), None),
    (28, Some("NotDeliverdSmsAdvertisingBlockOperator"), None),
    (29, Some("Unknown"), None),
];

/// What the tests below need of each open enum.
trait Table: Sized + Clone + Debug + PartialEq {
    const ROWS: &'static [Row];
    const KNOWN: &'static [i64];
    fn of_code(number: i64) -> Self;
    fn of_name(name: &str) -> Self;
    fn number(&self) -> Option<i64>;
    fn own_name(&self) -> Option<&str>;
    fn seen(&self) -> Code;
}

macro_rules! table {
    ($Enum:ident, $rows:ident) => {
        impl Table for $Enum {
            const ROWS: &'static [Row] = &$rows;
            const KNOWN: &'static [i64] = Self::KNOWN;

            fn of_code(number: i64) -> Self {
                Self::from_code(number)
            }

            fn of_name(name: &str) -> Self {
                Self::from_wire_name(name)
            }

            fn number(&self) -> Option<i64> {
                self.code()
            }

            fn own_name(&self) -> Option<&str> {
                self.wire_name()
            }

            fn seen(&self) -> Code {
                self.to_code()
            }
        }
    };
}
table!(ErrorCode, ERRORS);
table!(TemplateStatus, TEMPLATES);
table!(MessageStatus, MESSAGES);
table!(SendStatus, SENDS);
table!(SmsStatus, DELIVERIES);

fn a_number_is_kept<T: Table>(number: i64) -> Result<(), TestCaseError> {
    let code = T::of_code(number);
    prop_assert_eq!(code.number(), Some(number));
    let known = T::ROWS.iter().any(|row| row.0 == number);
    prop_assert_eq!(code.seen().name == "unknown", !known);
    prop_assert_eq!(T::of_name(&number.to_string()), code, "the same number in digits");
    Ok(())
}

fn a_name_is_kept<T: Table>(name: &str) -> Result<(), TestCaseError> {
    let code = T::of_name(name);
    let is_the_number = code.number().is_some_and(|number| number.to_string() == name);
    prop_assert!(is_the_number || code.own_name() == Some(name), "{:?}", code);
    let seen = code.seen();
    prop_assert_eq!(seen.wire_name.as_deref(), code.own_name());
    Ok(())
}

fn is_as_on_the_page<T: Table>() {
    let numbers: Vec<_> = T::ROWS.iter().map(|row| row.0).collect();
    assert_eq!(T::KNOWN, numbers);
    for (number, wire_name, text) in T::ROWS {
        let code = T::of_code(*number);
        let Code { number: seen, name, wire_name: seen_name, text: seen_text, .. } = code.seen();
        assert_eq!((seen, seen_name.as_deref(), seen_text), (Some(*number), *wire_name, *text));
        assert!(
            name != "unknown" && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
            "{name}"
        );
        if let Some(wire_name) = wire_name {
            assert_eq!(T::of_name(wire_name), code, "{wire_name}");
        }
    }
    let all = || T::KNOWN.iter().map(|number| T::of_code(*number).seen());
    let names: HashSet<_> = all().map(|code| code.name).collect();
    assert_eq!(names.len(), T::KNOWN.len(), "a name of ours stands for two codes");
    let wire_names: Vec<_> = all().filter_map(|code| code.wire_name).collect();
    assert_eq!(
        wire_names.iter().collect::<HashSet<_>>().len(),
        wire_names.len(),
        "a wire name stands for two codes"
    );
}

fn has_a_hint(code: &Code, meaning: ErrorMeaning) {
    let hint = meaning.hint.unwrap();
    for sentence in [hint.en, hint.fa] {
        assert!(sentence.len() > 1 && sentence.ends_with('.'), "{}: {sentence}", code.name);
    }
    let is_persian = |text: &str| text.chars().any(|character| ('\u{600}'..='\u{6ff}').contains(&character));
    assert!(is_persian(hint.fa) && !is_persian(hint.en), "{}", code.name);
    if meaning.outcome == Outcome::Unclear {
        assert_eq!(meaning.retry, Retry::CheckFirst, "{}", code.name);
    }
}

/// Names as a wire may carry them: anything, digits of all sorts, and the ones of the tables.
fn wire_names() -> impl Strategy<Value = String> {
    let tables = [&ERRORS[..], &SENDS, &DELIVERIES].concat();
    let known: Vec<_> =
        tables.iter().filter_map(|row| row.1).chain(["LinkNotAllowed"]).map(str::to_owned).collect();
    prop_oneof![any::<String>(), "[-+]?[0-9]{1,21}", "[۰-۹]{1,3}", prop::sample::select(known)]
}

/// Numbers as a wire may carry them, small ones more often than not.
fn numbers() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), -5..130_i64]
}

proptest! {
    #[test]
    fn every_number_is_kept(number in numbers()) {
        a_number_is_kept::<ErrorCode>(number)?;
        a_number_is_kept::<TemplateStatus>(number)?;
        a_number_is_kept::<MessageStatus>(number)?;
        a_number_is_kept::<SendStatus>(number)?;
        a_number_is_kept::<SmsStatus>(number)?;
    }

    #[test]
    fn every_name_is_kept(name in wire_names()) {
        a_name_is_kept::<ErrorCode>(&name)?;
        a_name_is_kept::<TemplateStatus>(&name)?;
        a_name_is_kept::<MessageStatus>(&name)?;
        a_name_is_kept::<SendStatus>(&name)?;
        a_name_is_kept::<SmsStatus>(&name)?;
    }

    #[test]
    fn what_no_table_has_is_never_taken_for_an_end(number in numbers()) {
        if let unknown @ MessageStatus::Unknown(_) = MessageStatus::from_code(number) {
            prop_assert_eq!((unknown.meaning().state, unknown.meaning().is_final), (DeliveryState::Unknown, false));
        }
        if let unknown @ SmsStatus::Unknown(_) = SmsStatus::from_code(number) {
            prop_assert_eq!((unknown.meaning().state, unknown.meaning().is_final), (DeliveryState::Unknown, false));
        }
        if let unknown @ ErrorCode::Unknown(_) = ErrorCode::from_code(number) {
            prop_assert_eq!((unknown.meaning().outcome, unknown.meaning().retry), (Outcome::Unclear, Retry::CheckFirst));
        }
        if let unknown @ SendStatus::Unknown(_) = SendStatus::from_code(number) {
            let meaning = unknown.meaning().unwrap();
            prop_assert_eq!((meaning.outcome, meaning.retry), (Outcome::Unclear, Retry::CheckFirst));
        }
    }
}

#[test]
fn the_tables_are_the_pages() {
    is_as_on_the_page::<ErrorCode>();
    is_as_on_the_page::<TemplateStatus>();
    is_as_on_the_page::<MessageStatus>();
    is_as_on_the_page::<SendStatus>();
    is_as_on_the_page::<SmsStatus>();
    let counts =
        [ErrorCode::KNOWN, MessageStatus::KNOWN, SendStatus::KNOWN, SmsStatus::KNOWN].map(<[i64]>::len);
    assert_eq!(counts, [21, 22, 24, 27]);
}

#[test]
fn a_name_without_a_number_is_known() {
    let code = SendStatus::from_wire_name("LinkNotAllowed");
    assert_eq!(code, SendStatus::LinkNotAllowed);
    assert_eq!((code.code(), code.name()), (None, "link_not_allowed"));
    has_a_hint(&code.to_code(), code.meaning().unwrap());
}

#[test]
fn every_known_error_has_a_hint_in_both_languages() {
    for number in ErrorCode::KNOWN {
        let code = ErrorCode::from_code(*number);
        has_a_hint(&code.to_code(), code.meaning());
    }
    for number in SendStatus::KNOWN {
        let code = SendStatus::from_code(*number);
        match code.meaning() {
            Some(meaning) => has_a_hint(&code.to_code(), meaning),
            None => assert!(matches!(code, SendStatus::Successful | SendStatus::Warning)),
        }
    }
    assert_eq!(ErrorCode::Unknown(77).meaning().kind, ErrorKind::Unavailable);
    assert_eq!(ErrorCode::Unknown(77).meaning().hint, None);
}
