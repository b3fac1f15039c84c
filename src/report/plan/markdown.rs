//! A plan → a pull request's comment.
//!
//! Invariant: whatever is not a literal of this program stands in a code span, where no forge sees
//! markup, HTML, links or mentions; within `<summary>`, which is HTML, in `<code>` with entities.

use super::outline::{Outline, counted};
use super::text::Shown;
use super::words::{Detail, Line, Reasons, Sign, Word};
use crate::plan::Plan;

/// Longest comment, in characters: GitHub refuses 65,536 and more.
const LONGEST: usize = 60_000;

/// Room kept for the line that says what was left out, in characters.
const CLOSING: usize = 400;

/// Plans of more lines are folded up, a person at a time.
const LINES_UNFOLDED: usize = 20;

/// Of one change so many values are listed, so that no change alone fills the comment.
const DETAILS_LISTED: usize = 40;

pub(super) fn render(plan: &Plan) -> String {
    let outline = Outline::of(plan);
    let people = outline.people.iter().map(|person| person.lines.len());
    let lines = people.sum::<usize>() + outline.adopted.len() + outline.findings.len();
    let folding = match lines > LINES_UNFOLDED {
        true => Folding::Folded,
        false => Folding::Open,
    };
    let head: Vec<String> = outline.head.iter().map(|line| words(line)).collect();
    let head = format!("### Plan: {}\n\n{}\n", outline.summary, head.join("  \n"));
    let mut comment = Comment {
        room: (LONGEST - CLOSING).saturating_sub(length(&head)),
        text: head,
        left_out: Tally::default(),
    };
    let ours = |title, noun, lines, unlisted| Section {
        title: Title::Ours(title),
        reasons: None,
        noun,
        lines,
        unlisted,
    };
    // What nobody should have to unfold comes first.
    let beyond = ours("beyond a guard", "guard", &outline.guards, 0);
    let held = ours("held", "held change", &outline.held, 0);
    comment.section(&beyond, Folding::Open);
    comment.section(&held, Folding::Open);
    for person in &outline.people {
        let name = person.name.as_ref().map(Title::User);
        let section = Section {
            title: name.unwrap_or(Title::Ours("members nobody here knows")),
            reasons: Some(&person.reasons),
            noun: "change",
            lines: &person.lines,
            unlisted: 0,
        };
        comment.section(&section, folding);
    }
    let adopted = "adopted, nothing is written";
    let assumed = "assumed held, nobody is asked";
    for rest in [
        ours(adopted, "adoption", &outline.adopted, outline.more_adopted),
        ours(
            assumed,
            "assumption",
            &outline.assumed,
            outline.more_assumed,
        ),
        ours("findings", "finding", &outline.findings, 0),
    ] {
        comment.section(&rest, folding);
    }
    comment.close()
}

/// A title and its list.
struct Section<'a> {
    title: Title<'a>,
    /// Why all of it.
    reasons: Option<&'a Reasons>,
    /// What one line is.
    noun: &'static str,
    lines: &'a [Line],
    /// How many more there are than the list has.
    unlisted: usize,
}

/// What stands above a list.
#[derive(Clone, Copy)]
enum Title<'a> {
    Ours(&'static str),
    User(&'a Shown),
}

/// Whether lists are folded up until somebody opens them.
#[derive(Clone, Copy)]
enum Folding {
    Open,
    Folded,
}

struct Comment {
    text: String,
    /// How many characters more it can have.
    room: usize,
    /// How many of what found no room.
    left_out: Tally,
}

impl Comment {
    fn section(&mut self, section: &Section<'_>, folding: Folding) {
        let (mut begin, mut end) = match folding {
            Folding::Open => (
                format!("\n#### {}\n\n", section.title.markdown()),
                String::new(),
            ),
            Folding::Folded => {
                let summary = format!("{}: {}", section.title.html(), section.tally(0).text());
                (
                    format!("\n<details>\n<summary>{summary}</summary>\n\n"),
                    "\n</details>\n".to_owned(),
                )
            }
        };
        if let Some(reasons) = section.reasons.filter(|reasons| !reasons.shown.is_empty()) {
            begin.push_str(&format!("{}\n\n", because(reasons)));
        }
        if section.unlisted > 0 {
            end.insert_str(0, &format!("- … and {} more\n", section.unlisted));
        }
        let mut written = 0;
        for line in section.lines {
            // After the first line that found no room nothing more is written: no gaps in between.
            let text = list(line);
            let frame = if written == 0 {
                length(&begin) + length(&end)
            } else {
                0
            };
            match self.room.checked_sub(frame + length(&text)) {
                Some(room) if self.left_out.is_empty() => self.room = room,
                Some(_) | None => break,
            }
            if written == 0 {
                self.text.push_str(&begin);
            }
            self.text.push_str(&text);
            written += 1;
        }
        if written > 0 {
            self.text.push_str(&end);
        }
        if written < section.lines.len() {
            self.left_out.join(section.tally(written));
        }
    }

    /// Says what found no room.
    fn close(mut self) -> String {
        if !self.left_out.is_empty() {
            self.text.push_str(&format!(
                "\n**… and {} more**, for which a comment has no room: \
                 `countersign plan --format json` has all.\n",
                self.left_out.text(),
            ));
        }
        self.text
    }
}

impl Section<'_> {
    /// How many of what its lines are, but for the first so many.
    fn tally(&self, skipped: usize) -> Tally {
        let mut tally = Tally::default();
        for line in self.lines.iter().skip(skipped) {
            match line.sign {
                Sign::Asked => tally.add("task", 1),
                Sign::Told => tally.add("notice", 1),
                Sign::Comes
                | Sign::Goes
                | Sign::Changes
                | Sign::Moves
                | Sign::Held
                | Sign::AlreadySo => tally.add(self.noun, 1),
            }
        }
        if skipped == 0 {
            tally.add(self.noun, self.unlisted);
        }
        tally
    }
}

/// How many of what, in the order they were counted.
#[derive(Default)]
struct Tally(Vec<(&'static str, usize)>);

impl Tally {
    fn add(&mut self, noun: &'static str, number: usize) {
        match self.0.iter_mut().find(|(known, _)| *known == noun) {
            Some((_, known)) => *known += number,
            None if number > 0 => self.0.push((noun, number)),
            None => {}
        }
    }

    fn join(&mut self, other: Self) {
        other
            .0
            .into_iter()
            .for_each(|(noun, number)| self.add(noun, number));
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `5 changes, 7 tasks`.
    fn text(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|(noun, n)| counted(*n, noun)).collect();
        parts.join(", ")
    }
}

impl Title<'_> {
    fn markdown(self) -> String {
        match self {
            Self::Ours(text) => text.into(),
            Self::User(name) => code(name.as_str()),
        }
    }

    fn html(self) -> String {
        match self {
            Self::Ours(text) => text.into(),
            Self::User(name) => format!("<code>{}</code>", entities(name.as_str())),
        }
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// A line as a list's point, with what stands below it.
fn list(line: &Line) -> String {
    let mut text = format!("- `{}` {}", line.sign.as_str(), words(&line.words));
    if !line.reasons.shown.is_empty() {
        text.push_str(&format!(" {}", because(&line.reasons)));
    }
    text.push('\n');
    for detail in line.details.iter().take(DETAILS_LISTED) {
        text.push_str(&format!("  - {}\n", point(detail)));
    }
    if let Some(more @ 1..) = line.details.len().checked_sub(DETAILS_LISTED) {
        text.push_str(&format!("  - … and {more} more\n"));
    }
    text
}

fn because(reasons: &Reasons) -> String {
    let causes: Vec<String> = reasons
        .shown
        .iter()
        .map(|cause| code(cause.as_str()))
        .collect();
    let more = match reasons.more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("because {}{more}", causes.join(" and "))
}

fn point(detail: &Detail) -> String {
    let value = |value: &Option<Shown>| match value {
        Some(value) => code(value.as_str()),
        None => "(none)".into(),
    };
    match detail {
        Detail::Is { name, value } => format!("{}: {}", code(name.as_str()), code(value.as_str())),
        Detail::Becomes {
            name,
            before,
            after,
        } => {
            format!(
                "{}: {} → {}",
                code(name.as_str()),
                value(before),
                value(after)
            )
        }
        Detail::Set {
            name,
            goes,
            comes,
            stay,
        } => {
            let signed = |sign: &'static str| {
                move |value: &Shown| format!("`{sign}` {}", code(value.as_str()))
            };
            let all = goes
                .iter()
                .map(signed("-"))
                .chain(comes.iter().map(signed("+")));
            let mut parts: Vec<String> = all.take(DETAILS_LISTED).collect();
            let more = (goes.len() + comes.len()).saturating_sub(DETAILS_LISTED);
            parts.extend((more > 0).then(|| format!("{more} more")));
            parts.extend((*stay > 0).then(|| format!("{stay} stay")));
            format!("{}: {}", code(name.as_str()), parts.join(", "))
        }
        Detail::Note(note) => words(note),
    }
}

fn words(words: &[Word]) -> String {
    words.iter().fold(String::new(), |text, word| match word {
        Word::Ours(ours) => text + ours,
        Word::Count(number) => text + &number.to_string(),
        Word::Name(theirs) | Word::Prose(theirs) => text + &code(theirs.as_str()),
        Word::Aside(theirs) | Word::Code(theirs) => text + " " + &code(theirs.as_str()),
    })
}

/// A code span (CommonMark section 6.1) of exactly that text, whatever is in it.
pub(in crate::report) fn code(text: &str) -> String {
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let needs_blanks = text.is_empty()
        || text.starts_with('`')
        || text.ends_with('`')
        || (text.starts_with(' ') && text.ends_with(' '));
    match needs_blanks {
        true => format!("{fence} {text} {fence}"),
        false => format!("{fence}{text}{fence}"),
    }
}

/// The text with an entity for every character that means something in HTML or in Markdown: between tags
/// in a line, Markdown is read (CommonMark section 6.6), and there no entity is a mark (section 6.2).
pub(in crate::report) fn entities(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |html, c| match c {
            '&' => html + "&amp;",
            '<' => html + "&lt;",
            '>' => html + "&gt;",
            '"' => html + "&quot;",
            '\'' => html + "&#39;",
            c @ ('!' | '#' | '$' | '(' | ')' | '*' | ':' | '@' | '[' | '\\' | ']' | '^' | '_'
            | '`' | '{' | '|' | '}' | '~') => html + &format!("&#{};", u32::from(c)),
            c => {
                let mut html = html;
                html.push(c);
                html
            }
        })
}

#[cfg(test)]
mod tests {
    use super::super::cast;
    use super::*;
    use proptest::prelude::*;

    /// The text without its code spans (CommonMark section 6.1) and `<code>` elements.
    fn without_code(markdown: &str) -> String {
        let mut rest = markdown;
        let mut text = String::new();
        while let Some(begin) = rest.find('`') {
            text.push_str(&rest[..begin]);
            let fence = rest[begin..].chars().take_while(|c| *c == '`').count();
            let inside = &rest[begin + fence..];
            let mut from = 0;
            loop {
                let at = from + inside[from..].find('`').expect("every span is closed");
                let run = inside[at..].chars().take_while(|c| *c == '`').count();
                from = at + run;
                if run == fence {
                    break;
                }
            }
            assert!(!inside[..from].contains('\n'), "{inside}");
            rest = &inside[from..];
        }
        text.push_str(rest);
        let html = regex::Regex::new("<code>[^<>\n]*</code>").unwrap();
        html.replace_all(&text, "").into_owned()
    }

    #[test]
    fn nothing_of_a_plan_stands_outside_code() {
        let usual = without_code(&render(&cast::saying("x")));
        for text in cast::HOSTILE {
            assert_eq!(
                without_code(&render(&cast::saying(text))),
                usual,
                "{text:?}"
            );
        }
        assert!(!usual.contains(['@', '|', '[', '*', '_', '\\']), "{usual}");
    }

    #[test]
    fn a_code_span_is_its_text_whatever_is_in_it() {
        for (text, expected) in [
            ("a", "`a`"),
            ("a`b", "``a`b``"),
            ("`", "`` ` ``"),
            ("```", "```` ``` ````"),
            (" a ", "`  a  `"),
            (" a", "` a`"),
            ("", "`  `"),
            ("\\", "`\\`"),
        ] {
            assert_eq!(code(text), expected);
        }
        assert_eq!(
            entities("<a href=\"&\">'"),
            "&lt;a href=&quot;&amp;&quot;&gt;&#39;"
        );
        // Between tags in a line, this would be a link, a mention and the begin of a code span.
        assert_eq!(
            entities("[x](https://x.example) @all `"),
            "&#91;x&#93;&#40;https&#58;//x.example&#41; &#64;all &#96;"
        );
    }

    #[test]
    fn a_short_plan_is_open_and_a_long_one_folded_but_for_what_is_held() {
        let mut plan = cast::rich();
        let comment = render(&plan);
        let (open, folded) = comment.split_once("<details>").unwrap();
        assert!(open.contains("#### held\n\n- `!` `gordon.pruitt`: "));
        assert!(open.contains("#### beyond a guard\n"));
        assert!(
            folded
                .contains("<summary><code>robin.ellis</code>: 5 changes, 2 tasks</summary>\n\nbecause `request 2027-02-01-new-hire-robin.ellis requests/2027-02.yaml:3`\n\n- `+` create account `robin.ellis` `CN=Robin")
        );
        assert!(folded.contains("more\n\n</details>\n"));
        plan.tasks.clear();
        let comment = render(&plan);
        assert!(!comment.contains("<details>"));
        assert!(comment.contains("\n#### `robin.ellis`\n\nbecause `request"));
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let numbers = regex::Regex::new("[0-9]+ [a-z]+").unwrap();
        for mut plan in [cast::rich(), cast::hostile()] {
            let (changes, tasks) = (plan.changes.clone(), plan.tasks.clone());
            for _ in 0..30 {
                plan.changes.extend(changes.iter().cloned());
                plan.tasks.extend(tasks.iter().cloned());
            }
            let comment = render(&plan);
            assert!(length(&comment) <= LONGEST && length(&comment) > LONGEST / 2);
            let shown = comment
                .lines()
                .filter(|line| line.starts_with("- `"))
                .count();
            let closing = comment.lines().last().unwrap();
            let left_out = numbers.find_iter(closing).map(|found| {
                found
                    .as_str()
                    .split(' ')
                    .next()
                    .unwrap()
                    .parse::<usize>()
                    .unwrap()
            });
            let outline = Outline::of(&plan);
            let all = plan.changes.len()
                + plan.tasks.len()
                + plan.notices.len()
                + plan.held.len()
                + plan.findings.len()
                + plan.assumed.len()
                + outline.guards.len();
            assert_eq!(shown + left_out.sum::<usize>(), all, "{closing}");
            assert_eq!(
                comment.matches("<details>").count(),
                comment.matches("\n</details>\n").count()
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_text_leaves_its_code_span(text in "[`\\\\ <>&|@#*_a-c\\[\\]()!\n-]{1,30}") {
            let usual = without_code(&render(&cast::saying("x")));
            let said = without_code(&render(&cast::saying(&text)));
            prop_assert_eq!(said, usual);
        }
    }
}
