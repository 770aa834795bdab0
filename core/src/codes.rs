//! What all code tables have in common: open enums, so that a number a gateway invents tomorrow is kept, not refused.

use std::borrow::Cow;

use serde::Serialize;

/// Our name of a code that no table has.
pub(crate) const UNKNOWN: &str = "unknown";

/// A gateway's code as every language sees it: the number, our name, the gateway's own name and its Persian text.
///
/// Serializes to the canonical form that `core/conformance/README.md` fixes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Code {
    /// The number on the wire; `None` for a code that is only known by name.
    #[serde(rename = "code")]
    pub number: Option<i64>,
    /// Our English name in lower snake case; `unknown` for a code that no table has.
    pub name: &'static str,
    /// The gateway's own spelling, where it has one.
    pub wire_name: Option<Cow<'static, str>>,
    /// The gateway's Persian wording, where the protocol page gives one.
    pub text: Option<&'static str>,
}

impl Code {
    /// A code of a gateway outside this crate.
    pub fn new(number: Option<i64>, name: &'static str) -> Self {
        Self { number, name, wire_name: None, text: None }
    }
}

/// Declares an open enum from a table: one row holds all that is known about a code.
///
/// The columns are: variant = number, our name, the gateway's own name, the Persian text, and the meaning.
macro_rules! open_codes {
    (
        $(#[$meta:meta])*
        pub enum $Enum:ident means $Meaning:ty, unknown means $unknown:expr;
        $( $Variant:ident = $number:literal, $name:literal, $wire:expr, $text:expr, $meaning:expr; )+
        $( - $NamedVariant:ident, $named_name:literal, $named_wire:literal, $named_meaning:expr; )*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $Enum {
            $( #[doc = concat!("`", $number, "`: ", $name)] $Variant, )+
            $( #[doc = concat!("`", $named_wire, "`, a name without a known number")] $NamedVariant, )*
            /// A number that no table has. It is kept.
            Unknown(i64),
            /// A name that no table has. It is kept.
            UnknownName(Box<str>),
            /// The gateway left it out.
            Missing,
        }

        impl $Enum {
            /// Every number of the table, in its order.
            pub const KNOWN: &'static [i64] = &[$($number),+];

            /// The code of a number; never fails.
            pub fn from_code(number: i64) -> Self {
                match number {
                    $( $number => Self::$Variant, )+
                    other => Self::Unknown(other),
                }
            }

            /// The code of the gateway's own name, as SOAP carries it; never fails. A number in digits is read as one.
            pub fn from_wire_name(name: &str) -> Self {
                $( if $wire == Some(name) { return Self::$Variant; } )+
                $( if $named_wire == name { return Self::$NamedVariant; } )*
                match name.parse() {
                    // Only what prints back the same is a number: `007` stays a name.
                    Ok(number) if i64::to_string(&number) == name => Self::from_code(number),
                    _ => Self::UnknownName(name.into()),
                }
            }

            /// The number on the wire, where one is known.
            pub fn code(&self) -> Option<i64> {
                match self {
                    $( Self::$Variant => Some($number), )+
                    Self::Unknown(number) => Some(*number),
                    _ => None,
                }
            }

            /// Our English name in lower snake case; `unknown` for a code that the table does not have.
            pub fn name(&self) -> &'static str {
                match self {
                    $( Self::$Variant => $name, )+
                    $( Self::$NamedVariant => $named_name, )*
                    Self::Unknown(_) | Self::UnknownName(_) | Self::Missing => $crate::codes::UNKNOWN,
                }
            }

            /// The gateway's own name, spelled as the gateway spells it.
            pub fn wire_name(&self) -> Option<&str> {
                match self {
                    $( Self::$Variant => $wire, )+
                    $( Self::$NamedVariant => Some($named_wire), )*
                    Self::Unknown(_) | Self::Missing => None,
                    Self::UnknownName(name) => Some(name),
                }
            }

            /// The gateway's Persian wording.
            pub fn text(&self) -> Option<&'static str> {
                match self {
                    $( Self::$Variant => $text, )+
                    _ => None,
                }
            }

            /// What the code means for the sender.
            pub fn meaning(&self) -> $Meaning {
                match self {
                    $( Self::$Variant => $meaning, )+
                    $( Self::$NamedVariant => $named_meaning, )*
                    Self::Unknown(_) | Self::UnknownName(_) | Self::Missing => $unknown,
                }
            }

            /// The same code as every language sees it.
            pub fn to_code(&self) -> $crate::codes::Code {
                $crate::codes::Code {
                    number: self.code(),
                    name: self.name(),
                    wire_name: match self {
                        $( Self::$Variant => $wire.map(std::borrow::Cow::Borrowed), )+
                        $( Self::$NamedVariant => Some(std::borrow::Cow::Borrowed($named_wire)), )*
                        Self::Unknown(_) | Self::Missing => None,
                        Self::UnknownName(name) => Some(std::borrow::Cow::Owned(name.to_string())),
                    },
                    text: self.text(),
                }
            }
        }
    };
}
pub(crate) use open_codes;
