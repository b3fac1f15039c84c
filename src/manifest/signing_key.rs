//! The text of a signing key in a manifest → the public keys in it, as far as their form tells: SSH
//! (RFC 4253 6.6, RFC 5656, RFC 8709, OpenSSH's PROTOCOL.u2f) and OpenPGP (RFC 9580).
//!
//! No tool is run: whether an OpenPGP key is expired or revoked shows when somebody signs with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Begins an OpenPGP key as text.
const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// Ends one.
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// The packet type of a primary key (RFC 9580 5.5.1.1).
const PUBLIC_KEY: u8 = 6;

/// A public key as it is compared: the same bytes are the same key, however its text is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SigningKey(Vec<u8>);

/// Why a text is no signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// It begins as one and is none.
    #[error("it begins as a public key and is none: something of it is missing or mistyped")]
    Malformed,
    /// It is a certificate.
    #[error("it is a certificate, and only the key itself is taken")]
    Certificate,
}

impl SigningKey {
    /// The keys of a text: one of SSH, at least one of OpenPGP.
    ///
    /// # Errors
    /// [`SigningKeyError`] where something of it is no key.
    pub fn all(text: &str) -> Result<Vec<Self>, SigningKeyError> {
        match text.trim_start().starts_with(BEGIN) {
            true => openpgp(text),
            false => ssh(text).map(|key| vec![key]),
        }
    }
}

/// A line of a `.pub` file.
fn ssh(text: &str) -> Result<SigningKey, SigningKeyError> {
    let malformed = SigningKeyError::Malformed;
    let mut parts = text.split_ascii_whitespace();
    let (kind, key) = (parts.next(), parts.next());
    let (kind, key) = kind.zip(key).ok_or(malformed)?;
    if kind.contains("-cert-") {
        return Err(SigningKeyError::Certificate);
    }
    let blob = STANDARD.decode(key).map_err(|_| malformed)?;
    let parts = strings(&blob).ok_or(malformed)?;
    let (first, rest) = parts.split_first().ok_or(malformed)?;
    // Exponents and moduli have no fixed length; nobody makes an RSA key of less than 1,024 bits.
    let fits = match (kind, rest) {
        ("ssh-ed25519", [key]) => key.len() == 32,
        ("sk-ssh-ed25519@openssh.com", [key, _]) => key.len() == 32,
        ("ssh-rsa", [exponent, modulus]) => !exponent.is_empty() && modulus.len() >= 128,
        ("ssh-ed25519" | "sk-ssh-ed25519@openssh.com" | "ssh-rsa", _) => false,
        (_, rest) => rest.len() >= 2 && rest.iter().all(|part| !part.is_empty()),
    };
    match fits && *first == kind.as_bytes() {
        true => Ok(SigningKey(blob)),
        false => Err(malformed),
    }
}

/// The strings that a text of SSH's consists of (RFC 4251 5), to its very end.
fn strings(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (part, rest) = rest.split_at_checked(length)?;
        found.push(part);
        bytes = rest;
    }
    Some(found)
}

/// The primary keys of one block or several.
fn openpgp(text: &str) -> Result<Vec<SigningKey>, SigningKeyError> {
    let malformed = SigningKeyError::Malformed;
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim_end);
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        if line != BEGIN {
            return Err(malformed);
        }
        let mut block: Vec<&str> = Vec::new();
        loop {
            match lines.next() {
                Some(END) => break,
                Some(line) => block.push(line),
                None => return Err(malformed),
            }
        }
        let keys = unarmored(&block).as_deref().and_then(primary_keys);
        found.extend(keys.filter(|keys| !keys.is_empty()).ok_or(malformed)?);
    }
    Ok(found)
}

/// What stands in a block (RFC 9580 6.2): headers, an empty line, base64 and perhaps its checksum.
fn unarmored(block: &[&str]) -> Option<Vec<u8>> {
    let empty = block.iter().position(|line| line.is_empty())?;
    let mut body: Vec<&str> = block[empty + 1..].to_vec();
    while body.last().is_some_and(|line| line.is_empty()) {
        body.pop();
    }
    let checksum = body.pop_if(|line| line.starts_with('='));
    let bytes = STANDARD.decode(body.concat()).ok()?;
    let same = match checksum.map(|text| STANDARD.decode(&text[1..])) {
        None => true,
        Some(sum) => sum.is_ok_and(|sum| sum == crc24(&bytes)),
    };
    same.then_some(bytes)
}

/// The checksum of a block (RFC 9580 6.1).
fn crc24(bytes: &[u8]) -> [u8; 3] {
    let mut crc: u32 = 0x00b7_04ce;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4cfb;
            }
        }
    }
    let [_, high, middle, low] = crc.to_be_bytes();
    [high, middle, low]
}

/// The primary keys among packets (RFC 9580 4.2), which must go to the very end.
fn primary_keys(mut bytes: &[u8]) -> Option<Vec<SigningKey>> {
    let mut found = Vec::new();
    while let Some((tag, rest)) = bytes.split_first() {
        let (kind, length, rest) = match (tag & 0x80 != 0, tag & 0x40 != 0) {
            (false, _) => return None,
            (true, true) => {
                let (length, rest) = new_length(rest)?;
                (tag & 0x3f, length, rest)
            }
            (true, false) => {
                let size = match tag & 0x03 {
                    0 => 1,
                    1 => 2,
                    2 => 4,
                    _ => return None,
                };
                let (length, rest) = number(rest, size)?;
                ((tag >> 2) & 0x0f, length, rest)
            }
        };
        let (body, rest) = rest.split_at_checked(length)?;
        if kind == PUBLIC_KEY {
            found.push(SigningKey(body.to_vec()));
        }
        bytes = rest;
    }
    Some(found)
}

/// A length of the newer form; a key has none that is told in parts.
fn new_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0..=191 => Some((usize::from(*first), rest)),
        192..=223 => {
            let (second, rest) = rest.split_first()?;
            let length = (usize::from(*first) - 192) * 256 + usize::from(*second) + 192;
            Some((length, rest))
        }
        224..=254 => None,
        255 => number(rest, 4),
    }
}

fn number(bytes: &[u8], size: usize) -> Option<(usize, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(size)?;
    let number = digits
        .iter()
        .fold(0usize, |sum, byte| (sum << 8) | usize::from(*byte));
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGRqlnKzeZiKNELAzCttVZkNupTwSeBKnrZdutwVMgiW";

    const OPENPGP: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawwy9hYJKwYBBAHaRw8BAQdAsWNfm1QWA2jZhqNrAdIgP5e0SU1fHE2TsCGa
pWlafYy0EGtpbUB0b3duLmV4YW1wbGWIkAQTFggAOBYhBKHwPtuiFecnHzgRQh1K
trAoNSFhBQJrDDL2AhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJEB1KtrAo
NSFhMfkA/2xpZ6gDyJ81zX4T/FQgR/3gDhcgakY2kabLhVElgXR2AP99cg+axCoL
xaACiymWdPxlc5Cn/2DLReYSEJN2cUsYBg==
=VaYM
-----END PGP PUBLIC KEY BLOCK-----
";

    #[test]
    fn what_is_no_key_is_told_from_keys() {
        for text in [
            "ssh-ed25519 AAAA",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGRqlnKzeZiKNELAzCttVZkNupTwSeBKnrZdutwVMgi",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGRqlnKzeZiKNELAzCttVZkNupTwSeBKnrZdutwVMgiX=",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5",
            "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIGRqlnKzeZiKNELAzCttVZkNupTwSeBKnrZdutwVMgiW",
            "ssh-rsa",
            "",
        ] {
            assert_eq!(
                SigningKey::all(text),
                Err(SigningKeyError::Malformed),
                "{text}"
            );
        }
        let certificate = "ssh-ed25519-cert-v01@openssh.com AAAA";
        let error = Err(SigningKeyError::Certificate);
        assert_eq!(SigningKey::all(certificate), error);
    }

    #[test]
    fn a_key_is_the_same_whatever_its_comment() {
        let key = SigningKey::all(ED25519).unwrap();
        assert_eq!(key.len(), 1);
        assert_eq!(SigningKey::all(&format!("{ED25519} kim@town")), Ok(key));
    }

    #[test]
    fn an_openpgp_key_is_the_same_whatever_stands_around_it() {
        let key = SigningKey::all(OPENPGP).unwrap();
        assert_eq!(key.len(), 1);
        let headed = OPENPGP.replacen("\n\n", "\nComment: Kim\n\n", 1);
        assert_eq!(SigningKey::all(&headed), Ok(key.clone()));
        let twice = format!("{OPENPGP}\n{OPENPGP}");
        assert_eq!(SigningKey::all(&twice), Ok([key.clone(), key].concat()));
    }

    #[test]
    fn an_openpgp_block_with_something_missing_or_mistyped_is_none() {
        let lines: Vec<&str> = OPENPGP.lines().collect();
        let without = |at: usize| {
            let mut lines = lines.clone();
            lines.remove(at);
            lines.join("\n")
        };
        for text in [
            without(3),
            without(lines.len() - 1),
            format!("{BEGIN}\n\n{END}\n"),
            format!("{BEGIN}\n\nAAAA\n{END}\n"),
            format!("{OPENPGP}more\n"),
        ] {
            assert_eq!(
                SigningKey::all(&text),
                Err(SigningKeyError::Malformed),
                "{text}"
            );
        }
    }
}
