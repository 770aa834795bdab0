//! Reading JSON from gateways whose numbers may arrive as strings, and whose fields may be null, missing or new.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// An integer of 64 bits, written as a number, as text, or as a float without a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Int(pub(crate) i64);

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IntVisitor;

        impl Visitor<'_> for IntVisitor {
            type Value = Int;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer of 64 bits")
            }

            fn visit_i64<E>(self, number: i64) -> Result<Int, E> {
                Ok(Int(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Int, E> {
                i64::try_from(number)
                    .map(Int)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Int, E> {
                // Beyond 2^53 a float has already lost digits, and an id must not be guessed.
                if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 {
                    #[allow(
                        clippy::cast_possible_truncation,
                        reason = "just checked to be a small integer"
                    )]
                    return Ok(Int(number as i64));
                }
                Err(E::invalid_value(de::Unexpected::Float(number), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Int, E> {
                text.trim().parse().map(Int).map_err(|_| E::custom("text that is not an integer"))
            }
        }

        deserializer.deserialize_any(IntVisitor)
    }
}

/// Text, or a number where text is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl Visitor<'_> for TextVisitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Text, E> {
                Ok(Text(text))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }
        }

        deserializer.deserialize_any(TextVisitor)
    }
}

/// An amount of rials: an integer or a decimal number, as a number or as text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Amount(pub(crate) f64);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Text(text) = Text::deserialize(deserializer)?;
        match text.trim().parse() {
            Ok(amount) if f64::is_finite(amount) => Ok(Self(amount)),
            _ => Err(de::Error::custom("not an amount")),
        }
    }
}

/// A truth, as `true`, `"true"`, `1` or `"1"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truth(pub(crate) bool);

impl<'de> Deserialize<'de> for Truth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TruthVisitor;

        impl Visitor<'_> for TruthVisitor {
            type Value = Truth;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E>(self, truth: bool) -> Result<Truth, E> {
                Ok(Truth(truth))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Truth, E> {
                match number {
                    0 => Ok(Truth(false)),
                    1 => Ok(Truth(true)),
                    _ => Err(E::custom("a number that is neither 0 nor 1")),
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Truth, E> {
                match text.trim().to_ascii_lowercase().as_str() {
                    "true" | "1" => Ok(Truth(true)),
                    "false" | "0" => Ok(Truth(false)),
                    _ => Err(E::custom("neither true nor false")),
                }
            }
        }

        deserializer.deserialize_any(TruthVisitor)
    }
}

/// An object and nothing else: a list is never one, although serde would take its values by their places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, fields: A) -> Result<Object<T>, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(fields)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// The longest list that is read: more than any inbox or account has.
pub(crate) const MOST_ROWS: usize = 10_000;

/// Why a longer one is not.
pub(crate) const TOO_MANY_ROWS: &str = "it has a list of more than 10000 rows";

/// A list of which null entries are dropped, and which may itself be null.
#[derive(Clone, Debug)]
pub(crate) struct Rows<T>(pub(crate) Vec<T>);

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowsVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for RowsVisitor<T> {
            type Value = Rows<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_unit<E>(self) -> Result<Rows<T>, E> {
                Ok(Rows::default())
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Rows<T>, A::Error> {
                let mut rows = Vec::with_capacity(list.size_hint().unwrap_or(0));
                // Empty rows take two bytes on the wire, and a hundred times that in memory.
                for _ in 0..MOST_ROWS {
                    match list.next_element::<Option<T>>()? {
                        Some(row) => rows.extend(row),
                        None => return Ok(Rows(rows)),
                    }
                }
                if list.next_element::<de::IgnoredAny>()?.is_some() {
                    return Err(de::Error::custom(TOO_MANY_ROWS));
                }
                Ok(Rows(rows))
            }
        }

        deserializer.deserialize_any(RowsVisitor(PhantomData))
    }
}

/// Why a JSON body could not be read: what was expected and where, never what stood there instead.
pub(crate) fn why(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not JSON",
        serde_json::error::Category::Data if error.to_string().starts_with(TOO_MANY_ROWS) => TOO_MANY_ROWS,
        serde_json::error::Category::Data => "a value has an unexpected type",
    };
    format!("{kind} (line {}, column {})", error.line(), error.column())
}
