//! Changes by hand and freeze windows on the real binary: what a resource wants done about drift is done,
//! nobody is told twice, and what was accepted is what the manifests say from then on.

use crate::bed::{Access, Directory, Post, json};
use serde_json::Value;
use std::fs;

const RESOURCE: &str = "resources/active-directory.yaml";

/// The city of the example, brought about, with a policy for drift.
fn city(policy: &str) -> Access {
    let access = Access::example("bloomington")
        .with_ldif(&Access::export_text("bloomington"))
        .operated_by_anchor(&Directory::Ldif, &Post::Outbox);
    access.edit(RESOURCE, "\nspec:\n", &format!("\nspec:\n  drift: {policy}\n"));
    access.commit("Drift");
    access.run(&["run", "--once"]).ends(0);
    assert_eq!(codes(&access.plan(), "held"), [""; 0]);
    access
}

/// Somebody changes the directory past us.
fn by_hand(access: &Access, old: &str, new: &str) {
    let text = fs::read_to_string(access.ldif()).unwrap();
    assert!(text.contains(old), "{old} is not in the directory");
    fs::write(access.ldif(), text.replacen(old, new, 1)).unwrap();
}

fn codes<'a>(plan: &'a Value, list: &str) -> Vec<&'a str> {
    let list = plan[list].as_array().unwrap();
    list.iter().map(|h| h["code"].as_str().unwrap()).collect()
}

fn texts<'a>(plan: &'a Value, list: &str, field: &str) -> Vec<&'a str> {
    let list = plan[list].as_array().unwrap();
    let of = list.iter().filter(|f| f["code"] == "drift");
    of.map(|f| f[field].as_str().unwrap()).collect()
}
