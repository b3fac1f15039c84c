//! `countersign schema`: the JSON Schemas, for editors and other validators.

use super::{Exit, Failed, Outcome, Place, ci, print, talk};
use crate::author::{SCHEMAS, schemas};
use crate::manifest::Kind;
use crate::manifest::schema::{file_name, schema, unmark};
use crate::{operator, report};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Write the JSON Schemas of the manifests, of plans, of what pull requests mean, of exports and of the operator's file.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which: a kind (`User`), `Plan`, `Approval`, `Diff`, `Operator` or `Row-level-security`; left out with --out: all.
    kind: Option<String>,
    /// A folder to write every schema into, a file each.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write the schemas of the kinds with this repository's names in them, so that an editor completes
    /// profiles, resources, levels, roles and the rest; without DIR into `.schema`, where manifests look.
    #[arg(long, value_name = "DIR", num_args = 0..=1, conflicts_with_all = ["kind", "out"])]
    for_repository: Option<Option<PathBuf>>,
}

/// Every schema, by the name of its file.
pub fn all() -> Vec<(String, Value)> {
    let kinds = Kind::ALL
        .into_iter()
        .map(|kind| (file_name(kind), schema(kind)));
    let others = [
        ("plan.json".to_owned(), report::plan::plan_schema()),
        ("approval.json".to_owned(), report::approval::schema()),
        ("diff.json".to_owned(), report::proposal::json::schema()),
        (
            "row-level-security.json".to_owned(),
            report::row_security::schema(),
        ),
        (operator::SCHEMA_FILE.to_owned(), operator::schema()),
    ];
    let published = |(name, mut schema): (String, Value)| {
        unmark(&mut schema);
        (name, schema)
    };
    kinds.chain(others).map(published).collect()
}

/// The text a schema is published as.
pub fn text(schema: &Value) -> String {
    let mut text = serde_json::to_string_pretty(schema).unwrap_or_default();
    text.push('\n');
    text
}

/// Runs the command.
///
/// # Errors
/// When there is no such schema, or a file cannot be written.
pub fn run(place: &Place, args: &Args) -> Outcome {
    if let Some(folder) = &args.for_repository {
        return for_repository(place, folder.as_deref());
    }
    if let Some(folder) = &args.out {
        return write(folder);
    }
    let Some(kind) = &args.kind else {
        return Err(Failed::say(
            Exit::Usage,
            "name a kind, a folder with --out, or say --for-repository",
        ));
    };
    let wanted = format!("{}.json", kind.to_lowercase());
    match all().into_iter().find(|(name, _)| *name == wanted) {
        Some((_, schema)) => print(&text(&schema))?,
        None => {
            let names: Vec<String> = all()
                .into_iter()
                .map(|(n, _)| n.trim_end_matches(".json").to_owned())
                .collect();
            let words = format!(
                "there is no schema `{kind}`; there are {}",
                names.join(", ")
            );
            return Err(Failed::say(Exit::Usage, words));
        }
    }
    Ok(Exit::Done)
}

fn write(folder: &Path) -> Outcome {
    let world = |error| Failed::new(Exit::World, error);
    std::fs::create_dir_all(folder).map_err(world)?;
    for (name, schema) in all() {
        std::fs::write(folder.join(&name), text(&schema)).map_err(world)?;
        talk(format!("wrote {}", folder.join(name).display()));
    }
    Ok(Exit::Done)
}

fn for_repository(place: &Place, folder: Option<&Path>) -> Outcome {
    let catalog = ci::catalog(place)?;
    let folder = folder.map_or_else(|| place.folder.join(SCHEMAS), Path::to_owned);
    for file in schemas::generated(&catalog, ".") {
        ci::put(&folder, &file, &schemas::is_ours)?;
        talk(format!("wrote {}", folder.join(&file.path).display()));
    }
    Ok(Exit::Done)
}
