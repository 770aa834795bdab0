//! Cleans what somebody else said before it is kept or shown: nothing of the request that it answers, no number, no
//! credential, and no character that acts in a log or a terminal.

mod reading;

use std::collections::HashSet;

use quick_xml::events::Event;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use self::reading::{Coded, Sign};

/// How many characters of a quotation are looked at, and how many are kept.
const LOOKED_AT: usize = 600;
const KEPT: usize = 200;

/// How many letters and digits in a row make a quotation recognisable, whatever stands between them.
const RECOGNISABLE: usize = 4;

/// How many characters that are neither letters nor digits may stand between the digits of one number.
const BETWEEN_DIGITS: usize = 8;

type Run = [char; RECOGNISABLE];

const MASK: &str = "***";

/// What a request carries: its texts, parameters and recipients are found in it when there is something to clean.
#[derive(Clone, Copy)]
pub(crate) struct Carried<'a> {
    pub(crate) url: &'a Url,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a [u8],
}

/// Cleans what answers a request of what the request carries, and of the credentials.
#[derive(Clone, Copy)]
pub(crate) struct Redactor<'a> {
    pub(crate) carried: Option<Carried<'a>>,
    pub(crate) secrets: &'a [SecretString],
}

impl Redactor<'_> {
    /// The first 200 characters of `text`, cleaned.
    pub(crate) fn clean(&self, text: &str) -> String {
        let quotation = Quotation::new(text);
        let mut private = Private::of(&quotation);
        for secret in self.secrets {
            private.add(secret.expose_secret());
        }
        if let Some(carried) = self.carried {
            private.add_carried(carried);
        }
        quotation.without(&private)
    }

    /// Whether a name is a credential, or a part of one, or holds one.
    pub(crate) fn is_secret(&self, name: &str) -> bool {
        let name = letters(name.chars());
        let holds = |long: &[char], short: &[char]| {
            short.len() >= RECOGNISABLE && long.windows(short.len()).any(|part| part == short)
        };
        self.secrets
            .iter()
            .map(|secret| letters(secret.expose_secret().chars()))
            .any(|secret| holds(&name, &secret) || holds(&secret, &name))
    }
}

/// The first 200 characters of a text that answers no request, cleaned.
fn plain(text: &str) -> String {
    Quotation::new(text).without(&Private::default())
}

/// A name that a gateway gave a code, where it is one: a word of ASCII, not a sentence, not a number.
pub(crate) fn is_name(text: &str) -> bool {
    let is_word = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.');
    text.len() <= 64 && text.chars().all(is_word) && plain(text) == text
}

/// Enough of the caller's own value to find it again, and no more: of a long one the first four and last two characters, of a
/// short one (a password in the place of a number, say) the first two.
pub(crate) fn mask(value: &str) -> String {
    let count = value.chars().count();
    let (head, tail) = match count {
        0..=3 => (3, 0),
        4..=8 => (2, 0),
        _ => (4, 2),
    };
    let shown = |character| if acts(character) { ' ' } else { character };
    let head: String = value.chars().take(head).map(shown).collect();
    let tail: String = value.chars().skip(count.saturating_sub(tail)).map(shown).collect();
    if count <= 3 { head } else { format!("{head}…{tail}") }
}

/// What stands in a request and its credentials, as far as a quotation repeats it. A request may be large and a quotation is
/// short, so it is the quotation that is searched for.
#[derive(Default)]
struct Private {
    /// Every run of letters and digits in the quotation, in any reading of it.
    in_question: HashSet<Run>,
    /// Those of them that stand in a value.
    runs: HashSet<Run>,
    /// Values too short for that: quoted as words of their own.
    words: HashSet<Vec<char>>,
    /// Values without a letter or a digit.
    punctuation: Vec<Vec<char>>,
}

impl Private {
    fn of(quotation: &Quotation) -> Self {
        let of_readings =
            quotation.readings.iter().map(|reading| letters(reading.iter().map(|sign| sign.character)));
        let of_coded =
            quotation.coded.iter().flat_map(|coded| &coded.texts).map(|text| letters(text.chars()));
        let in_question = of_readings.chain(of_coded).flat_map(|letters| runs(&letters).collect::<Vec<_>>());
        Self { in_question: in_question.collect(), ..Self::default() }
    }

    fn add(&mut self, value: &str) {
        let letters = letters(value.chars());
        if letters.len() >= RECOGNISABLE {
            self.runs.extend(runs(&letters).filter(|run| self.in_question.contains(run)));
        } else if letters.iter().any(|character| !character.is_numeric()) {
            self.words.insert(letters);
        } else if !letters.is_empty() {
            // Three digits are nobody's number, and may be a code.
        } else if !value.trim().is_empty() {
            self.punctuation.push(value.trim().chars().collect());
        }
    }

    /// Every value of a request, whatever its form is.
    fn add_carried(&mut self, Carried { url, content_type, body }: Carried<'_>) {
        for (_, value) in url.query_pairs() {
            self.add(&value);
        }
        if content_type.starts_with("application/json") {
            if let Ok(body) = serde_json::from_slice(body) {
                self.add_json(&body);
            }
        } else if content_type.starts_with("text/xml") {
            self.add_xml(&String::from_utf8_lossy(body));
        } else {
            for (_, value) in form_urlencoded::parse(body) {
                self.add(&value);
            }
        }
    }

    fn add_json(&mut self, value: &serde_json::Value) {
        match value {
            serde_json::Value::String(text) => self.add(text),
            serde_json::Value::Number(number) => self.add(&number.to_string()),
            serde_json::Value::Array(items) => items.iter().for_each(|item| self.add_json(item)),
            serde_json::Value::Object(fields) => fields.values().for_each(|item| self.add_json(item)),
            serde_json::Value::Null | serde_json::Value::Bool(_) => {}
        }
    }

    fn add_xml(&mut self, document: &str) {
        let mut reader = quick_xml::Reader::from_str(document);
        let mut value = String::new();
        loop {
            match reader.read_event() {
                Ok(Event::Text(text)) => value.push_str(&text.xml10_content()),
                Ok(Event::GeneralRef(reference)) => {
                    let reference = format!("&{};", &*reference);
                    value.push_str(&quick_xml::escape::unescape(&reference).unwrap_or_default());
                }
                // A document of our own always ends, and is never broken.
                Ok(Event::Eof) | Err(_) => return,
                Ok(_) => {
                    self.add(&value);
                    value.clear();
                }
            }
        }
    }

    fn is_quoted_in(&self, text: &str) -> bool {
        let letters = letters(text.chars());
        runs(&letters).any(|run| self.runs.contains(&run)) || self.words.contains(&letters)
    }
}

/// What somebody said, in every way in which it can be read.
struct Quotation {
    text: Vec<char>,
    readings: Vec<Vec<Sign>>,
    coded: Vec<Coded>,
}

impl Quotation {
    fn new(text: &str) -> Self {
        let text: Vec<char> = text.trim_start_matches('\u{feff}').trim().chars().take(LOOKED_AT).collect();
        let readings = reading::all(&text);
        let coded = readings.iter().flat_map(|reading| reading::coded(reading)).collect();
        Self { text, readings, coded }
    }

    fn without(self, private: &Private) -> String {
        let mut hidden = vec![false; self.text.len()];
        for reading in &self.readings {
            hide_values(reading, private, &mut hidden);
            hide_numbers(reading, &mut hidden);
        }
        for Coded { first, last, texts } in &self.coded {
            if texts.iter().any(|text| private.is_quoted_in(text)) {
                hide(&mut hidden, Some(first), Some(last));
            }
        }

        let mut shown = String::new();
        let mut was_hidden = false;
        for (character, is_hidden) in self.text.into_iter().zip(hidden) {
            match (is_hidden, was_hidden) {
                (true, false) => shown.push_str(MASK),
                (true, true) => {}
                (false, _) => shown.push(if acts(character) { ' ' } else { character }),
            }
            was_hidden = is_hidden;
        }
        match shown.char_indices().nth(KEPT) {
            Some((end, _)) => shown.get(..end).unwrap_or_default().to_owned(),
            None => shown,
        }
    }
}

fn hide(hidden: &mut [bool], first: Option<&Sign>, last: Option<&Sign>) {
    if let (Some(first), Some(last)) = (first, last)
        && let Some(range) = hidden.get_mut(first.start..last.end)
    {
        range.fill(true);
    }
}

/// Marks what a reading repeats of the values.
fn hide_values(signs: &[Sign], private: &Private, hidden: &mut [bool]) {
    let significant: Vec<Sign> = signs.iter().filter(|sign| is_letter(sign.character)).copied().collect();
    let folded: Vec<char> = significant.iter().map(|sign| fold(sign.character)).collect();
    for (run, signs) in runs(&folded).zip(significant.windows(RECOGNISABLE)) {
        if private.runs.contains(&run) {
            hide(hidden, signs.first(), signs.last());
        }
    }
    for word in signs.split(|sign| !is_letter(sign.character)) {
        if private.words.contains(&letters(word.iter().map(|sign| sign.character))) {
            hide(hidden, word.first(), word.last());
        }
    }
    for value in &private.punctuation {
        for run in signs.windows(value.len()) {
            if run.iter().map(|sign| sign.character).eq(value.iter().copied()) {
                hide(hidden, run.first(), run.last());
            }
        }
    }
}

/// Four digits and more are a number that may be somebody's, however they are set apart.
fn hide_numbers(signs: &[Sign], hidden: &mut [bool]) {
    let mut number: Vec<Sign> = Vec::new();
    let mut between = 0;
    let mut end = |number: &mut Vec<Sign>| {
        if number.len() >= RECOGNISABLE {
            hide(hidden, number.first(), number.last());
        }
        number.clear();
    };
    for sign in signs {
        if sign.character.is_numeric() {
            number.push(*sign);
            between = 0;
        } else if sign.character.is_alphabetic() || between == BETWEEN_DIGITS {
            end(&mut number);
        } else {
            between += 1;
        }
    }
    end(&mut number);
}

fn runs(letters: &[char]) -> impl Iterator<Item = Run> {
    letters.windows(RECOGNISABLE).filter_map(|run| Run::try_from(run).ok())
}

/// What quotations are compared by; whatever else there is may stand anywhere between.
fn letters(text: impl Iterator<Item = char>) -> Vec<char> {
    text.filter(|character| is_letter(*character)).map(fold).collect()
}

/// A letter or a digit; neither the stroke that lengthens an Arabic letter nor a vowel sign on it.
fn is_letter(character: char) -> bool {
    character.is_alphanumeric() && !matches!(character, '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}')
}

/// Characters that count as one: the two cases, the three kinds of digits, and the letters that Arabic and Persian keyboards
/// write differently.
fn fold(character: char) -> char {
    let digit = |zero: u32| char::from_digit(u32::from(character) - zero, 10).unwrap_or(character);
    match character {
        'ي' | 'ى' | 'ئ' => 'ی',
        'ك' => 'ک',
        'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
        'ؤ' => 'و',
        'ة' | 'ۀ' => 'ه',
        '۰'..='۹' => digit(0x6f0),
        '٠'..='٩' => digit(0x660),
        '０'..='９' => digit(0xff10),
        other => other.to_lowercase().next().unwrap_or(other),
    }
}

/// Characters that act instead of being seen: they end a line, move a cursor, turn the direction of what follows. ZWNJ and ZWJ
/// belong to Persian words.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // The categories Cf, Zl and Zp of Unicode 16.
            '\u{ad}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{890}'..='\u{891}'
                | '\u{8e2}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2064}'
                | '\u{2066}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{110bd}'
                | '\u{110cd}'
                | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0001}'
                | '\u{e0020}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_and_codes_stay() {
        for (said, kept) in [
            ("code 123 of 4", "code 123 of 4"),
            ("code 1234", "code ***"),
            ("0912-111 2222!", "***!"),
            ("(+98) 912.111.22.22", "(+***"),
            ("۰۹۱۲\u{200c}۱۱۱", "***"),
            ("[9,1,2,1]", "[***]"),
            ("2026/11/25", "***"),
            ("a1b2c3d4", "a1b2c3d4"),
            ("12 --------- 34", "12 --------- 34"),
            ("&#49;&#50;&#51;&#52;", "***"),
            ("%31%32", "%***"),
        ] {
            assert_eq!(plain(said), kept, "{said}");
        }
    }

    #[test]
    fn what_acts_is_a_space_and_persian_words_stay_whole() {
        assert_eq!(
            plain("می\u{200c}روم\r\nINFO\u{1b}[2J\u{202e}\u{2028}\u{0}"),
            "می\u{200c}روم  INFO [2J   "
        );
        assert_eq!(mask("\u{1b}]0;title\u{7}"), " ]0;…e ");
        assert!(plain(&"ا".repeat(1000)).chars().count() == KEPT);
    }

    #[test]
    fn a_name_is_a_word_of_ascii() {
        assert!(["NoFilters", "New_Status", "-7", "Err.42"].into_iter().all(is_name));
        let not = ["has spaces", "کد", "9121112222", "Err4242", "a\u{1b}b", &"x".repeat(65)];
        assert!(!not.into_iter().any(is_name));
    }

    #[test]
    fn short_values_are_found_as_words_and_signs() {
        let secrets = ["Ali", "***", "48"].map(SecretString::from);
        let redactor = Redactor { carried: None, secrets: &secrets };
        assert_eq!(redactor.clean("ali, Alice and A.l.i. have 48"), "***, Alice and A.l.i. have 48");
    }

    #[test]
    fn a_text_is_found_in_every_spelling() {
        let secrets = [SecretString::from("سلام سارا گذرواژه موز است")];
        let redactor = Redactor { carried: None, secrets: &secrets };
        let text = "سلام سارا گذرواژه موز است";
        let of_units = |bytes: fn(u16) -> [u8; 2]| -> String {
            text.encode_utf16().flat_map(bytes).fold(String::new(), |all, byte| format!("{all}{byte:02X}"))
        };
        for (encoding, said) in [
            ("UTF-8 read as windows-1256", "ط³ظ„ط§ظ… ط³ط§ط±ط§"),
            ("UTF-8 read as windows-1252", "Ø³Ù„Ø§Ù… Ø³Ø§Ø±Ø§"),
            ("bytes in a log", r"\xd8\xb3\xd9\x84\xd8\xa7\xd9\x85"),
            ("windows-1256 in an address", "%D3%E1%C7%E3"),
            ("bytes set apart", "D8-B3-D9-84-D8-A7-D9-85"),
            ("quoted-printable", "=D8=B3=D9=84=D8=A7=D9=85"),
            ("escapes with braces", r"\u{633}\u{644}\u{627}\u{645}"),
            ("big-endian UTF-16 in hexadecimal", &of_units(u16::to_be_bytes)),
            ("little-endian UTF-16 in hexadecimal", &of_units(u16::to_le_bytes)),
            ("other letters of the same sound", "سلأم سأرأ"),
            ("drawn out", "ســلــام ســارا"),
            ("with vowels", "سَلَام سَارَا"),
        ] {
            let kept = redactor.clean(&format!("[{said}]"));
            assert!(kept.starts_with("[***") && kept.chars().count() < 10, "{encoding}: {kept}");
        }
    }
}
