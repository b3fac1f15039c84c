//! What is shown, without what differs from one telling to the next: names of commits, of objects, and how many there
//! are in the crowd.

use regex::Regex;
use serde_json::Value;
use std::collections::BTreeMap;

/// How a telling puts things.
pub struct Words {
    /// Texts, and what is written instead.
    instead: Vec<(String, String)>,
    crowd: usize,
    /// What tells one of the crowd from another.
    one_of_many: Vec<(Regex, &'static str)>,
    /// What a notice is known by.
    notice: Regex,
}

impl Words {
    pub fn new(crowd: usize) -> Self {
        let pattern = |text: &str| Regex::new(text).unwrap();
        Self {
            instead: Vec::new(),
            crowd,
            notice: pattern(r"\bn-[0-9a-f]{12}\b"),
            one_of_many: vec![
                (pattern(r"\bcrowd\.[0-9]{4}\b"), "crowd.#"),
                (pattern(r"\bCrowd [0-9]{4}\b"), "Crowd #"),
                (pattern(r"\bsn:( +)[0-9]{4}\b"), "sn:${1}#"),
                (
                    pattern(r"\bemployeeNumber:( +)9[0-9]{5}\b"),
                    "employeeNumber:${1}#",
                ),
                (pattern(r"users/crowd\.yaml:[0-9]+"), "users/crowd.yaml"),
            ],
        }
    }

    /// A text that others stand for.
    pub fn put(&mut self, text: String, instead: String) {
        self.instead.push((text, instead));
    }

    /// A text as it is kept.
    pub fn kept(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (found, instead) in &self.instead {
            text = text.replace(found, instead);
        }
        text
    }

    /// Paragraphs, those of the crowd told once.
    pub fn alike(&self, paragraphs: impl Iterator<Item = String>) -> String {
        let told = self.told_once(paragraphs, |who, general| format!("{who}: {general}"));
        let told = told
            .iter()
            .map(|paragraph| format!("{}\n\n", paragraph.trim_end()));
        told.collect()
    }

    /// Lines, those of the crowd told once.
    pub fn lines(&self, lines: impl Iterator<Item = String>) -> String {
        let told = self.told_once(lines, |who, general| format!("{general}  ({who})"));
        told.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Texts, those of the crowd told once.
    pub fn told_once(
        &self,
        texts: impl Iterator<Item = String>,
        put: impl Fn(&str, &str) -> String,
    ) -> Vec<String> {
        let mut told: Vec<String> = Vec::new();
        let mut many: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for text in texts {
            let mut general = text.clone();
            for (pattern, instead) in &self.one_of_many {
                general = pattern.replace_all(&general, *instead).into_owned();
            }
            if general == text {
                told.push(text);
                continue;
            }
            let general = self.notice.replace_all(&general, "n-#").into_owned();
            let (_, count) = many.entry(general).or_insert((told.len(), 0));
            *count += 1;
            if *count == 1 {
                told.push(String::new());
            }
        }
        for (general, (at, count)) in many {
            let who = match count == self.crowd {
                true => "everybody in the crowd".to_owned(),
                false => format!("{count} of the crowd"),
            };
            told[at] = put(&who, &general);
        }
        told
    }

    /// A plan; how many changes there are is left out where there is a crowd.
    pub fn plan(&self, text: &str) -> String {
        let mut paragraphs: Vec<String> = text.split("\n\n").map(str::to_owned).collect();
        if self.crowd > 0 {
            paragraphs.retain(|p| !(p.trim_end().ends_with("changes") || p.contains(" changes, ")));
        }
        self.alike(paragraphs.into_iter())
    }

    /// What became of a run; how many changes there were is left out where there is a crowd.
    pub fn outcome(&self, text: &str) -> String {
        match self.crowd {
            0 => text.to_owned(),
            _ => {
                let counts = |line: &&str| line.contains("applied") && !line.contains(": ");
                let lines = text.lines().filter(|line| !counts(line));
                self.lines(lines.map(str::to_owned))
            }
        }
    }
}

/// Row-level security, a line an identity.
pub fn rows(exported: &Value) -> String {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let join = |value: &Value| list(value).iter().map(text).collect::<Vec<_>>().join(", ");
    let mut lines = String::new();
    for user in list(&exported["users"]) {
        for identity in list(&user["identities"]) {
            let marks = ["default", "current"].map(|mark| match identity[mark] == true {
                true => format!(", {mark}"),
                false => String::new(),
            });
            lines += &format!(
                "{} signs in as {}: {}{}; roles {}",
                text(&user["id"]),
                text(&user["login"]),
                text(&identity["alias"]),
                marks.concat(),
                join(&identity["roles"])
            );
            for scope in list(&identity["scopes"]) {
                let all = scope["all"] == true;
                let rows = if all {
                    "*".to_owned()
                } else {
                    join(&scope["values"])
                };
                lines += &format!("; {} {rows}", text(&scope["key"]));
            }
            lines.push('\n');
        }
    }
    lines
}
