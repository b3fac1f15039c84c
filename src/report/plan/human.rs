//! A plan → what people read in a terminal: by person, disables first, *because* path:line beside it.
//!
//! Colours repeat what the signs say; without them nothing is lost.

use super::Styling;
use super::outline::{Outline, Person};
use super::text::Shown;
use super::words::{Detail, Line, Reasons, Sign, Word};
use crate::plan::Plan;
use anstyle::{AnsiColor, Style};

/// Where the reasons begin at the latest, in characters; behind longer lines they stand below.
const REASONS_AT_MOST: usize = 46;

/// Widest column of field names, in characters; a longer name pushes its own value only.
const LABELS_AT_MOST: usize = 28;

/// Widest two values that stand side by side, in characters; of longer ones the second stands below.
const PAIR_AT_MOST: usize = 70;

const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

pub(super) fn render(plan: &Plan, styling: Styling) -> String {
    let outline = Outline::of(plan);
    let mut page = Page {
        text: String::new(),
        styling,
        column: column(&outline),
    };
    for line in &outline.head {
        page.words(line);
        page.text.push('\n');
    }
    for person in &outline.people {
        page.person(person);
    }
    page.section("adopted, nothing is written", &outline.adopted);
    page.more(outline.more_adopted);
    page.section("assumed held, nobody is asked", &outline.assumed);
    page.more(outline.more_assumed);
    page.section("held", &outline.held);
    if let Some(held) = plan.held.first() {
        let code = Shown::of(&held.code, LABELS_AT_MOST);
        let line = format!("  what a code means: countersign explain-code {code}\n");
        page.push(FAINT, &line);
    }
    page.section("findings", &outline.findings);
    page.section("beyond a guard", &outline.guards);
    page.text.push('\n');
    page.push(STRONG, &outline.summary);
    page.text.push('\n');
    page.text
}

/// Where the reasons of all lines begin: behind the longest that is not too long.
fn column(outline: &Outline) -> usize {
    let people = outline.people.iter().flat_map(|person| &person.lines);
    let all = people
        .chain(&outline.adopted)
        .chain(&outline.assumed)
        .chain(&outline.held);
    let widths = all
        .filter(|line| !line.reasons.shown.is_empty())
        .map(|line| width(line) + 3);
    widths
        .filter(|width| *width <= REASONS_AT_MOST)
        .max()
        .unwrap_or_default()
}

fn width(line: &Line) -> usize {
    4 + line.text().chars().count()
}

fn style(sign: Sign) -> Style {
    let colour = |colour: AnsiColor| colour.on_default();
    match sign {
        Sign::Comes => colour(AnsiColor::Green),
        Sign::Goes => colour(AnsiColor::Red),
        Sign::Changes => colour(AnsiColor::Yellow),
        Sign::Moves => colour(AnsiColor::Cyan),
        Sign::Held => colour(AnsiColor::Magenta).bold(),
        Sign::Asked => colour(AnsiColor::Blue).bold(),
        Sign::Told => colour(AnsiColor::Blue),
        Sign::AlreadySo => FAINT,
    }
}

struct Page {
    text: String,
    styling: Styling,
    column: usize,
}

impl Page {
    fn push(&mut self, style: Style, text: &str) {
        match self.styling {
            Styling::Plain => self.text.push_str(text),
            Styling::Ansi => self.text.push_str(&format!("{style}{text}{style:#}")),
        }
    }

    fn blanks(&mut self, number: usize) {
        self.text.extend(std::iter::repeat_n(' ', number));
    }

    fn words(&mut self, words: &[Word]) {
        for word in words {
            match word {
                Word::Ours(text) => self.text.push_str(text),
                Word::Count(number) => self.text.push_str(&number.to_string()),
                Word::Name(text) => self.push(STRONG, text.as_str()),
                Word::Aside(text) => self.push(FAINT, &format!("  {text}")),
                Word::Code(text) => self.push(FAINT, &format!("  [{text}]")),
                Word::Prose(text) => self.text.push_str(text.as_str()),
            }
        }
    }

    fn person(&mut self, person: &Person) {
        let name = person.name.as_ref();
        let name = name.map_or("members nobody here knows", Shown::as_str);
        self.title(name);
        if !person.reasons.shown.is_empty() {
            self.blanks(3);
            self.reasons(&person.reasons, name.chars().count() + 3);
        } else {
            self.text.push('\n');
        }
        person.lines.iter().for_each(|line| self.line(line));
    }

    fn section(&mut self, title: &str, lines: &[Line]) {
        if lines.is_empty() {
            return;
        }
        self.title(title);
        self.text.push('\n');
        lines.iter().for_each(|line| self.line(line));
    }

    fn title(&mut self, title: &str) {
        self.text.push('\n');
        self.push(STRONG.underline(), title);
    }

    fn line(&mut self, line: &Line) {
        self.blanks(2);
        self.push(style(line.sign), line.sign.as_str());
        self.blanks(1);
        self.words(&line.words);
        let width = width(line);
        if line.reasons.shown.is_empty() {
            self.text.push('\n');
        } else if width + 3 <= self.column {
            self.blanks(self.column - width);
            self.reasons(&line.reasons, self.column);
        } else {
            self.text.push('\n');
            self.notes(&line.details);
            self.blanks(6);
            self.reasons(&line.reasons, 6);
            self.details(&line.details);
            return;
        }
        self.notes(&line.details);
        self.details(&line.details);
    }

    /// The reasons, the first where the text stands, the others below it.
    fn reasons(&mut self, reasons: &Reasons, indent: usize) {
        for (nth, cause) in reasons.shown.iter().enumerate() {
            if nth > 0 {
                self.blanks(indent);
            }
            let word = if nth == 0 { "because " } else { "    and " };
            self.push(FAINT, &format!("{word}{cause}"));
            self.text.push('\n');
        }
        if reasons.more > 0 {
            self.blanks(indent);
            self.push(FAINT, &format!("    and {} more", reasons.more));
            self.text.push('\n');
        }
    }

    fn more(&mut self, number: usize) {
        if number > 0 {
            self.push(FAINT, &format!("  … and {number} more, in --format json\n"));
        }
    }

    fn notes(&mut self, details: &[Detail]) {
        for detail in details {
            match detail {
                Detail::Note(words) => {
                    self.blanks(6);
                    self.words(words);
                    self.text.push('\n');
                }
                Detail::Is { .. } | Detail::Becomes { .. } | Detail::Set { .. } => {}
            }
        }
    }

    fn details(&mut self, details: &[Detail]) {
        let labels = details.iter().filter_map(|detail| match detail {
            Detail::Is { name, .. } | Detail::Becomes { name, .. } => Some(name.width()),
            Detail::Set { .. } | Detail::Note(_) => None,
        });
        let width = labels
            .filter(|width| *width <= LABELS_AT_MOST)
            .max()
            .unwrap_or_default();
        for detail in details {
            match detail {
                Detail::Is { name, value } => {
                    self.label(name, width);
                    self.text.push_str(value.as_str());
                    self.text.push('\n');
                }
                Detail::Becomes {
                    name,
                    before,
                    after,
                } => {
                    self.label(name, width);
                    self.value(before.as_ref());
                    let widths = [before, after].map(|v| v.as_ref().map_or(0, Shown::width));
                    if widths.iter().sum::<usize>() > PAIR_AT_MOST {
                        self.text.push('\n');
                        self.blanks(6 + width.max(name.width()));
                    }
                    self.text.push_str(" → ");
                    self.value(after.as_ref());
                    self.text.push('\n');
                }
                Detail::Set {
                    name,
                    goes,
                    comes,
                    stay,
                } => {
                    self.blanks(6);
                    self.text.push_str(&format!("{name}:\n"));
                    self.values(Sign::Goes, goes);
                    self.values(Sign::Comes, comes);
                    if *stay > 0 {
                        self.blanks(10);
                        self.push(FAINT, &format!("{stay} stay"));
                        self.text.push('\n');
                    }
                }
                Detail::Note(_) => {}
            }
        }
    }

    fn label(&mut self, name: &Shown, width: usize) {
        self.blanks(6);
        self.text.push_str(&format!("{name}: "));
        self.blanks(width.saturating_sub(name.width()));
    }

    fn value(&mut self, value: Option<&Shown>) {
        match value {
            Some(value) => self.text.push_str(value.as_str()),
            None => self.push(FAINT, "(none)"),
        }
    }

    fn values(&mut self, sign: Sign, values: &[Shown]) {
        for value in values {
            self.blanks(8);
            self.push(style(sign), sign.as_str());
            self.text.push_str(&format!(" {value}\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cast;
    use super::*;

    #[test]
    fn colours_are_all_that_styling_adds() {
        for plan in [cast::rich(), cast::hostile(), cast::nothing()] {
            let (plain, styled) = (render(&plan, Styling::Plain), render(&plan, Styling::Ansi));
            assert!(!plain.contains('\u{1b}') && styled.contains('\u{1b}'));
            assert_eq!(anstream::adapter::strip_str(&styled).to_string(), plain);
        }
    }

    #[test]
    fn a_line_reads_sign_target_what_because_where() {
        let text = render(&cast::rich(), Styling::Plain);
        for line in [
            "plan of 8f14e45fceea for 2027-02-01T05:00:00Z, valid until 2027-02-03T22:00:00Z",
            "approval: trust-branch (nobody's approval was checked)",
            "sam.okafor   because request 2027-02-01-terminate-sam requests/2027-02.yaml:41",
            "  - member of ITS-VPN",
            "  @ tell dana.reyes@city.example: left: Sam Okafor",
            "robin.ellis   because request 2027-02-01-new-hire-robin.ellis requests/2027-02.yaml:3",
            "  + create account robin.ellis  CN=Robin Ellis,OU=ITS,OU=City Hall,OU=Departments,DC=city,DC=example",
            "      userPrincipalName:  robin.ellis@city.example",
            "  + member of APP-GIS-Editors                 because profile its.gis-analyst profiles/its.gis-analyst.yaml:12",
            "      title:           Planner → Planner, \"senior\"",
            "  ? ask timetrack@city.example: grant Timetrack access to Robin Ellis",
            "      because profile city-employee profiles/city-employee.yaml:12",
            "      because request 2027-02-01-new-hire-robin.ellis requests/2027-02.yaml:25",
            "  = adopt account dale.hutchins as dale.hutchins  CN=Dale Hutchins,OU=Fire,OU=Departments,DC=city,DC=example",
            "  ! gordon.pruitt: disable account gordon.pruitt  [no-manifest]",
            "  what a code means: countersign explain-code no-manifest",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line}\n{text}");
        }
        assert!(text.ends_with("\n\n16 changes, 7 tasks, 1 notice, 2 held, 12 assumed held\n"));
        let names = [
            "sam.okafor",
            "members nobody here knows",
            "robin.ellis",
            "kim.lee",
            "dale.hutchins",
            "maria.lopez",
            "bea.sorensen",
        ];
        let is_name = |line: &&str| names.iter().any(|name| line.starts_with(name));
        let people: Vec<_> = text.lines().filter(is_name).collect();
        assert_eq!(people.len(), names.len(), "{people:?}");
        assert!(
            people
                .iter()
                .zip(names)
                .all(|(line, name)| line.starts_with(name)),
            "{people:?}"
        );
    }

    #[test]
    fn nothing_to_do_is_said() {
        assert_eq!(
            render(&cast::nothing(), Styling::Plain),
            "plan of the working folder for 2027-02-01T05:00:00Z\n\
             approval: trust-branch (nobody's approval was checked)\n\nnothing to do\n"
        );
    }
}
