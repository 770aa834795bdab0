//! The gateway's numbers and the names it writes for them, its typos included.

pub(crate) const SUCCESSFUL: i32 = 1;
pub(crate) const INSUFFICIENT_CREDIT: i32 = 3;
pub(crate) const FILTERED: i32 = 5;
pub(crate) const ARGUMENT_IS_NULL_OR_INCORRECT: i32 = 8;
pub(crate) const MESSAGE_BODY_IS_NULL_OR_EMPTY: i32 = 9;
pub(crate) const PRIVATE_NUMBER_IS_INCORRECT: i32 = 10;
pub(crate) const RECEPTION_NUMBER_IS_INCORRECT: i32 = 11;
pub(crate) const SENT_TYPE_IS_INCORRECT: i32 = 12;
pub(crate) const INVALID_USER_NAME_OR_PASS: i32 = 19;

pub(crate) const NOT_FOUND: i32 = 0;
pub(crate) const IN_QUEUE: i32 = 2;

/// `Status` of a send, by name. A number without a name stands for itself.
pub(crate) fn send_name(code: i32) -> String {
    let name = match code {
        0 => "Unknown",
        1 => "Successful",
        2 => "UnknownError",
        3 => "InsufficientCredit",
        4 => "ForbiddenHours",
        5 => "Filtered",
        6 => "NoFilters",
        7 => "PrivateNumberIsDisable",
        8 => "ArgumentIsNullOrIncorrect",
        9 => "MessageBodyIsNullOrEmpty",
        10 => "PrivateNumberIsIncorrect",
        11 => "ReceptionNumberIsIncorrect",
        12 => "SentTypeIsIncorrect",
        13 => "Warning",
        14 => "PanelIsBlocked",
        15 => "SiteUpdating",
        16 => "AudioMessageNotAllowed",
        17 => "AudioMessageFileSizeNotAllowed",
        18 => "PanelExpired",
        19 => "InvalidUserNameOrPass",
        20 => "UserIsWaitForApprove",
        21 => "UserApiBlocked",
        22 => "CheckedByAi",
        23 => "HavePendingFilter",
        other => return other.to_string(),
    };
    name.to_owned()
}

/// `SmsStatus`, by name. A number without a name stands for itself.
pub(crate) fn delivery_name(code: i32) -> String {
    let name = match code {
        0 => "NotFound",
        1 => "DoNotSend",
        2 => "InQueue",
        3 => "Sent",
        4 => "InsufficientCredit",
        6 => "Block",
        8 => "NotDeliverdCanceled",
        9 => "NotDeliverdSmsAdvertisingBlock",
        10 => "NotDeliverdBlackList",
        11 => "NotDeliverdDelay",
        13 => "NotDeliverdNoViber",
        14 => "NotDeliverdFiltering",
        15 => "WaitingForRecheckInOprator",
        16 => "OpratorFault",
        17 => "NotDeliveredBlocked",
        18 => "SendedButStatusNotUpdated",
        19 => "NotDeliveredDuplicate",
        20 => "NotDeliveredBlockPanel",
        21 => "NotDeliveredUnknownNumber",
        22 => "WaitingForDeliveryBeforeSend",
        23 => "NotDeliveredUnAccessible",
        24 => "NotDeliveredNotAnswered",
        25 => "NotDeliveredLineIsBusy",
        26 => "NotDeliverTCTFiltering",
        27 => "NotDeliverForbiddenTime",
        28 => "NotDeliverdSmsAdvertisingBlockOperator",
        29 => "Unknown",
        other => return other.to_string(),
    };
    name.to_owned()
}
