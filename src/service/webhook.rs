//! A call of a forge → whether it is really the forge: GitHub and Forgejo sign the body
//! (HMAC-SHA-256), GitLab sends the secret itself.
//!
//! Invariant: a call only wakes the loop. Nothing in its body is read.

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret as _, SecretString};

/// What a forge sends to prove itself: the header's name, in lower case, and what its value is.
const HEADERS: [(&str, Proof); 4] = [
    ("x-hub-signature-256", Proof::Signature("sha256=")),
    ("x-forgejo-signature", Proof::Signature("")),
    ("x-gitea-signature", Proof::Signature("")),
    ("x-gitlab-token", Proof::Secret),
];

#[derive(Debug, Clone, Copy)]
enum Proof {
    /// The body's HMAC-SHA-256 in hex, after this prefix.
    Signature(&'static str),
    /// The secret itself.
    Secret,
}

/// Whether a call with this body was made by somebody who has the secret. `header` gives a header's
/// value by its name in lower case.
pub fn is_genuine<'a>(
    body: &[u8],
    header: &dyn Fn(&str) -> Option<&'a str>,
    secret: &SecretString,
) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    HEADERS.iter().any(|(name, proof)| {
        let Some(value) = header(name) else {
            return false;
        };
        match proof {
            Proof::Signature(prefix) => value
                .strip_prefix(prefix)
                .and_then(bytes)
                .is_some_and(|signature| hmac::verify(&key, body, &signature).is_ok()),
            // Compared by what both sign, so that the time it takes tells nothing of the secret.
            Proof::Secret => {
                let theirs = hmac::sign(
                    &hmac::Key::new(hmac::HMAC_SHA256, value.as_bytes()),
                    b"countersign",
                );
                hmac::verify(&key, b"countersign", theirs.as_ref()).is_ok()
            }
        }
    })
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GitHub's own example ("Validating webhook deliveries", docs.github.com).
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn each_forge_proves_itself_and_nobody_else_does() {
        let secret = SecretString::from(SECRET);
        let asked = |name: &str, value: &str| {
            let given = |header: &str| (header == name).then_some(value);
            is_genuine(BODY, &given, &secret)
        };
        assert!(asked("x-hub-signature-256", &format!("sha256={SIGNATURE}")));
        assert!(asked("x-forgejo-signature", SIGNATURE));
        assert!(asked("x-gitea-signature", SIGNATURE));
        assert!(asked("x-gitlab-token", SECRET));
        for (name, value) in [
            ("x-hub-signature-256", SIGNATURE.to_owned()),
            ("x-hub-signature-256", format!("sha256={}", &SIGNATURE[2..])),
            ("x-hub-signature-256", "sha256=".to_owned()),
            ("x-forgejo-signature", SIGNATURE.replace('7', "8")),
            ("x-forgejo-signature", "zz".to_owned()),
            ("x-gitlab-token", "it's a secret to everybody".to_owned()),
            ("x-gitlab-token", String::new()),
            ("x-other", SECRET.to_owned()),
        ] {
            assert!(!asked(name, &value), "{name}: {value}");
        }
    }
}
