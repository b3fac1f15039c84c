//! Initial passwords: 24 characters of four classes from the operating system's generator.

use rand::TryRng;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// Characters of a password: far beyond what any policy asks (AD.md 45).
const LENGTH: usize = 24;

const CLASSES: [&[u8]; 4] = [
    b"abcdefghijkmnopqrstuvwxyz",
    b"ABCDEFGHJKLMNPQRSTUVWXYZ",
    b"23456789",
    b"!#%+-./:=?@_~",
];

/// Parts of names that are shorter may stand in a password: three letters, as the directory counts.
const PART: usize = 3;

/// Makes a password. It has every class, no look-alikes (`l`, `I`, `1`, `O`, `0`), and no part of a name.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn generate(avoid: &[String]) -> Result<SecretString, rand::rngs::SysError> {
    let parts = parts(avoid);
    loop {
        let password = any()?;
        if !has_part(password.expose_secret(), &parts) {
            return Ok(password);
        }
    }
}

/// Every three letters or digits in a row of names, accents folded.
fn parts(names: &[String]) -> BTreeSet<String> {
    let mut parts = BTreeSet::new();
    for name in names {
        for text in [
            name.to_lowercase(),
            deunicode::deunicode(name).to_lowercase(),
        ] {
            let words = text.split(|c: char| !c.is_alphanumeric());
            for word in words.map(|word| word.chars().collect::<Vec<_>>()) {
                parts.extend(word.windows(PART).map(|w| w.iter().collect::<String>()));
            }
        }
    }
    parts
}

fn has_part(password: &str, parts: &BTreeSet<String>) -> bool {
    let password = Zeroizing::new(password.to_lowercase());
    parts.iter().any(|part| password.contains(part.as_str()))
}

fn any() -> Result<SecretString, rand::rngs::SysError> {
    let mut text = Zeroizing::new(Vec::with_capacity(LENGTH));
    for class in CLASSES {
        text.push(class[below(class.len())?]);
    }
    let all: Vec<u8> = CLASSES.concat();
    while text.len() < LENGTH {
        text.push(all[below(all.len())?]);
    }
    // Fisher-Yates, so that the classes stand anywhere.
    for i in (1..LENGTH).rev() {
        let j = below(i + 1)?;
        text.swap(i, j);
    }
    Ok(SecretString::from(
        text.iter().map(|b| char::from(*b)).collect::<String>(),
    ))
}

/// A number below a bound of at most 256, each as likely as any other.
fn below(bound: usize) -> Result<usize, rand::rngs::SysError> {
    let fair = 256 - 256 % bound;
    loop {
        let mut byte = [0_u8; 1];
        SysRng.try_fill_bytes(&mut byte)?;
        let number = usize::from(byte[0]);
        if number < fair {
            return Ok(number % bound);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AD 45.
    #[test]
    fn passwords_are_long_mixed_and_never_the_same() {
        let mut seen = BTreeSet::new();
        for _ in 0..500 {
            let password = generate(&[]).unwrap();
            let text = password.expose_secret();
            assert_eq!(text.len(), LENGTH);
            for class in CLASSES {
                assert!(
                    text.bytes().any(|b| class.contains(&b)),
                    "a class is missing"
                );
            }
            assert!(!format!("{password:?}").contains(text));
            assert!(seen.insert(text.to_owned()));
        }
    }

    #[test]
    fn no_part_of_a_name_stands_in_a_password() {
        let parts = parts(&["Zoë O'Brien-Li".into(), "ab".into()]);
        let expected = ["bri", "ien", "rie", "zoe", "zoë"];
        assert_eq!(
            parts.iter().map(String::as_str).collect::<Vec<_>>(),
            expected
        );
        assert!(has_part("xxZOExx", &parts) && has_part("7#rIEn", &parts));
        assert!(!has_part("zo-e.Li", &parts));
        // Names so many that a password at random mostly has a part of one.
        let letters = "abcdefghijkmnopqrstuvwxyz";
        let avoid: Vec<String> = letters
            .chars()
            .flat_map(|a| letters.chars().map(move |b| format!("{a}{b}a{a}e{b}")))
            .collect();
        let all = super::parts(&avoid);
        for _ in 0..20 {
            let password = generate(&avoid).unwrap();
            assert!(!has_part(password.expose_secret(), &all));
        }
    }
}
