//! The ways in which a quotation can be read: as it stands, and as what it stands for where it is encoded.

use std::collections::HashMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// How many encodings may lie one over the other, and how many readings are looked at in all.
const ENCODINGS: usize = 3;
const READINGS: usize = 24;

/// The upper half of windows-1256, and what windows-1252 has in place of control characters: servers that take a text for one
/// of them write it so.
const WINDOWS_1256: &str = "\
    €پ‚ƒ„…†‡ˆ‰ٹ‹Œچژڈ\
    گ‘’“”•–—ک™ڑ›œ\u{200c}\u{200d}ں\
    \u{a0}،¢£¤¥¦§¨©ھ«¬\u{ad}®¯\
    °±²³´µ¶·¸¹؛»¼½¾؟\
    ہءآأؤإئابةتثجحخد\
    ذرزسشصض×طظعغ\u{640}فقك\
    àلâمنهوçèéêëىيîï\
    \u{64b}\u{64c}\u{64d}\u{64e}ô\u{64f}\u{650}÷\u{651}ù\u{652}ûü\u{200e}\u{200f}ے\
";
const WINDOWS_1252: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";

/// A character as it is read, and the characters of the quotation that it is read from.
#[derive(Clone, Copy)]
pub(super) struct Sign {
    pub(super) character: char,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A part of a reading that may be bytes in base64 or hexadecimal, and what they may say.
pub(super) struct Coded {
    pub(super) first: Sign,
    pub(super) last: Sign,
    pub(super) texts: Vec<String>,
}

/// Every reading of a text, the text itself first.
pub(super) fn all(text: &[char]) -> Vec<Vec<Sign>> {
    let as_it_stands = text.iter().enumerate().map(|(index, character)| Sign {
        character: *character,
        start: index,
        end: index + 1,
    });
    let mut readings = vec![as_it_stands.collect()];
    let mut newest = 0;
    for _ in 0..ENCODINGS {
        let (from, until) = (newest, readings.len());
        newest = until;
        for index in from..until {
            for decode in [percent, html, escapes, quoted_printable, taken_for_1252, taken_for_1256] {
                let decoded = readings.get(index).and_then(|reading: &Vec<Sign>| decode(reading));
                if readings.len() < READINGS {
                    readings.extend(decoded);
                }
            }
        }
    }
    readings
}

/// What looks like base64 or hexadecimal.
pub(super) fn coded(signs: &[Sign]) -> Vec<Coded> {
    let is_base64 = |sign: &Sign| sign.character.is_ascii_alphanumeric() || "+/-_".contains(sign.character);
    let is_hex = |sign: &Sign| sign.character.is_ascii_hexdigit() || " -,:xX".contains(sign.character);
    let words = signs.split(|sign| !is_base64(sign)).map(|word| (word, from_base64(word)));
    let numbers = signs.split(|sign| !is_hex(sign)).map(|word| (word, from_hex(word)));
    let coded = words.chain(numbers).filter(|(_, texts)| !texts.is_empty());
    coded
        .filter_map(|(word, texts)| Some(Coded { first: *word.first()?, last: *word.last()?, texts }))
        .collect()
}

fn from_base64(word: &[Sign]) -> Vec<String> {
    /// As it comes: with padding or without, cut off anywhere.
    const BASE64: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    if word.len() < 6 {
        return Vec::new();
    }
    let standard = word.iter().map(|sign| match sign.character {
        '-' => '+',
        '_' => '/',
        other => other,
    });
    let standard: String = standard.collect();
    // It may begin in the middle of a word that is not of it.
    let starts = (0..4).filter_map(|skipped| standard.get(skipped..));
    let whole = starts.filter_map(|rest| rest.get(..rest.len() - usize::from(rest.len() % 4 == 1)));
    whole.filter_map(|whole| BASE64.decode(whole).ok()).flat_map(|bytes| texts_of(&bytes)).collect()
}

/// `d8b3`, `D8-B3`, `0xd8, 0xb3`.
fn from_hex(word: &[Sign]) -> Vec<String> {
    let text: String = word.iter().map(|sign| sign.character.to_ascii_lowercase()).collect();
    let text = text.replace("0x", " ");
    let digits: Vec<u8> = text.chars().filter_map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
    if digits.len() < 8 {
        return Vec::new();
    }
    let byte = |pair: &[u8]| pair.iter().fold(0, |byte, digit| byte << 4 | digit);
    let starts = (0..2).filter_map(|skipped| digits.get(skipped..));
    starts.flat_map(|digits| texts_of(&digits.chunks_exact(2).map(byte).collect::<Vec<_>>())).collect()
}

/// Bytes as UTF-8, and as UTF-16 in both orders.
fn texts_of(bytes: &[u8]) -> [String; 3] {
    let units = |from: fn([u8; 2]) -> u16| -> Vec<u16> {
        bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok().map(from)).collect()
    };
    let (little, big) = (units(u16::from_le_bytes), units(u16::from_be_bytes));
    [
        String::from_utf8_lossy(bytes).into_owned(),
        String::from_utf16_lossy(&little),
        String::from_utf16_lossy(&big),
    ]
}

/// Reads with one decoder: `one` says what the characters from a place on stand for, and how many they are.
fn decoded(signs: &[Sign], one: impl Fn(usize) -> Option<(char, usize)>) -> Option<Vec<Sign>> {
    let mut read = Vec::with_capacity(signs.len());
    let mut place = 0;
    let mut found = false;
    while let Some(sign) = signs.get(place) {
        let Some((character, length)) = one(place) else {
            read.push(*sign);
            place += 1;
            continue;
        };
        found = true;
        let end = signs.get(place + length - 1).map_or(sign.end, |last| last.end);
        read.push(Sign { character, start: sign.start, end });
        place += length;
    }
    found.then_some(read)
}

fn at(signs: &[Sign], place: usize) -> Option<char> {
    signs.get(place).map(|sign| sign.character)
}

/// Whether `mark` stands at a place.
fn is(signs: &[Sign], place: usize, mark: &str) -> bool {
    mark.chars().enumerate().all(|(index, character)| at(signs, place + index) == Some(character))
}

/// The number that `count` characters from `from` on write in hexadecimal.
fn hex(signs: &[Sign], from: usize, count: usize) -> Option<u32> {
    let digits = signs.get(from..from + count)?;
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | digit.character.to_digit(16)?))
}

/// A byte that is written as `mark` and two digits.
fn byte(signs: &[Sign], place: usize, mark: &str) -> Option<u8> {
    if !is(signs, place, mark) {
        return None;
    }
    u8::try_from(hex(signs, place + mark.len(), 2)?).ok()
}

/// The character that the bytes from a place on are in UTF-8, and how many they are; `length` characters make one of them.
fn utf8(place: usize, length: usize, byte: impl Fn(usize) -> Option<u8>) -> Option<(char, usize)> {
    let mut bytes = Vec::new();
    while bytes.len() < 4 {
        bytes.push(byte(place + length * bytes.len())?);
        if let Some(character) = std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next()) {
            return Some((character, length * bytes.len()));
        }
    }
    None
}

/// The same, or a single byte of windows-1256.
fn bytes(signs: &[Sign], place: usize, mark: &str) -> Option<(char, usize)> {
    let length = mark.len() + 2;
    utf8(place, length, |place| byte(signs, place, mark)).or_else(|| {
        let index = byte(signs, place, mark)?.checked_sub(0x80)?;
        Some((WINDOWS_1256.chars().nth(usize::from(index))?, length))
    })
}

/// One character of UTF-16 from one escape or two: `mark` and four digits each.
fn utf16(signs: &[Sign], place: usize, mark: &str) -> Option<(char, usize)> {
    let length = mark.len() + 4;
    let unit = |place| if is(signs, place, mark) { hex(signs, place + mark.len(), 4) } else { None };
    let first = unit(place)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, length));
    }
    let units = [first, unit(place + length)?].map(|unit| u16::try_from(unit).unwrap_or_default());
    Some((char::decode_utf16(units).next()?.ok()?, 2 * length))
}

/// `%D8%B3`, and the `%u0633` of old scripts.
fn percent(signs: &[Sign]) -> Option<Vec<Sign>> {
    decoded(signs, |place| utf16(signs, place, "%u").or_else(|| bytes(signs, place, "%")))
}

/// `=D8=B3`
fn quoted_printable(signs: &[Sign]) -> Option<Vec<Sign>> {
    decoded(signs, |place| bytes(signs, place, "="))
}

/// `\u0633`, `\u{633}`, `\xd8\xb3`, and a backslash before any other character.
fn escapes(signs: &[Sign]) -> Option<Vec<Sign>> {
    let braced = |place| {
        let digits = if is(signs, place, "\\u{") { signs.get(place + 3..)? } else { return None };
        let length = digits.iter().take(6).position(|sign| sign.character == '}')?;
        Some((char::from_u32(hex(signs, place + 3, length)?)?, length + 4))
    };
    let single = |place| match (at(signs, place)?, at(signs, place + 1)?) {
        ('\\', 'n' | 'r' | 't' | 'b' | 'f') => Some((' ', 2)),
        ('\\', other) => Some((other, 2)),
        _ => None,
    };
    decoded(signs, |place| {
        let escaped = utf16(signs, place, "\\u").or_else(|| braced(place));
        escaped.or_else(|| bytes(signs, place, "\\x")).or_else(|| single(place))
    })
}

/// `&#1587;`, `&#x633;` and the names of XML, with and without their semicolon.
fn html(signs: &[Sign]) -> Option<Vec<Sign>> {
    decoded(signs, |place| {
        if at(signs, place) != Some('&') {
            return None;
        }
        let reference: String = signs.get(place + 1..)?.iter().take(12).map(|sign| sign.character).collect();
        let (character, name) = if let Some(number) = reference.strip_prefix('#') {
            let (radix, marks) = if number.starts_with(['x', 'X']) { (16, 2) } else { (10, 1) };
            let digits = number.get(marks - 1..)?;
            let length = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
            let number = u32::from_str_radix(digits.get(..length)?, radix).ok()?;
            (char::from_u32(number)?, marks + length)
        } else {
            let names =
                [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\''), ("nbsp", ' ')];
            let (name, character) = names.into_iter().find(|(name, _)| reference.starts_with(name))?;
            (character, name.len())
        };
        let is_closed = reference.chars().nth(name) == Some(';');
        Some((character, 1 + name + usize::from(is_closed)))
    })
}

/// UTF-8 that was taken for windows-1252 (`Ø³`) or Latin 1.
fn taken_for_1252(signs: &[Sign]) -> Option<Vec<Sign>> {
    static BYTES: LazyLock<HashMap<char, u8>> = LazyLock::new(|| {
        let latin = (0x80..=0xff).map(|byte| (char::from(byte), byte));
        latin.chain(WINDOWS_1252.chars().zip(0x80..=0xff)).collect()
    });
    taken_for(signs, &BYTES)
}

/// UTF-8 that was taken for windows-1256 (`ط³`).
fn taken_for_1256(signs: &[Sign]) -> Option<Vec<Sign>> {
    static BYTES: LazyLock<HashMap<char, u8>> =
        LazyLock::new(|| WINDOWS_1256.chars().zip(0x80..=0xff).collect());
    taken_for(signs, &BYTES)
}

fn taken_for(signs: &[Sign], bytes: &HashMap<char, u8>) -> Option<Vec<Sign>> {
    decoded(signs, |place| utf8(place, 1, |place| bytes.get(&at(signs, place)?).copied()))
}
