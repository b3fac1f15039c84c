//! `Config` (`countersign.yaml`): what the repository may decide.

use super::Moment;
use super::organization::OuName;
use super::windows::WindowsSpec;
use crate::name::{FieldName, ResourceName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the repository may decide; the operator's file can only be narrowed by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfigSpec {
    /// The name people read: the organization's, for mails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The IANA time zone of local dates and times.
    pub time_zone: String,
    /// The resource that owns the accounts (type `directory`).
    pub directory: ResourceName,
    /// How account names are made.
    pub naming: Naming,
    /// What may be touched.
    pub managed: Managed,
    /// How long before a user's start the account is made, disabled: `3d`, `12h`; left out: at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_ahead: Option<Span>,
    /// What becomes of those who leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leavers: Option<Leavers>,
    /// The age or SSH public key that initial passwords are encrypted to; left out: the supervisor's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_over_key: Option<String>,
    /// Up to when requests were folded into the manifests; written by `countersign fold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folded_through: Option<Moment>,
    /// How many approvers a change needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalRules>,
    /// How much one run may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guards: Option<Guards>,
    /// When changes are made, and when they wait; left out: they are made at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<WindowsSpec>,
    /// When maintainers are reminded of work that is not done; left out: after 3 and 7 working days, and
    /// after 10 whoever answers for the resource is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminders: Option<Reminders>,
    /// Words in mails, and how many of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailWording>,
    /// Paths (globs) that are not manifests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Where pull requests are opened, and what their pipelines need; left out: `ci generate` writes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipelines: Option<Pipelines>,
}

/// What `countersign ci generate` writes for a forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pipelines {
    /// The forges that the repository lies at.
    #[schemars(length(min = 1))]
    pub forges: Vec<ForgeKind>,
    /// The branch that pull requests are merged into; left out: `main`.
    #[serde(default = "main_branch", skip_serializing_if = "is_main")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9._/-]{0,99}$"))]
    pub branch: String,
    /// Where the pipelines get `countersign` from; left out: it is on the runner's `PATH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
}

/// A place where people open, review and merge pull requests.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ForgeKind {
    /// GitHub, with GitHub Actions.
    Github,
    /// GitLab, with its CI.
    Gitlab,
    /// Forgejo, with Forgejo Actions.
    Forgejo,
}

impl ForgeKind {
    /// Every forge.
    pub const ALL: [Self; 3] = [Self::Github, Self::Gitlab, Self::Forgejo];

    /// The word a manifest uses, for the forge and for a user's login there.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Forgejo => "forgejo",
        }
    }
}

/// A file that is fetched and run only if it is the one that was meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Program {
    /// Its address; `https` only, and no name or password before the host.
    #[schemars(regex(
        pattern = r"^https://[A-Za-z0-9._~:!&*+,;=%-]{1,250}([/?][A-Za-z0-9._~:/?@!&*+,;=%-]{0,250})?$"
    ))]
    pub url: String,
    /// Its SHA-256, in hexadecimal.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: String,
}

/// How account names are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Naming {
    /// The login name.
    pub login: LoginNaming,
    /// The mail address, as a template over `user` and `account.login`; left out: accounts get none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// The userPrincipalName, as a template; left out: `login@` the domain of the base DN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upn: Option<String>,
    /// The account's common name, as a template; left out: the display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cn: Option<String>,
}

/// How login names are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginNaming {
    /// Longest login name; Active Directory takes 20 characters at most.
    #[serde(default = "twenty")]
    #[schemars(range(min = 3, max = 20))]
    pub max_length: u32,
    /// Whether a number is put behind the first candidate when all are taken.
    #[serde(default = "yes")]
    pub then_number: bool,
    /// Templates over `user`, the best first.
    #[schemars(length(min = 1))]
    pub candidates: Vec<String>,
}

/// What may be touched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Managed {
    /// OUs whose accounts are managed, each outermost first, relative to the base DN.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ous: Vec<Vec<OuName>>,
    /// The OU leavers are moved to; left out: they stay where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub leavers_ou: Option<Vec<OuName>>,
    /// Managed groups: sAMAccountNames or globs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Managed attributes; left out: every field of the directory resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Vec<FieldName>>,
    /// What is done with members nobody asked for; left out: additive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub membership: Option<Membership>,
    /// Groups (globs) whose membership is exact all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exact: Vec<String>,
}

/// What becomes of those who leave: disabled at once, everything managed taken, nothing deleted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Leavers {
    /// The account's `description` from then on, as a template over `user` and `departure` (`reason`,
    /// `date`, `request`); left out: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Groups that are taken only some time after; all others go at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strip_after: Vec<StripAfter>,
}

/// Groups that those who leave keep for a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StripAfter {
    /// sAMAccountNames or globs.
    #[schemars(length(min = 1))]
    pub groups: Vec<String>,
    /// How long after the departure they go: `30d`, `12h`.
    pub after: Span,
}

/// A span of time: so many days or hours, `3d` or `12h`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Span(#[schemars(regex(pattern = r"^[1-9][0-9]{0,3}[dh]$"))] pub String);

impl Span {
    /// The span; days are calendar days in the time zone it is added in.
    pub fn span(&self) -> jiff::Span {
        let (number, unit) = self.0.split_at(self.0.len().saturating_sub(1));
        let number: i64 = number.parse().unwrap_or(0);
        match unit {
            "h" => jiff::Span::new().hours(number),
            _ => jiff::Span::new().days(number),
        }
    }

    /// So long after an instant.
    pub fn after(&self, instant: jiff::Timestamp, zone: &jiff::tz::TimeZone) -> jiff::Timestamp {
        let zoned = instant.to_zoned(zone.clone());
        let end = zoned.checked_add(self.span());
        end.map_or(jiff::Timestamp::MAX, |end| end.timestamp())
    }

    /// So long before an instant.
    pub fn before(&self, instant: jiff::Timestamp, zone: &jiff::tz::TimeZone) -> jiff::Timestamp {
        let zoned = instant.to_zoned(zone.clone());
        let start = zoned.checked_sub(self.span());
        start.map_or(jiff::Timestamp::MIN, |start| start.timestamp())
    }
}

/// What is done with members nobody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Membership {
    /// They stay: only what was granted from here is taken away again.
    Additive,
    /// They go.
    Exact,
}

/// How many approvers a change needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovalRules {
    /// For an ordinary change.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 9))]
    pub ordinary: u32,
    /// For a change of who controls what.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 9))]
    pub control: u32,
}

/// How much one run may do; the smaller of these and the operator's limits holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Guards {
    /// Accounts created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creates: Option<Limit>,
    /// Accounts disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disables: Option<Limit>,
    /// Memberships and grants removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removals: Option<Limit>,
}

/// A limit: the larger of a count and a percentage of what is managed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limit {
    /// So many.
    pub count: u32,
    /// Or so many percent of what is managed.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    pub percent: f64,
}

/// When work that is not done is asked for again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reminders {
    /// So many working days after their first mail maintainers are reminded; left out: 3 and 7; empty: never.
    #[serde(default = "three_and_seven")]
    #[schemars(length(max = 20), inner(range(min = 1, max = 250)))]
    pub after: Vec<u32>,
    /// So many working days after the first mail whoever answers for the resource is told: its owner,
    /// else the administrators; left out: 10; 0: never.
    #[serde(default = "ten")]
    #[schemars(range(min = 0, max = 250))]
    pub escalate_after: u32,
    /// Which days are working days; left out: Monday to Friday.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<WorkCalendar>,
}

impl Default for Reminders {
    fn default() -> Self {
        Self {
            after: three_and_seven(),
            escalate_after: ten(),
            calendar: None,
        }
    }
}

/// Which days are working days, in the time zone of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkCalendar {
    /// The days of a week; left out: Monday to Friday.
    #[serde(default = "monday_to_friday")]
    #[schemars(length(min = 1, max = 7))]
    pub workdays: Vec<Weekday>,
    /// Dates on which nobody works all the same: `"2027-12-24"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<Day>,
}

impl Default for WorkCalendar {
    fn default() -> Self {
        Self {
            workdays: monday_to_friday(),
            holidays: Vec::new(),
        }
    }
}

/// A day of the week.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A date, as `2027-12-24`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Day(#[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))] pub String);

impl Day {
    /// The date; none where the calendar has no such day.
    pub fn date(&self) -> Option<jiff::civil::Date> {
        self.0.parse().ok()
    }
}

/// Words in mails, and how many of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MailWording {
    /// What stands in front of every subject, in brackets; left out: the display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_prefix: Option<String>,
    /// What stands at the foot of every mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// How many mails an address gets in a day at most; what is more waits for the next day, unless it is
    /// about somebody who leaves; left out: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub per_day: Option<u32>,
}

fn three_and_seven() -> Vec<u32> {
    vec![3, 7]
}

fn ten() -> u32 {
    10
}

fn monday_to_friday() -> Vec<Weekday> {
    use Weekday::{Friday, Monday, Thursday, Tuesday, Wednesday};
    vec![Monday, Tuesday, Wednesday, Thursday, Friday]
}

fn twenty() -> u32 {
    20
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}

fn two() -> u32 {
    2
}

fn main_branch() -> String {
    "main".into()
}

fn is_main(branch: &str) -> bool {
    branch == "main"
}
