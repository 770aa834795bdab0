//! The gateway's numbers and its Persian texts for them.

pub(crate) const INVALID_API_KEY: i32 = 1;
pub(crate) const INVALID_PARAMETERS: i32 = 9;
pub(crate) const INVALID_SENDER: i32 = 12;
pub(crate) const INVALID_DESTINATION: i32 = 13;
pub(crate) const CREDIT_IS_LOW: i32 = 19;
pub(crate) const TOO_MANY_REQUESTS: i32 = 20;

pub(crate) const QUEUED: i32 = 0;
pub(crate) const NOT_FOUND: i32 = 8;

/// `Error` of the envelope. Where the gateway's table has no text, its name stands.
pub(crate) fn error_text(code: i32) -> &'static str {
    match code {
        1 => "کلید اتصال (ApiKey) نادرست است",
        2 => "ارسال از وبسرویس برای این کاربر فعال نشده است",
        3 => "کاربر فعال نیست",
        4 => "ارسال از طریق Api موقتا غیر فعال است",
        5 => "ارسال از طریق این متد موقتا غیر فعال است",
        6 => "تلفن همراه ثبت شده روی این اکانت تائید نشده است",
        7 => "ایمیل ثبت شده روی این اکانت تائید نشده است",
        8 => "اطلاعات هویتی کاربر به صورت کامل درج نشده است",
        9 => "مقادیر ورودی نادرست است",
        10 => "آی پی درخواست دهنده در لیست آی پی های معتبر نیست",
        11 => "فرمت ورودی ApiKey نادرست است",
        12 => "شماره ارسال کننده نادرست است",
        13 => "شماره دریافت کننده باید با 9 یا 989 شروع شود",
        14 => "شما به این متد دسترسی ندارید",
        15 => "سقف ارسال روزانه به پایان رسید",
        16 => "ApiLimitReached",
        17 => "NightlyLimitReached",
        18 => "ShareLineLimitReached",
        19 => "CreditIsLow",
        20 => "TooManyRequests",
        100 => "InternalError",
        _ => "خطا",
    }
}

/// `Status` of a status row.
pub(crate) fn status_text(code: i32) -> &'static str {
    match code {
        0 => "در صف سامانه",
        1 => "ارسال شده، بدون وضعیت",
        2 => "ارسال شده، در صف اپراتور",
        3 => "درانتظار تحویل گوشی",
        4 => "تحویل به گوشی",
        5 => "نرسیده به گوشی",
        6 => "خطا در ارسال",
        7 => "گیرنده مسدود",
        8 => "شناسه پیدا نشد",
        9 => "منقضی",
        10 => "نامشخص",
        11 => "دریافت کننده نامعتبر",
        12 => "گیرنده در لیست سیاه اکانت شماست",
        13 => "گیرنده نامعتبر",
        14 => "متن بلاک",
        15 => "لغو دریافت توسط گیرنده",
        16 => "بلاک شده",
        17 => "محدودیت روزانه",
        _ => "",
    }
}
