//! The operator's file as it is written: its fields, and the source of `schema/operator.json`.
//!
//! Each section is read for itself, so [`Settings`] as a whole is the schema's only.
//!
//! Decision: addresses and names of secrets have no pattern here. What breaks a pattern is quoted in
//! the message, and somebody may have written a password there.

use crate::manifest::MailAddress;
use crate::manifest::config::Limit;
use crate::name::{FieldName, ResourceName};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What a pull request must never decide: servers, secrets, outer limits.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code)]
pub(super) struct Settings {
    /// The version of this file's form: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The access repository.
    pub repository: Repository,
    /// What the approval of a commit rests on.
    pub evidence: Evidence,
    /// The SSH private key that signs the record, without a passphrase; needed where that has a branch.
    #[serde(default)]
    pub signing_key: Option<SecretReference>,
    /// The outermost limits; the repository can only narrow them.
    pub outer: Outer,
    /// The directories, by the name of their resource.
    #[serde(default)]
    pub directories: BTreeMap<ResourceName, Directory>,
    /// The roster files, by the name of their resource.
    #[serde(default)]
    pub rosters: BTreeMap<ResourceName, Roster>,
    /// How mail is sent.
    pub mail: Mail,
    /// Where the record is kept.
    pub ledger: Ledger,
    /// Where encrypted first passwords go; left out: `/var/lib/countersign/hand-over`.
    #[serde(default)]
    pub hand_over: Option<HandOver>,
    /// How `countersign run` goes on.
    #[serde(default)]
    pub run: Option<Run>,
    /// Exports that manual work is checked against, by the key manifests name them by.
    #[serde(default)]
    pub read_back: BTreeMap<String, ReadBack>,
}

/// The access repository.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Repository {
    /// Where it is: `https://`, `ssh://`, `user@host:path`, or an absolute path; never with a password.
    pub url: String,
    /// The branch that is followed; left out: `main`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}$"))]
    pub branch: Option<String>,
    /// The commit that is trusted without evidence: 40 hex digits, in quotes.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[0-9a-f]{40}$"))]
    pub bootstrap: Option<String>,
    /// How long git may take to fetch, as `90s` or `5m`; left out: `60s`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[1-9][0-9]{0,3}[sm]$"))]
    pub timeout: Option<String>,
}

/// What the approval of a commit rests on.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Evidence {
    /// How it is told that a commit is approved.
    pub module: EvidenceModule,
    /// Which software the forge is. With `forge-reviews`.
    #[serde(default)]
    pub forge: Option<ForgeSoftware>,
    /// Where people open the forge: `https://host`; left out: github.com or gitlab.com. With `forge-reviews`.
    #[serde(default)]
    pub url: Option<String>,
    /// The access repository on the forge: `owner/name`. With `forge-reviews`.
    #[serde(default)]
    pub repository: Option<String>,
    /// The certificates (PEM) that the forge's must be signed by; left out: the system's. With `forge-reviews`.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// Accounts that turn filled forms into pull requests, beside those the forge itself calls bots. With `forge-reviews`.
    #[serde(default)]
    #[schemars(inner(regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,98}(\[bot\])?$")))]
    pub form_bots: Vec<String>,
    /// A token that can read pull requests and issues, and nothing else. With `forge-reviews`.
    #[serde(default)]
    pub token: Option<SecretReference>,
}

/// Which software a forge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(super) enum ForgeSoftware {
    /// github.com, GitHub Enterprise Cloud or Server.
    #[serde(rename = "github")]
    GitHub,
    /// gitlab.com, or one's own GitLab.
    #[serde(rename = "gitlab")]
    GitLab,
    /// Forgejo or Gitea.
    #[serde(rename = "forgejo")]
    Forgejo,
}

/// How it is told that a commit is approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum EvidenceModule {
    /// Whatever stands on the branch is approved; the forge protects the branch.
    TrustBranch,
    /// Merges and tags are signed by approvers; needs `repository.bootstrap`.
    SignedMerge,
    /// The forge's record of reviews: needs `forge`, `repository`, `token`, and `repository.bootstrap`.
    ForgeReviews,
}

/// Where a secret comes from: exactly one of `env`, `file`, `credential`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["env"]}, {"required": ["file"]}, {"required": ["credential"]}]))]
pub(super) struct SecretReference {
    /// The name of an environment variable.
    #[serde(default)]
    pub env: Option<String>,
    /// A file that others can neither read nor write.
    #[serde(default)]
    pub file: Option<String>,
    /// The name of a systemd credential (`LoadCredential=`).
    #[serde(default)]
    pub credential: Option<String>,
}

/// The outermost limits; what is left out is limited by the repository only.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Outer {
    /// OUs (DNs) whose accounts may be managed.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub ous: Option<Vec<String>>,
    /// Groups that may be managed: sAMAccountNames or globs.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
    /// Attributes that may be managed.
    #[serde(default)]
    pub attributes: Option<Vec<FieldName>>,
    /// Domains mail may be sent to; subdomains are listed one by one. Needed with a mail server.
    #[serde(default)]
    #[schemars(inner(regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")))]
    pub recipient_domains: Option<Vec<String>>,
    /// How much one run may do.
    #[serde(default)]
    pub guards: Option<Guards>,
    /// The attribute that an existing account may be adopted by; left out: by objectGUID only.
    #[serde(default)]
    pub adopt_by_anchor: Option<FieldName>,
    /// Login names of accounts that are never touched: break-glass accounts, the account of this program.
    #[serde(default)]
    pub protected: Vec<String>,
}

/// How much one run may do; the smaller of these and the repository's limits holds.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Guards {
    /// Accounts created.
    #[serde(default)]
    pub creates: Option<Limit>,
    /// Accounts disabled.
    #[serde(default)]
    pub disables: Option<Limit>,
    /// Memberships and grants removed.
    #[serde(default)]
    pub removals: Option<Limit>,
    /// Urgent terminations a day; left out: 5.
    #[serde(default)]
    pub urgent_per_day: Option<u32>,
}

/// A directory, over LDAP or as an LDIF file: exactly one of `url`, `ldif`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["url"]}, {"required": ["ldif"]}]))]
pub(super) struct Directory {
    /// A domain controller: `ldaps://host`, or `ldap://host` with `startTls: true`.
    #[serde(default)]
    pub url: Option<String>,
    /// Whether an `ldap://` connection is encrypted before anything is sent.
    #[serde(default)]
    pub start_tls: bool,
    /// The DN everything is below. With `url`.
    #[serde(default)]
    pub base_dn: Option<String>,
    /// The certificates (PEM) that the server's must be signed by; left out: the system's. With `url`.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// The name in the server's certificate; left out: the host of the address. With `url`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$"))]
    pub server_name: Option<String>,
    /// Who Countersign is to the directory. With `url`.
    #[serde(default)]
    pub bind: Option<Bind>,
    /// A directory as an LDIF file: for trying things out, and for tests.
    #[serde(default)]
    pub ldif: Option<Ldif>,
    /// Who writes the directory; left out: Countersign itself.
    #[serde(default)]
    pub mode: Option<Mode>,
}

/// Who Countersign is to a directory.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Bind {
    /// The DN of its account.
    pub dn: String,
    /// The account's password.
    pub password: SecretReference,
}

/// A directory as an LDIF file.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Ldif {
    /// The file.
    pub file: String,
    /// The DN everything is below; left out: the first entry's.
    #[serde(default)]
    pub base_dn: Option<String>,
}

/// Who writes a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mode {
    /// Countersign does.
    Direct,
    /// Its maintainers do, from a mail; Countersign only reads.
    Maintainer,
}

/// A roster file.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Roster {
    /// The CSV file; its folder must be there.
    pub path: String,
}

/// How mail is sent, over SMTP or into a folder: exactly one of `url`, `outbox`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["url"]}, {"required": ["outbox"]}]))]
pub(super) struct Mail {
    /// The mail server: `smtps://host`, or `smtp://host` with `startTls: true`.
    #[serde(default)]
    pub url: Option<String>,
    /// Whether an `smtp://` connection is encrypted before anything is sent.
    #[serde(default)]
    pub start_tls: bool,
    /// Who mails come from.
    pub from: MailAddress,
    /// The name to log in with; left out: the address mails come from. With `url`.
    #[serde(default)]
    pub username: Option<String>,
    /// The password to log in with. With `url`.
    #[serde(default)]
    pub password: Option<SecretReference>,
    /// The certificates (PEM) that the server's must be signed by; left out: the system's. With `url`.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// How long the server may take to answer, as `45s` or `2m`; left out: `30s`. A server that looks into mails before it takes them needs longer: one that is given up too soon gets the mail once more. With `url`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[1-9][0-9]{0,3}[sm]$"))]
    pub timeout: Option<String>,
    /// A folder that mails are put into instead of sending them.
    #[serde(default)]
    pub outbox: Option<String>,
}

/// Where the record is kept.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Ledger {
    /// The file; its folder must be there.
    pub file: String,
    /// The branch that the same lines stand in, signed and pushed: so no two machines act at a time, and another one can go on. Left out beside `remote`: `countersign/ledger`. Without either, there is the file only.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}$"))]
    pub branch: Option<String>,
    /// The repository that has the branch; left out: `repository.url`.
    #[serde(default)]
    pub remote: Option<String>,
    /// SSH public keys of other reconcilers, and former ones of this: what they signed counts as well.
    #[serde(default)]
    pub trusted: Vec<String>,
    /// How long whoever writes the branch is alone.
    #[serde(default)]
    pub lease: Option<Lease>,
    /// How long git may take to fetch or push the branch, as `20s`, at most a third of the lease's term; left out: `30s`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[1-9][0-9]{0,3}[sm]$"))]
    pub timeout: Option<String>,
}

/// How long whoever writes the ledger's branch is alone.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Lease {
    /// How long after the last push, as `90s` or `5m`, from 30 seconds to an hour; left out: `90s`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[1-9][0-9]{0,3}[sm]$"))]
    pub term: Option<String>,
    /// How long one operation of a directory may take, as `60s`: who takes over waits for it. Left out: `60s`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[1-9][0-9]{0,3}[sm]$"))]
    pub longest_operation: Option<String>,
}

/// How `countersign run` goes on.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Run {
    /// How often everything is looked at even where nothing says that it changed; left out: `15m`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[1-9][0-9]{0,4}[smh]$"))]
    pub interval: Option<String>,
    /// How often the branch is fetched; left out: `15s`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[1-9][0-9]{0,4}[smh]$"))]
    pub fetch: Option<String>,
    /// How often the directory is asked whether it changed; left out: `30s`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[1-9][0-9]{0,4}[smh]$"))]
    pub poll: Option<String>,
    /// How long only what was touched is read of the directory before all of it is read again; left out: `1h`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[1-9][0-9]{0,4}[smh]$"))]
    pub read_all: Option<String>,
    /// Where metrics and health are served: an address and a port, as `127.0.0.1:9464`; left out: nowhere.
    #[serde(default)]
    pub listen: Option<String>,
    /// Where a forge may call when the branch moved; left out: nowhere.
    #[serde(default)]
    pub webhook: Option<Webhook>,
}

/// Where a forge may call when the branch moved.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Webhook {
    /// An address and a port, as `127.0.0.1:9465`; encryption is for what stands before it.
    pub listen: String,
    /// What the forge signs its calls with.
    pub secret: SecretReference,
}

/// Where encrypted first passwords go.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HandOver {
    /// The folder; only its owner can read it. It is made where it is not there.
    pub folder: String,
}

/// An export that manual work is checked against.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ReadBack {
    /// The file: LDIF where its name ends in `.ldif`, else CSV with a first line of column names.
    pub path: String,
    /// The column (or attribute) that tells whose row it is.
    #[schemars(length(min = 1, max = 200))]
    pub key: String,
    /// What of a user that column holds; left out: what the column is called.
    #[serde(default)]
    pub of: Option<KeyOf>,
    /// The column (or attribute) of the level; left out: a row says only that the user is there.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub level: Option<String>,
    /// An export older than so many hours says nothing; left out: 168, a week.
    #[serde(default)]
    #[schemars(range(min = 1, max = 8760))]
    pub max_age_hours: Option<u32>,
}

/// What of a user an export tells people by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum KeyOf {
    /// The employee number.
    EmployeeNumber,
    /// The login name in the directory.
    Login,
    /// The mail address.
    Mail,
    /// The name people read, where nobody else has it; or the name of the manifest.
    Name,
}
