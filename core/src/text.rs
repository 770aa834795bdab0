//! How long a text is on the air: its encoding, its segments, and what makes it longer than it looks.

use indexmap::IndexSet;
use serde::Serialize;

/// The two encodings of an SMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// GSM 03.38, seven bits a character: Latin letters, digits and common signs.
    Gsm7,
    /// UTF-16 code units: everything else, so every Persian text.
    Ucs2,
}

impl Encoding {
    /// `gsm7` or `ucs2`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gsm7 => "gsm7",
            Self::Ucs2 => "ucs2",
        }
    }
}

/// Whose figures count the segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SegmentProfile {
    /// GSM 03.38: 160 septets in one segment, 153 each in several; 70 and 67 UTF-16 units.
    #[default]
    Gsm,
    /// The wording of Payam Resan's page ("Text length"): 140 Latin characters, less 7 a segment when there are
    /// several; 70 Persian ones, less 3.
    PayamResan,
}

/// What a text needs on the air.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Segments {
    /// The encoding that the text forces.
    pub encoding: Encoding,
    /// GSM-7 septets or UTF-16 code units.
    pub units: usize,
    /// How many messages are billed; 0 for an empty text.
    pub segments: usize,
    /// Units left in the last segment.
    pub units_left: usize,
    /// The characters that are not in GSM-7, each once and in order: what made the text UCS-2.
    pub forced_ucs2: Vec<char>,
}

/// Counts the segments of a text by GSM 03.38.
///
/// ```
/// let segments = payamak::segments("کد ورود شما: 12345");
/// assert_eq!((segments.units, segments.segments), (18, 1));
/// ```
pub fn segments(text: &str) -> Segments {
    segments_by(text, SegmentProfile::Gsm)
}

/// Counts the segments of a text by the figures of `profile`.
pub fn segments_by(text: &str, profile: SegmentProfile) -> Segments {
    let forced_ucs2: IndexSet<char> =
        text.chars().filter(|character| septets(*character).is_none()).collect();
    let encoding = if forced_ucs2.is_empty() { Encoding::Gsm7 } else { Encoding::Ucs2 };
    let width = |character: char| match encoding {
        Encoding::Gsm7 => septets(character).unwrap_or(1),
        Encoding::Ucs2 => character.len_utf16(),
    };
    let (single, each) = match (profile, encoding) {
        (SegmentProfile::Gsm, Encoding::Gsm7) => (160, 153),
        (SegmentProfile::PayamResan, Encoding::Gsm7) => (140, 133),
        (_, Encoding::Ucs2) => (70, 67),
    };
    let units: usize = text.chars().map(width).sum();
    let (segments, units_left) = match units {
        0 => (0, single),
        1.. if units <= single => (1, single - units),
        _ => {
            // A character of two units is not split between segments: it moves whole to the next one.
            let (mut segments, mut used) = (1, 0);
            for character in text.chars() {
                if used + width(character) > each {
                    segments += 1;
                    used = 0;
                }
                used += width(character);
            }
            (segments, each - used)
        }
    };
    let forced_ucs2 = forced_ucs2.into_iter().collect();
    Segments { encoding, units, segments, units_left, forced_ucs2 }
}

/// How many septets a character takes in GSM 03.38's default alphabet and its extension table.
fn septets(character: char) -> Option<usize> {
    match character {
        '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' | '\u{c}' => Some(2),
        // All that is printable in ASCII but the grave accent.
        ' '..='~' if character != '`' => Some(1),
        '\n' | '\r' | '£' | '¥' | 'è' | 'é' | 'ù' | 'ì' | 'ò' | 'Ç' | 'Ø' | 'ø' | 'Å' | 'å' | 'Δ' | 'Φ'
        | 'Γ' | 'Λ' | 'Ω' | 'Π' | 'Ψ' | 'Σ' | 'Θ' | 'Ξ' | 'Æ' | 'æ' | 'ß' | 'É' | '¤' | '¡' | 'Ä' | 'Ö'
        | 'Ñ' | 'Ü' | '§' | '¿' | 'ä' | 'ö' | 'ñ' | 'ü' | 'à' => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_alphabet_has_127_characters_and_its_extension_ten() {
        let of =
            |width| (0..=0xffff).filter_map(char::from_u32).filter(|c| septets(*c) == Some(width)).count();
        // 128 places of the default alphabet, less the escape.
        assert_eq!((of(1), of(2)), (127, 10));
    }

    /// A text of any length takes time by its length, however many different characters it has.
    #[test]
    fn every_character_once() {
        let text: String = ('\u{20}'..=char::MAX).collect();
        let counted = segments(&text);
        assert_eq!(counted.units, text.encode_utf16().count());
        // All but the 127 and ten of GSM-7, three of which come before the blank.
        assert_eq!(counted.forced_ucs2.len(), text.chars().count() - 134);
    }

    proptest! {
        #[test]
        fn segments_hold_the_text(text in any::<String>()) {
            let counted = segments(&text);
            let each = if counted.encoding == Encoding::Gsm7 { 153 } else { 67 };
            let single = if counted.encoding == Encoding::Gsm7 { 160 } else { 70 };
            prop_assert_eq!(counted.segments == 0, text.is_empty());
            prop_assert_eq!(counted.segments <= 1, counted.units <= single);
            if counted.segments > 1 {
                // At most one unit a segment is lost to a character that would not be split.
                prop_assert!(counted.segments * each >= counted.units);
                prop_assert!((counted.segments - 1) * (each - 1) < counted.units);
            }
        }
    }
}
