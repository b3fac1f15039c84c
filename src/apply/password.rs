//! Initial passwords: 24 characters of four classes from the operating system's generator.

use rand::TryRng;
use rand::rngs::SysRng;
use secrecy::SecretString;
use zeroize::Zeroizing;

/// Characters of a password: far beyond what any policy asks (AD.md 45).
const LENGTH: usize = 24;

const CLASSES: [&[u8]; 4] = [
    b"abcdefghijkmnopqrstuvwxyz",
    b"ABCDEFGHJKLMNPQRSTUVWXYZ",
    b"23456789",
    b"!#%+-./:=?@_~",
];

/// Makes a password. It has every class, and no look-alikes (`l`, `I`, `1`, `O`, `0`).
///
/// # Errors
/// When the operating system gives no randomness.
pub fn generate() -> Result<SecretString, rand::rngs::SysError> {
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
    use secrecy::ExposeSecret;
    use std::collections::BTreeSet;

    /// AD 45.
    #[test]
    fn passwords_are_long_mixed_and_never_the_same() {
        let mut seen = BTreeSet::new();
        for _ in 0..500 {
            let password = generate().unwrap();
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
}
