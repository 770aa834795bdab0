//! Messages the gateways refuse for what they say or whom they go to, until told otherwise.

use std::mem::size_of;

use crate::ring::Ring;

/// How many bytes words and numbers may take, each: more of them than a test has.
const MEMORY: usize = 1024 * 1024;

/// Why a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Objection {
    Text,
    Number,
}

#[derive(Debug)]
pub(crate) struct Refusals {
    words: Ring<String>,
    /// Without the leading zero.
    numbers: Ring<u64>,
}

impl Default for Refusals {
    fn default() -> Self {
        Self { words: Ring::new(MEMORY), numbers: Ring::new(MEMORY) }
    }
}

impl Refusals {
    pub(crate) fn refuse_text(&mut self, word: String) {
        self.words.push(size_of::<String>() + word.len(), word);
    }

    pub(crate) fn refuse_number(&mut self, written: &str) -> Result<(), &'static str> {
        let number = mobile(written).ok_or("the number has to be a mobile number, such as 09121112222")?;
        self.numbers.push(size_of::<u64>(), number);
        Ok(())
    }

    /// The first thing that is wrong with messages, each the recipient without the leading zero and the text.
    pub(crate) fn objection<'a>(
        &self,
        messages: impl IntoIterator<Item = (u64, &'a str)>,
    ) -> Option<Objection> {
        if self.words.len() == 0 && self.numbers.len() == 0 {
            return None;
        }
        messages.into_iter().find_map(|(to, text)| {
            if self.numbers.iter().any(|number| *number == to) {
                Some(Objection::Number)
            } else if self.words.iter().any(|word| text.contains(word.as_str())) {
                Some(Objection::Text)
            } else {
                None
            }
        })
    }
}

/// A mobile number as people write it, in Latin, Persian or Arabic digits, without the leading zero or the country
/// code.
fn mobile(written: &str) -> Option<u64> {
    let is_decoration = |character: &char| matches!(character, ' ' | '-' | '(' | ')' | '+');
    let digit = |character: char| match character {
        '۰'..='۹' => Some(u32::from(character) - u32::from('۰')),
        '٠'..='٩' => Some(u32::from(character) - u32::from('٠')),
        _ => character.to_digit(10),
    };
    let digits = written.chars().filter(|character| !is_decoration(character)).map(digit);
    let number = digits.enumerate().try_fold(0_u64, |number, (place, digit)| {
        // Leading zeros do not count; the longest number has 16 digits.
        (place < 16).then_some(number * 10 + u64::from(digit?))
    })?;
    match number {
        9_000_000_000..=9_999_999_999 => Some(number),
        989_000_000_000..=989_999_999_999 => Some(number - 980_000_000_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_in_every_usual_spelling() {
        for good in [
            "09121112222",
            "9121112222",
            "+989121112222",
            "989121112222",
            "00989121112222",
            "0912 111-2222",
            "۰۹۱۲۱۱۱۲۲۲۲",
            "٠٩١٢١١١٢٢٢٢",
        ] {
            assert_eq!(mobile(good), Some(9_121_112_222), "{good}");
        }
        for bad in ["", "+", "02188776655", "0912111222", "09121112222x", "00000000000009121112222"] {
            assert_eq!(mobile(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_message_is_refused_for_its_word_or_its_number() {
        let mut refusals = Refusals::default();
        assert_eq!(refusals.objection([(9_121_112_222, "برنده شدید")]), None);
        refusals.refuse_text("برنده".to_owned());
        refusals.refuse_number("+98 912 111 2222").unwrap();
        assert_eq!(refusals.objection([(1, "سلام"), (2, "شما برنده‌اید")]), Some(Objection::Text));
        assert_eq!(refusals.objection([(1, "سلام"), (9_121_112_222, "سلام")]), Some(Objection::Number));
        assert_eq!(refusals.objection([(1, "سلام")]), None);
    }
}
