//! One change, task, assumption, held change or finding → a line of words: sign, target, what, why.
//!
//! Invariant: words are either literals of this file or [`Shown`], so that a rendering can tell ours
//! from theirs.

use super::text::{self, Shown};
use crate::connector::active_directory::matching::uac;
use crate::connector::{AttributeName, Value};
use crate::desired::{Cause, Grant};
use crate::dn::Dn;
use crate::plan::task::{Task, TaskAction, TaskChange, TaskField, TaskStep};
use crate::plan::{
    Action, Assumption, Change, FieldChange, Finding, GuardResult, Held, Notice, Write,
};

/// Longest name of a person, group or entitlement shown whole, in characters.
const NAME_LONGEST: usize = 100;
/// Longest distinguished name shown whole, in characters.
const DN_LONGEST: usize = 200;
/// Longest reason or message shown whole, in characters: a short paragraph.
const PROSE_LONGEST: usize = 600;
/// So many causes are shown; a member of many profiles has more.
pub(super) const CAUSES_SHOWN: usize = 3;

/// Whether something comes, goes, changes, moves, is held, asked, or already so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Comes,
    Goes,
    Changes,
    Moves,
    Held,
    Asked,
    Told,
    AlreadySo,
}

impl Sign {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Comes => "+",
            Self::Goes => "-",
            Self::Changes => "~",
            Self::Moves => ">",
            Self::Held => "!",
            Self::Asked => "?",
            Self::Told => "@",
            Self::AlreadySo => "=",
        }
    }
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// A literal of this program, blanks included.
    Ours(&'static str),
    /// A number that was counted here.
    Count(usize),
    /// What the line is about.
    Name(Shown),
    /// What says it more precisely, set apart by its own blanks: a distinguished name, a handle.
    Aside(Shown),
    /// The code of a reason, set apart in brackets.
    Code(Shown),
    /// A sentence that may hold anything.
    Prose(Shown),
}

/// One line, with what stands below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) sign: Sign,
    pub(super) words: Vec<Word>,
    pub(super) details: Vec<Detail>,
    pub(super) reasons: Reasons,
}

/// Why, each with where that is written; none where that stands elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reasons {
    pub(super) shown: Vec<Shown>,
    /// Reasons beyond those.
    pub(super) more: usize,
}

/// A value below a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Detail {
    /// A value that comes, goes or simply is, as the line's sign says.
    Is { name: Shown, value: Shown },
    /// One value in the place of another; none: absent.
    Becomes {
        name: Shown,
        before: Option<Shown>,
        after: Option<Shown>,
    },
    /// Values that go and come among others.
    Set {
        name: Shown,
        goes: Vec<Shown>,
        comes: Vec<Shown>,
        stay: usize,
    },
    /// Why it is so, and the way out.
    Note(Vec<Word>),
}

impl Line {
    fn new(sign: Sign, words: Vec<Word>, details: Vec<Detail>, reasons: Reasons) -> Self {
        Self {
            sign,
            words,
            details,
            reasons,
        }
    }

    /// What is done, without why.
    pub(super) fn text(&self) -> String {
        plain(&self.words)
    }
}

impl Reasons {
    /// The reasons that these causes are, but for those that are given already.
    pub(super) fn of(causes: &[Cause], given: &[Cause]) -> Self {
        let rest = causes.iter().filter(|cause| !given.contains(cause));
        Self {
            shown: rest.clone().take(CAUSES_SHOWN).map(cause).collect(),
            more: rest.count().saturating_sub(CAUSES_SHOWN),
        }
    }
}

/// Words as they are read without any styling.
pub(super) fn plain(words: &[Word]) -> String {
    words.iter().fold(String::new(), |line, word| match word {
        Word::Ours(text) => line + text,
        Word::Count(number) => line + &number.to_string(),
        Word::Name(text) | Word::Prose(text) => line + text.as_str(),
        Word::Aside(text) => line + "  " + text.as_str(),
        Word::Code(text) => line + "  [" + text.as_str() + "]",
    })
}

pub(super) fn name(text: &str) -> Word {
    Word::Name(Shown::of(text, NAME_LONGEST))
}

fn code(text: &str) -> Word {
    Word::Code(Shown::of(text, NAME_LONGEST))
}

fn prose(text: &str) -> Word {
    Word::Prose(Shown::of(text.trim(), PROSE_LONGEST))
}

fn dn(dn: &Dn) -> Shown {
    Shown::of(&dn.to_string(), DN_LONGEST)
}

/// What grants it and where that is written, whose end is never cut.
fn cause(cause: &Cause) -> Shown {
    let words = Shown::of(&cause.text, NAME_LONGEST);
    let file = Shown::end_of(&cause.file, NAME_LONGEST);
    Shown::of(&format!("{words} {file}:{}", cause.line), usize::MAX)
}

/// The line of a change, to be read below the name of its user and the causes given there.
pub(super) fn change(change: &Change, given: &[Cause]) -> Line {
    use Word::Ours;
    let target = name(&change.target);
    let (sign, words) = match change.action {
        Action::Disable => (Sign::Goes, vec![Ours("disable account "), target]),
        Action::ResetPassword => (
            Sign::Goes,
            vec![
                Ours("reset password of "),
                target,
                Ours(", to one nobody knows"),
            ],
        ),
        Action::Expire => (Sign::Goes, vec![Ours("expire account "), target]),
        Action::RemoveMember => (Sign::Goes, membership(change)),
        Action::Revoke => (Sign::Goes, entitlement("revoke ", change)),
        Action::Adopt => (Sign::AlreadySo, vec![Ours("adopt account "), target]),
        Action::Create => (Sign::Comes, vec![Ours("create account "), target]),
        Action::SetPassword => (Sign::Changes, vec![Ours("set password of "), target]),
        Action::Update => (Sign::Changes, vec![Ours("update account "), target]),
        Action::Rename => (Sign::Moves, vec![Ours("rename account "), target]),
        Action::Move => (Sign::Moves, vec![Ours("move account "), target]),
        Action::Link => (Sign::Changes, vec![Ours("link account "), target]),
        Action::AddMember => (Sign::Comes, membership(change)),
        Action::Enable => (Sign::Comes, vec![Ours("enable account "), target]),
        Action::Grant => match &change.write {
            Write::Row {
                before: Some(_), ..
            } => (Sign::Changes, entitlement("update ", change)),
            Write::Row { .. }
            | Write::Adopt { .. }
            | Write::Create { .. }
            | Write::SetPassword { .. }
            | Write::ResetPassword { .. }
            | Write::Modify { .. }
            | Write::Rename { .. }
            | Write::Member { .. } => (Sign::Comes, entitlement("grant ", change)),
        },
    };
    let words = words
        .into_iter()
        .chain(place(&change.write).map(Word::Aside))
        .collect();
    let details = renaming(&change.write)
        .into_iter()
        .chain(fields(change))
        .collect();
    Line::new(sign, words, details, Reasons::of(&change.causes, given))
}

/// The line of a notice, to be read below the name of the user it is about.
pub(super) fn notice(notice: &Notice, given: &[Cause]) -> Line {
    let mut words = vec![Word::Ours("tell ")];
    for (i, recipient) in notice.to.iter().enumerate() {
        if i > 0 {
            words.push(Word::Ours(", "));
        }
        words.push(name(&recipient.mail));
    }
    words.push(Word::Ours(": "));
    words.push(prose(&notice.subject));
    let reasons = Reasons::of(&notice.causes, given);
    Line::new(Sign::Told, words, Vec::new(), reasons)
}

/// The group; and of whom, where the line stands below no user's name.
fn membership(change: &Change) -> Vec<Word> {
    let group = [Word::Ours("member of "), name(&change.what)];
    match change.user {
        Some(_) => group.into(),
        None => [name(&change.target), Word::Ours(" ")]
            .into_iter()
            .chain(group)
            .collect(),
    }
}

fn entitlement(verb: &'static str, change: &Change) -> Vec<Word> {
    let resource = name(change.resource.as_str());
    match change.what.strip_prefix(change.resource.as_str()) {
        Some(rest) if rest.trim().is_empty() => vec![Word::Ours(verb), resource],
        Some(rest) if rest.starts_with(' ') => {
            vec![
                Word::Ours(verb),
                resource,
                Word::Ours(" "),
                name(rest.trim()),
            ]
        }
        Some(_) | None if change.what.is_empty() => vec![Word::Ours(verb), resource],
        Some(_) | None => vec![
            Word::Ours(verb),
            resource,
            Word::Ours(" "),
            name(&change.what),
        ],
    }
}

/// Where an account stands or will stand, where people would want to know it.
fn place(write: &Write) -> Option<Shown> {
    match write {
        Write::Adopt { dn: place, .. } | Write::Create { dn: place, .. } => Some(dn(place)),
        Write::SetPassword { .. }
        | Write::ResetPassword { .. }
        | Write::Modify { .. }
        | Write::Rename { .. }
        | Write::Member { .. }
        | Write::Row { .. } => None,
    }
}

/// The common name and the place, each where it changes.
fn renaming(write: &Write) -> Vec<Detail> {
    let Write::Rename {
        dn: from,
        rdn,
        parent,
        ..
    } = write
    else {
        return Vec::new();
    };
    let becomes = |name: &str, before: Option<Shown>, after: Shown| Detail::Becomes {
        name: Shown::of(name, NAME_LONGEST),
        before,
        after: Some(after),
    };
    let named = (!from.rdn().same_spelling(rdn)).then(|| {
        let before = Shown::of(&from.rdn().to_string(), DN_LONGEST);
        becomes(
            "name",
            Some(before),
            Shown::of(&rdn.to_string(), DN_LONGEST),
        )
    });
    let placed = (from.parent().as_ref() != Some(parent))
        .then(|| becomes("place", from.parent().as_ref().map(dn), dn(parent)));
    named.into_iter().chain(placed).collect()
}

fn fields(change: &Change) -> Vec<Detail> {
    let says_it_already = |field: &&FieldChange| match change.action {
        Action::Disable | Action::Enable => is_only_the_switch(field),
        Action::RemoveMember | Action::AddMember => field.name.is("member"),
        Action::Rename | Action::Move => field.name.is("distinguishedName"),
        Action::Revoke
        | Action::Adopt
        | Action::Create
        | Action::SetPassword
        | Action::ResetPassword
        | Action::Expire
        | Action::Update
        | Action::Link
        | Action::Grant => false,
    };
    let fields = change.fields.iter().filter(|field| !says_it_already(field));
    fields
        .flat_map(|field| details(change.action, field))
        .collect()
}

/// Whether nothing of userAccountControl changes but that the account can be logged on to.
fn is_only_the_switch(field: &FieldChange) -> bool {
    let bits = |values: &[Value]| match values {
        [value] => value.text().and_then(uac::parse),
        _ => None,
    };
    field.name.is("userAccountControl")
        && bits(&field.before)
            .zip(bits(&field.after))
            .is_some_and(|(before, after)| before ^ after == uac::ACCOUNTDISABLE)
}

fn details(action: Action, field: &FieldChange) -> Vec<Detail> {
    let label = Shown::of(field.name.as_str(), NAME_LONGEST);
    let all = |values: &[Value]| -> Vec<Shown> {
        values
            .iter()
            .map(|value| text::value(&field.name, value))
            .collect()
    };
    let each = |values: &[Value]| -> Vec<Detail> {
        let is = |value| Detail::Is {
            name: label.clone(),
            value,
        };
        all(values).into_iter().map(is).collect()
    };
    let comes = matches!(action, Action::Create | Action::Grant | Action::Adopt);
    let goes = action == Action::Revoke;
    match (field.before.as_slice(), field.after.as_slice()) {
        ([], []) => Vec::new(),
        ([], after) if comes => each(after),
        (before, []) if goes => each(before),
        ([before], [after]) => {
            let (before, after) = text::pair(&field.name, before, after);
            vec![Detail::Becomes {
                name: label,
                before: Some(before),
                after: Some(after),
            }]
        }
        ([] | [_], [] | [_]) => vec![Detail::Becomes {
            name: label,
            before: all(&field.before).pop(),
            after: all(&field.after).pop(),
        }],
        (before, after) => {
            let without = |these: &[Value], those: &[Value]| -> Vec<Value> {
                these
                    .iter()
                    .filter(|value| !those.contains(value))
                    .cloned()
                    .collect()
            };
            let (goes, comes) = (without(before, after), without(after, before));
            let stay = before.len() - goes.len();
            vec![Detail::Set {
                name: label,
                goes: all(&goes),
                comes: all(&comes),
                stay,
            }]
        }
    }
}

/// The line of an adoption, for a list of those.
pub(super) fn adoption(change: &Change) -> Line {
    let account = [Word::Ours("adopt account "), name(&change.target)];
    let user = change.user.iter();
    let user = user.flat_map(|user| [Word::Ours(" as "), name(user.as_str())]);
    let place = place(&change.write).map(Word::Aside);
    let words = account.into_iter().chain(user).chain(place).collect();
    let reasons = Reasons::of(&change.causes, &[]);
    Line::new(Sign::AlreadySo, words, Vec::new(), reasons)
}

/// The line of a task, who is asked for what, to be read below the name of its user.
pub(super) fn task(change: &TaskChange, given: &[Cause]) -> Line {
    use Word::Ours;
    let TaskChange {
        step,
        task,
        after: _,
    } = change;
    let asked = match step {
        TaskStep::Open => (Ours("ask "), Ours(": ")),
        TaskStep::Revise => (Ours("tell "), Ours(" what changed: ")),
        TaskStep::Cancel => (Ours("tell "), Ours(" it is no longer wanted: ")),
    };
    let (verb, preposition) = match task.action {
        TaskAction::Grant => (Ours("grant "), Ours(" to ")),
        TaskAction::Update => (Ours("update "), Ours(" of ")),
        TaskAction::Revoke => (Ours("revoke "), Ours(" from ")),
        TaskAction::Disable => (Ours("disable "), Ours(" of ")),
        TaskAction::Enable => (Ours("enable "), Ours(" of ")),
    };
    let mut words = vec![asked.0];
    for (nth, maintainer) in task.maintainers.iter().enumerate() {
        words.extend((nth > 0).then_some(Ours(", ")));
        words.push(name(&maintainer.mail));
    }
    words.extend([asked.1, verb, name(&task.resource_display)]);
    words.extend(part(task));
    words.extend([preposition, name(&task.user_display)]);
    let details = match step {
        TaskStep::Open | TaskStep::Revise => task
            .fields
            .iter()
            .filter_map(|field| entered(task.action, field))
            .collect(),
        TaskStep::Cancel => Vec::new(),
    };
    Line::new(
        Sign::Asked,
        words,
        details,
        Reasons::of(&task.causes, given),
    )
}

/// What of the resource, in the application's words.
fn part(task: &Task) -> Vec<Word> {
    use Word::Ours;
    let label = match task.entitlement_label.trim() {
        "" => name(&task.entitlement.grant.to_string()),
        label => name(label),
    };
    let mut words = match &task.entitlement.grant {
        Grant::Level(level) if level.as_str() == "access" => vec![Ours(" access")],
        Grant::Level(_) => vec![Ours(" "), label],
        Grant::Role(_) => vec![Ours(" role "), label],
        // A label of the desired state tells the value, too.
        Grant::Scope(_, value) if task.entitlement_label.contains(value) => {
            vec![Ours(" scope "), label]
        }
        Grant::Scope(_, value) => vec![Ours(" scope "), label, Ours(" = "), name(value)],
    };
    if let Some(identity) = &task.entitlement.identity {
        words.extend([Ours(" (identity "), name(identity), Ours(")")]);
    }
    words
}

fn entered(action: TaskAction, field: &TaskField) -> Option<Detail> {
    let label = Shown::of(&field.label, NAME_LONGEST);
    let attribute = AttributeName::new(field.name.as_str());
    let shown = |text: &String| text::value(&attribute, &text.as_str().into());
    match (action, &field.before, &field.after) {
        (TaskAction::Update, before, after) if before == after => None,
        (TaskAction::Update, Some(before), Some(after)) => {
            let (before, after) =
                text::pair(&attribute, &before.as_str().into(), &after.as_str().into());
            Some(Detail::Becomes {
                name: label,
                before: Some(before),
                after: Some(after),
            })
        }
        (TaskAction::Update, before, after) => Some(Detail::Becomes {
            name: label,
            before: before.as_ref().map(shown),
            after: after.as_ref().map(shown),
        }),
        (
            TaskAction::Grant | TaskAction::Revoke | TaskAction::Disable | TaskAction::Enable,
            before,
            after,
        ) => {
            let value = after.as_ref().or(before.as_ref())?;
            Some(Detail::Is {
                name: label,
                value: shown(value),
            })
        }
    }
}

/// The line of an entitlement that is taken as held.
pub(super) fn assumption(assumption: &Assumption) -> Line {
    let user = name(assumption.user.as_str());
    let entitlement = name(&assumption.entitlement.to_string());
    let words = vec![user, Word::Ours(" has "), entitlement];
    Line::new(
        Sign::AlreadySo,
        words,
        Vec::new(),
        Reasons::of(&assumption.causes, &[]),
    )
}

/// The line of a change that is held, its reason below.
pub(super) fn held(held: &Held) -> Line {
    use Word::Ours;
    let user = held
        .user
        .iter()
        .flat_map(|user| [name(user.as_str()), Ours(": ")]);
    let words = user.chain([prose(&held.what), code(&held.code)]).collect();
    Line::new(
        Sign::Held,
        words,
        vec![Detail::Note(vec![prose(&held.reason)])],
        Reasons::of(&held.causes, &[]),
    )
}

/// The line of a finding.
pub(super) fn finding(finding: &Finding) -> Line {
    let words = vec![prose(&finding.message), code(&finding.code)];
    Line::new(Sign::Held, words, Vec::new(), Reasons::default())
}

/// The guard that holds only those who leave at once, and of them those beyond it.
const URGENT_PER_DAY: &str = "urgentPerDay";

/// The line of a guard that a plan is beyond, what that means below.
pub(super) fn guard(guard: &GuardResult) -> Line {
    use Word::{Count, Ours};
    let words = vec![
        Ours("guard "),
        name(&guard.guard),
        Ours(": "),
        Count(guard.count),
        Ours(" of "),
        Count(guard.managed),
        Ours(" managed, and at most "),
        Count(guard.limit),
        Ours(" are allowed (limit of the "),
        name(&guard.set_by),
        Ours(")"),
    ];
    let note = match guard.guard == URGENT_PER_DAY {
        true => {
            "as many of those who leave at once are let through as are within it; the others wait for `countersign allow`"
        }
        false => {
            "only what concerns those who leave at once is applied: for the rest make the change in smaller steps, or raise the limit"
        }
    };
    let note = Detail::Note(vec![Ours(note)]);
    Line::new(Sign::Held, words, vec![note], Reasons::default())
}
