//! A repository → the template of its pull requests.

use super::owners::administrators;
use crate::author::form::{issue::comment, shown};
use crate::catalog::Catalog;
use crate::manifest::config::ForgeKind;
use crate::manifest::resource::Cost;

/// Most names that are listed.
const MOST: usize = 40;

/// What a pull request's description begins as. What only its author should read stands in a remark.
pub fn pull_request(catalog: &Catalog, forge: ForgeKind) -> String {
    let request = match forge {
        ForgeKind::Github | ForgeKind::Forgejo => "pull request",
        ForgeKind::Gitlab => "merge request",
    };
    let mut text = format!(
        "What should change, for whom, and why? No sensitive text: everybody who can read the repository reads it.\n\n\
         - [ ] `countersign validate --worktree` finds no mistake\n\
         - [ ] `requestedBy` of a new request is me\n\
         - [ ] Whoever gains access by it does not approve it\n\n\
         <!-- This {request} is told what it means, and which approvals it needs, in a comment. -->\n"
    );
    let people = administrators(catalog).into_iter().map(|(name, user)| {
        let names = [user.given_name.as_ref(), user.family_name.as_ref()];
        let names: Vec<&str> = names.into_iter().flatten().map(|n| n.0.as_str()).collect();
        match user.display_name.clone().unwrap_or(names.join(" ")) {
            display if display.is_empty() => name.to_string(),
            display => display,
        }
    });
    remark(&mut text, "It is approved by", people);
    let premium = catalog.resources.iter();
    let premium = premium.filter(|(_, r)| r.spec.cost == Some(Cost::Premium));
    let premium = premium.map(|(name, r)| r.spec.display_name.clone().unwrap_or(name.to_string()));
    remark(&mut text, "Premium, worth a second look", premium);
    let profiles = catalog.profiles.keys().map(|name| name.to_string());
    remark(&mut text, "Profiles", profiles);
    text
}

fn remark(text: &mut String, what: &str, names: impl Iterator<Item = String>) {
    let names: Vec<String> = names.map(|name| shown(&name)).collect();
    if names.is_empty() {
        return;
    }
    let more = match names.len().checked_sub(MOST) {
        Some(more) if more > 0 => format!(" and {more} more"),
        Some(_) | None => String::new(),
    };
    let listed = names[..names.len().min(MOST)].join(", ");
    text.push_str(&format!("<!-- {what}: {}{more} -->\n", comment(&listed)));
}
