//! A signature and the keys that are known → the user who signed, as `ssh-keygen` and `gpg` see it.
//!
//! Decision: not `git verify-commit`. Which program it runs, which keys it trusts and which objects
//! it is shown are matters of the operator's own git configuration. Here the bytes come from
//! [`crate::source::objects`], the keys from one revision of the repository, and the tools run with
//! an empty environment in a private folder.

use crate::name::UserName;
use crate::source::objects::Signed;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Begins an OpenPGP key as text.
pub const OPENPGP_KEY: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// Begins an SSH signature.
const SSH_SIGNATURE: &[u8] = b"-----BEGIN SSH SIGNATURE-----";

/// Begins an OpenPGP signature.
const OPENPGP_SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";

/// The namespace that git signs in (gitformat-signature).
const NAMESPACE: &str = "git";

/// Who signed something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signer {
    /// A user, with a key of theirs.
    User {
        /// Who.
        user: UserName,
        /// The key, as people compare it: `SHA256:…` or an OpenPGP fingerprint.
        key: String,
    },
    /// Nobody signed it.
    Nobody,
    /// A signature that is whole and that no key of the revision made.
    Unknown,
    /// A signature that counts for nobody, and why.
    Refused(String),
}

/// Why it cannot be told who signed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum SignatureError {
    #[error("`{program}` cannot be run, and signatures are checked with it: install {package}")]
    Program {
        program: &'static str,
        package: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("a private folder for checking signatures cannot be used")]
    Folder(#[from] io::Error),
}

/// The keys of one revision, and whose they are.
#[derive(Debug)]
pub struct KeyRing {
    /// SSH keys, `type base64`, and everybody who has each.
    ssh: BTreeMap<String, BTreeSet<UserName>>,
    /// OpenPGP keys as text, by user.
    openpgp: Vec<(UserName, String)>,
    place: OnceCell<Place>,
}

#[derive(Debug)]
struct Place {
    folder: tempfile::TempDir,
    /// Who has an OpenPGP key, by fingerprint.
    fingerprints: BTreeMap<String, BTreeSet<UserName>>,
}

impl KeyRing {
    /// The keys of these users.
    pub fn new<'k>(keys: impl IntoIterator<Item = (&'k UserName, &'k [String])>) -> Self {
        let mut ssh: BTreeMap<String, BTreeSet<UserName>> = BTreeMap::new();
        let mut openpgp = Vec::new();
        for (user, texts) in keys {
            for text in texts {
                if text.trim_start().starts_with(OPENPGP_KEY) {
                    openpgp.push((user.clone(), text.clone()));
                } else if let Some(key) = ssh_key(text) {
                    ssh.entry(key).or_default().insert(user.clone());
                }
            }
        }
        Self {
            ssh,
            openpgp,
            place: OnceCell::new(),
        }
    }

    /// Who signed.
    ///
    /// # Errors
    /// [`SignatureError`] when a tool cannot be run: then nothing is known.
    pub fn signer(&self, signed: Option<&Signed>) -> Result<Signer, SignatureError> {
        let Some(signed) = signed else {
            return Ok(Signer::Nobody);
        };
        if signed.signature.starts_with(SSH_SIGNATURE) {
            self.by_ssh(signed)
        } else if signed.signature.starts_with(OPENPGP_SIGNATURE) {
            self.by_openpgp(signed)
        } else {
            let why = "the signature is neither SSH's nor OpenPGP's";
            Ok(Signer::Refused(why.into()))
        }
    }

    fn place(&self) -> Result<&Place, SignatureError> {
        if let Some(place) = self.place.get() {
            return Ok(place);
        }
        // The path of GnuPG's socket must be short (108 bytes), so the folder's is.
        let folder = tempfile::Builder::new().prefix("cs-").tempdir()?;
        let place = Place {
            fingerprints: BTreeMap::new(),
            folder,
        };
        self.ssh_file(place.folder.path())?;
        let fingerprints = self.import(place.folder.path())?;
        Ok(self.place.get_or_init(|| Place {
            fingerprints,
            ..place
        }))
    }

    /// Writes the allowed signers: a line for every key, under its own text, so that two users with
    /// one key cannot be confused.
    fn ssh_file(&self, folder: &Path) -> io::Result<()> {
        let mut text = String::new();
        for (number, key) in self.ssh.keys().enumerate() {
            text.push_str(&format!("key-{number} namespaces=\"{NAMESPACE}\" {key}\n"));
        }
        fs::write(folder.join("allowed"), text)
    }

    fn by_ssh(&self, signed: &Signed) -> Result<Signer, SignatureError> {
        let folder = self.place()?.folder.path();
        let (allowed, signature) = (folder.join("allowed"), folder.join("signature"));
        fs::write(&signature, &signed.signature)?;
        let tool = |arguments: &[&OsStr]| {
            self::tool(
                "ssh-keygen",
                "openssh-client",
                folder,
                arguments,
                &signed.payload,
            )
        };
        let found = tool(&[
            "-Y".as_ref(),
            "find-principals".as_ref(),
            "-f".as_ref(),
            allowed.as_os_str(),
            "-s".as_ref(),
            signature.as_os_str(),
        ])?;
        let names = String::from_utf8_lossy(&found.stdout).into_owned();
        let name = names.lines().next().unwrap_or_default();
        let number = name.strip_prefix("key-").and_then(|n| n.parse().ok());
        let entry = number.and_then(|number: usize| self.ssh.iter().nth(number));
        let (true, Some((key, users))) = (found.status.success(), entry) else {
            // Whether it is whole does not matter: nobody here made it.
            return Ok(Signer::Unknown);
        };
        let verified = tool(&[
            "-Y".as_ref(),
            "verify".as_ref(),
            "-f".as_ref(),
            allowed.as_os_str(),
            "-I".as_ref(),
            name.as_ref(),
            "-n".as_ref(),
            NAMESPACE.as_ref(),
            "-s".as_ref(),
            signature.as_os_str(),
        ])?;
        if !verified.status.success() {
            let why = "the SSH signature does not fit what it stands under";
            return Ok(Signer::Refused(why.into()));
        }
        Ok(of(users, &shown(key)))
    }

    /// Puts the keys into a key ring of their own; whose each is, by fingerprint.
    fn import(
        &self,
        folder: &Path,
    ) -> Result<BTreeMap<String, BTreeSet<UserName>>, SignatureError> {
        let mut fingerprints: BTreeMap<String, BTreeSet<UserName>> = BTreeMap::new();
        for (user, text) in &self.openpgp {
            let show = ["--with-colons", "--import-options", "show-only", "--import"];
            let shown = gpg(folder, &show.map(OsStr::new), text.as_bytes())?;
            let mut after_key = false;
            for line in String::from_utf8_lossy(&shown.stdout).lines() {
                let mut fields = line.split(':');
                match fields.next() {
                    Some("pub") => after_key = true,
                    Some("fpr") if after_key => {
                        after_key = false;
                        let fingerprint = fields.nth(8).unwrap_or_default().to_owned();
                        fingerprints
                            .entry(fingerprint)
                            .or_default()
                            .insert(user.clone());
                    }
                    _ => {}
                }
            }
            gpg(folder, &["--import".as_ref()], text.as_bytes())?;
        }
        Ok(fingerprints)
    }

    fn by_openpgp(&self, signed: &Signed) -> Result<Signer, SignatureError> {
        let place = self.place()?;
        let folder = place.folder.path();
        let signature = folder.join("signature");
        fs::write(&signature, &signed.signature)?;
        let arguments = ["--status-fd", "1", "--verify"].map(OsStr::new);
        let arguments: Vec<&OsStr> = arguments
            .into_iter()
            .chain([signature.as_os_str(), "-".as_ref()])
            .collect();
        let out = gpg(folder, &arguments, &signed.payload)?;
        Ok(verdict(&String::from_utf8_lossy(&out.stdout), place))
    }
}

/// What GnuPG's status lines (doc/DETAILS) say: one good signature of a key that is valid now, and
/// nothing else.
fn verdict(status: &str, place: &Place) -> Signer {
    let lines = status.lines().filter_map(|l| l.strip_prefix("[GNUPG:] "));
    let lines: Vec<Vec<&str>> = lines.map(|l| l.split(' ').collect()).collect();
    let all = |word: &str| {
        let word = word.to_owned();
        let of = lines
            .iter()
            .filter(move |l| l.first() == Some(&word.as_str()));
        of.collect::<Vec<_>>()
    };
    let has = |word: &str| !all(word).is_empty();
    if all("NEWSIG").len() > 1 || all("VALIDSIG").len() > 1 {
        return Signer::Refused("there is more than one OpenPGP signature".into());
    }
    for (word, why) in [
        ("REVKEYSIG", "the OpenPGP key it was made with is revoked"),
        ("EXPKEYSIG", "the OpenPGP key it was made with has expired"),
        ("EXPSIG", "the OpenPGP signature has expired"),
        (
            "BADSIG",
            "the OpenPGP signature does not fit what it stands under",
        ),
    ] {
        if has(word) {
            return Signer::Refused(why.into());
        }
    }
    if has("NO_PUBKEY") {
        return Signer::Unknown;
    }
    let [valid] = all("VALIDSIG")[..] else {
        return Signer::Refused("GnuPG takes the signature for no good one".into());
    };
    // The last field is the fingerprint of the primary key, whichever subkey signed.
    let fingerprint = valid.get(10).copied().unwrap_or_default();
    match place.fingerprints.get(fingerprint) {
        Some(users) if has("GOODSIG") => of(users, fingerprint),
        _ => Signer::Refused("GnuPG takes the signature for no good one".into()),
    }
}

/// The one user who has a key.
fn of(users: &BTreeSet<UserName>, key: &str) -> Signer {
    let mut each = users.iter();
    match (each.next(), each.next()) {
        (Some(user), None) => Signer::User {
            user: user.clone(),
            key: key.to_owned(),
        },
        _ => {
            let names: Vec<&str> = users.iter().map(UserName::as_str).collect();
            Signer::Refused(format!(
                "the key {key} is that of several users ({}): a key is one person's",
                names.join(", ")
            ))
        }
    }
}

/// An SSH public key without its comment: `type base64`; none where it is not one.
pub fn ssh_key(text: &str) -> Option<String> {
    let mut parts = text.split_ascii_whitespace();
    let (kind, key) = (parts.next()?, parts.next()?);
    let kind_fits = ["ssh-", "ecdsa-sha2-", "sk-"]
        .iter()
        .any(|k| kind.starts_with(k))
        && kind
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-@.".contains(&b))
        && !kind.contains("-cert-");
    let is_base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
    let fits = kind_fits && !key.is_empty() && key.bytes().all(is_base64);
    fits.then(|| format!("{kind} {key}"))
}

/// An SSH key as `ssh-keygen -l` and forges show it.
fn shown(key: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
    use sha2::{Digest as _, Sha256};
    let blob = key
        .split_once(' ')
        .and_then(|(_, k)| STANDARD.decode(k).ok());
    let digest = Sha256::digest(blob.unwrap_or_default());
    format!("SHA256:{}", STANDARD_NO_PAD.encode(digest))
}

fn gpg(folder: &Path, arguments: &[&OsStr], input: &[u8]) -> Result<Output, SignatureError> {
    let fixed = [
        "--homedir".as_ref(),
        folder.as_os_str(),
        "--batch".as_ref(),
        "--no-tty".as_ref(),
        "--no-options".as_ref(),
        "--no-autostart".as_ref(),
        "--no-auto-key-retrieve".as_ref(),
        "--disable-dirmngr".as_ref(),
        "--trust-model".as_ref(),
        "always".as_ref(),
    ];
    let arguments: Vec<&OsStr> = fixed.into_iter().chain(arguments.iter().copied()).collect();
    tool("gpg", "gnupg", folder, &arguments, input)
}

/// Runs a tool that knows nothing of whose machine it is on.
///
/// # Errors
/// [`SignatureError`] when it cannot be run.
pub fn tool(
    program: &'static str,
    package: &'static str,
    folder: &Path,
    arguments: &[&OsStr],
    input: &[u8],
) -> Result<Output, SignatureError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let started = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder)
        .env("LC_ALL", "C")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = started.map_err(|source| SignatureError::Program {
        program,
        package,
        source,
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // A tool that knows enough before it has read everything hangs up.
        let written = stdin.write_all(input);
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            return Err(error.into());
        }
    }
    Ok(child.wait_with_output()?)
}
