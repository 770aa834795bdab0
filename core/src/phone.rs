//! Reading the numbers that people type.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::redact::mask;

/// An Iranian mobile number, however it was typed.
///
/// ```
/// use payamak::Msisdn;
///
/// let number = Msisdn::parse("+98 (912) 111-۲۲۲۲").unwrap();
/// assert_eq!(number.national(), "09121112222");
/// assert_eq!(number.international(), "989121112222");
/// ```
///
/// `Display` prints the national form, because printing is asked for; `Debug` is masked, because it happens by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Msisdn(
    /// The ten digits after the country code, `9121112222`.
    u64,
);

impl Msisdn {
    /// Reads `09121112222`, `9121112222`, `989121112222`, `+98 912 111 2222`, `0098…`, in Latin, Persian or Arabic
    /// digits, with spaces, dashes, dots and parentheses.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::read(text).map_err(|fault| fault.into_error("msisdn", "number".into(), text))
    }

    pub(crate) fn read(text: &str) -> Result<Self, NumberFault> {
        let mut digits = String::with_capacity(14);
        let mut plus = false;
        for character in text.chars() {
            match character {
                '0'..='9' => digits.push(character),
                '۰'..='۹' | '٠'..='٩' => digits.push(latin_digit(character)),
                '+' if digits.is_empty() && !plus => plus = true,
                // Direction marks and joiners come along when a number is copied out of a Persian page.
                ' '
                | '\u{a0}'
                | '\t'
                | '-'
                | '‐'
                | '‑'
                | '–'
                | '.'
                | '('
                | ')'
                | '/'
                | '\u{200c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' => {}
                _ => return Err(NumberFault::Character),
            }
        }
        let national = if plus || digits.starts_with("00") {
            let abroad = if plus { digits.as_str() } else { digits.strip_prefix("00").unwrap_or(&digits) };
            abroad.strip_prefix("98").ok_or(NumberFault::Foreign)?
        } else if digits.len() == 12 && digits.starts_with("98") {
            digits.strip_prefix("98").unwrap_or(&digits)
        } else {
            digits.strip_prefix('0').unwrap_or(&digits)
        };
        match national.parse() {
            _ if digits.is_empty() => Err(NumberFault::Empty),
            _ if national.len() != 10 => Err(NumberFault::Length(digits.len())),
            Ok(number) if national.starts_with('9') => Ok(Self(number)),
            _ => Err(NumberFault::NotMobile),
        }
    }

    /// `09121112222`
    pub fn national(self) -> String {
        format!("0{}", self.0)
    }

    /// `989121112222`
    pub fn international(self) -> String {
        format!("98{}", self.0)
    }

    /// `989121112222` as a number: what Payam Resan takes.
    pub fn to_i64(self) -> i64 {
        // Ten digits and the country code always fit.
        i64::try_from(self.0).map_or(0, |national| 980_000_000_000 + national)
    }
}

/// `۵` and `٥` as `5`; anything else as it is.
pub(crate) fn latin_digit(character: char) -> char {
    let value = match character {
        '۰'..='۹' => u32::from(character) - u32::from('۰'),
        '٠'..='٩' => u32::from(character) - u32::from('٠'),
        _ => return character,
    };
    char::from_digit(value, 10).unwrap_or(character)
}

impl fmt::Display for Msisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0{}", self.0)
    }
}

impl fmt::Debug for Msisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Msisdn({})", mask(&self.national()))
    }
}

/// Why something is not a mobile number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberFault {
    Empty,
    Character,
    Length(usize),
    Foreign,
    NotMobile,
}

impl NumberFault {
    pub(crate) fn into_error(self, operation: &'static str, field: String, value: &str) -> Error {
        let why = match self {
            Self::Empty => "it is empty".to_owned(),
            Self::Character => "it holds something other than digits and separators".to_owned(),
            Self::Length(count) => {
                format!("it has {count} digits; a mobile number has 10 after the leading 0, 98, +98 or 0098")
            }
            Self::Foreign => {
                "its country code is not 98, and these gateways reach Iranian mobiles alone".to_owned()
            }
            Self::NotMobile => {
                "it does not start with 9 after the country code: a landline cannot receive".to_owned()
            }
        };
        Error::invalid_input(operation, field, format!("not a mobile number: {why}")).with_value(value)
    }
}

/// Where a message goes, as the caller gave it: a mobile number, or something that will be refused by name.
///
/// Made from text or from an integer. Making one never fails, so that one bad row of a list does not hide the others:
/// a send refuses it before anything leaves, and says which one it was and why.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct Recipient(Inner);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Inner {
    Mobile(Msisdn),
    Invalid(Box<str>),
}

impl Recipient {
    /// The number, if it is one.
    pub fn msisdn(&self) -> Option<Msisdn> {
        match self.0 {
            Inner::Mobile(number) => Some(number),
            Inner::Invalid(_) => None,
        }
    }

    /// The number, or the error that names `field`.
    pub(crate) fn require(
        &self,
        operation: &'static str,
        field: impl FnOnce() -> String,
    ) -> Result<Msisdn, Error> {
        match &self.0 {
            Inner::Mobile(number) => Ok(*number),
            Inner::Invalid(given) => match Msisdn::read(given) {
                Ok(number) => Ok(number),
                Err(fault) => Err(fault.into_error(operation, field(), given)),
            },
        }
    }
}

impl From<&str> for Recipient {
    fn from(text: &str) -> Self {
        Self(Msisdn::read(text).map_or_else(|_| Inner::Invalid(text.into()), Inner::Mobile))
    }
}

impl From<String> for Recipient {
    fn from(text: String) -> Self {
        Self(Msisdn::read(&text).map_or_else(|_| Inner::Invalid(text.into_boxed_str()), Inner::Mobile))
    }
}

impl From<&String> for Recipient {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<i64> for Recipient {
    fn from(number: i64) -> Self {
        number.to_string().into()
    }
}

impl From<Msisdn> for Recipient {
    fn from(number: Msisdn) -> Self {
        Self(Inner::Mobile(number))
    }
}

impl From<&Recipient> for Recipient {
    fn from(recipient: &Recipient) -> Self {
        recipient.clone()
    }
}

impl From<Recipient> for String {
    fn from(recipient: Recipient) -> Self {
        recipient.to_string()
    }
}

/// The national form (`09121112222`); what is no number, as it was given.
impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Mobile(number) => number.fmt(f),
            Inner::Invalid(given) => f.write_str(given),
        }
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({})", mask(&self.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reading_never_panics(text in any::<String>()) {
            let _ = Msisdn::read(&text);
        }

        #[test]
        fn every_form_of_a_number_is_the_same_number(rest in 0u64..1_000_000_000) {
            let national = format!("9{rest:09}");
            let expected = Msisdn::read(&national).unwrap();
            let persian: String = national.chars().map(|c| char::from_u32(c as u32 - '0' as u32 + '۰' as u32).unwrap()).collect();
            let arabic: String = national.chars().map(|c| char::from_u32(c as u32 - '0' as u32 + '٠' as u32).unwrap()).collect();
            let (a, b) = national.split_at(3);
            for form in [format!("0{national}"), format!("98{national}"), format!("+98{national}"), format!("0098{national}"),
                         format!("۰{persian}"), format!("٠{arabic}"), format!("+98 ({a}) {b}"), expected.national(), expected.international()] {
                prop_assert_eq!(Msisdn::read(&form).unwrap(), expected, "{}", form);
            }
        }
    }

    #[test]
    fn refusals_say_why() {
        for (text, fault) in [
            ("", NumberFault::Empty),
            ("  ", NumberFault::Empty),
            ("0912111222", NumberFault::Length(10)),
            ("091211122223", NumberFault::Length(12)),
            ("02112345678", NumberFault::NotMobile),
            ("+12025550100", NumberFault::Foreign),
            ("0012025550100", NumberFault::Foreign),
            ("0912abc2222", NumberFault::Character),
            ("0912+1112222", NumberFault::Character),
        ] {
            assert_eq!(Msisdn::read(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn debug_is_masked() {
        let number = Msisdn::parse("09121112222").unwrap();
        assert_eq!(format!("{number:?}"), "Msisdn(0912…22)");
        assert!(!format!("{:?}", Recipient::from("0912111222")).contains("0912111222"));
    }
}
