//! `countersign diff`: what a pull request means - people and access, not lines of YAML.

use super::workbench::Purpose;
use super::{Exit, Failed, Outcome, Place, leave, print, talk, workbench};
use crate::approval::requirement::{Need, Requirement, present};
use crate::diagnostic::any_error;
use crate::diagnostic::suggest::did_you_mean;
use crate::manifest::policy::Effect;
use crate::name::UserName;
use crate::policy::judge::{Behind, Verdict};
use crate::proposal::Proposal;
use crate::proposal::barred::Barred;
use crate::proposal::control::control;
use crate::proposal::reserved::reservations;
use crate::reconcile::{Reading, diagnose_proposed};
use crate::report::{self, plan};
use crate::source::{Origin, git};
use clap::ValueEnum;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Show what a pull request means: who gains and loses what, when, and which policies object.
///
/// It reads two revisions and nothing else: no directory, no ledger, no credentials.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The revision it is merged into; where that has gone on since, what both have in common.
    base: String,
    /// The revision that is proposed.
    #[arg(default_value = "HEAD")]
    head: String,
    /// How it is shown.
    #[arg(long, value_enum, default_value = "human")]
    format: FormatArg,
    /// Write Markdown as comments of a length that forges take, into this folder: 1.md, 2.md …
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Who asks: the user who the author of the pull request is, or the author's login as `FORGE:LOGIN`;
    /// left out: policies that depend on it say so, and so do changes that only administrators may ask for.
    #[arg(long, value_name = "USER")]
    actor: Option<String>,
    /// Add what would become otherwise in the operator's directory, live or exported.
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    instant: workbench::InstantArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// In words.
    Human,
    /// Comments on a pull request.
    Markdown,
    /// schema/diff.json describes it.
    Json,
}

/// Runs the command.
///
/// # Errors
/// When a revision cannot be read, or the two have nothing in common.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let id = |revision: &str| {
        git::revision_id(&place.folder, revision).map_err(workbench::source_failed)
    };
    let (wanted, head_id) = (id(&args.base)?, id(&args.head)?);
    let base_id =
        git::merge_base(&place.folder, &wanted, &head_id).map_err(workbench::source_failed)?;
    if base_id != wanted {
        let short = |id: &str| id.chars().take(12).collect::<String>();
        talk(format!(
            "{} has gone on since: compared with {}, where the branch left it",
            args.base,
            short(&base_id)
        ));
    }
    let origin = |revision: &str| Origin::Revision {
        folder: place.folder.clone(),
        revision: revision.to_owned(),
    };
    let both = [&origin(&base_id), &origin(&head_id)];
    let [before, mut after] = workbench::read_all(both)?;
    let now = args.instant.resolve(&after.catalog)?;
    let actor = args
        .actor
        .as_deref()
        .map(|name| known(name, &before))
        .transpose()?;
    let behind = Behind {
        actor: actor.as_ref(),
        approvers: None,
    };
    let (proposal, problems) = Proposal::told(&before.catalog, &after.catalog, behind, now);
    let needs = needs(&before, &after, &proposal);
    let reserved = reservations(
        (&before.catalog, &after.catalog),
        &proposal.differences,
        actor.as_ref(),
        || present(&before.catalog, now).approvers,
    );
    let told = report::proposal::Told {
        proposal: &proposal,
        needs: &needs,
        reserved: &reserved,
    };
    let zone = after.catalog.zone.clone();
    let plan = match args.plan {
        true => Some(planned(place, args, &base_id, &head_id)?),
        false => None,
    };
    match args.format {
        FormatArg::Human => {
            print(&report::proposal::human(told, &zone))?;
            if let Some(plan) = &plan {
                print("\nin the directory\n")?;
                print(&plan::render(
                    plan,
                    plan::Format::Human,
                    plan::Styling::Ansi,
                ))?;
            }
        }
        FormatArg::Markdown => {
            let mut parts = report::proposal::markdown(told, &zone);
            let plan = plan.as_ref();
            parts.extend(
                plan.map(|p| plan::render(p, plan::Format::Markdown, plan::Styling::Plain)),
            );
            match &args.out {
                Some(folder) => write(folder, &parts)?,
                None => print(&parts.join("\n"))?,
            }
        }
        FormatArg::Json => {
            print(&report::proposal::json::render(told, &base_id, &head_id))?;
        }
    }
    let diagnostics = diagnose_proposed(&mut after, &before.catalog, problems, now);
    let invalid = any_error(&diagnostics);
    if invalid {
        talk(
            "the proposed revision has mistakes (`countersign validate --base` shows them): what it means is told as far as it can be read",
        );
    }
    let refused = proposal
        .objections
        .iter()
        .any(|o| o.verdict != Verdict::Open && o.follows() == Effect::Deny)
        || reserved.iter().any(|r| r.by.is_some());
    leave((before, after));
    Ok(if invalid || refused {
        Exit::Findings
    } else {
        Exit::Done
    })
}

/// How many approvers it needs, by the rules of both revisions and by their policies.
fn needs(before: &Reading, after: &Reading, proposal: &Proposal) -> Vec<Need> {
    if proposal.is_empty() && before.source.files.len() == after.source.files.len() && {
        let mut pairs = before.source.files.iter().zip(&after.source.files);
        pairs.all(|((a, x), (b, y))| a == b && x.blob == y.blob)
    } {
        return Vec::new();
    }
    let (old, new) = (&before.catalog, &after.catalog);
    let controls = control(old, new, &proposal.differences);
    let mut requirement = Requirement::new(old, new, BTreeSet::new(), controls, Barred::new());
    for objection in &proposal.objections {
        if let (Verdict::No | Verdict::Failed, Effect::Approvals(approvals)) =
            (objection.verdict, objection.follows())
        {
            let because = format!("policy {}: {}", objection.policy, objection.message);
            requirement.need(approvals, because);
        }
    }
    requirement.needs
}

/// A user of the revision before, by name or by the login at a forge.
fn known(name: &str, before: &Reading) -> Result<UserName, Failed> {
    let users = &before.catalog.users;
    if let Some((forge, login)) = name.split_once(':') {
        let mut having = users.iter().filter(|(_, user)| {
            let logins = user.spec.credentials.iter().flat_map(|c| &c.forge_logins);
            let mut logins = logins.filter(|(at, _)| *at == forge);
            logins.any(|(_, theirs)| theirs.eq_ignore_ascii_case(login))
        });
        return match (having.next(), having.next()) {
            (Some((name, _)), None) => Ok(name.clone()),
            (None, _) => Err(Failed::say(
                Exit::Usage,
                format!(
                    "no user of the revision before has the login `{login}` at {forge}: say it in `credentials.forgeLogins`"
                ),
            )),
            (Some((one, _)), Some((other, _))) => Err(Failed::say(
                Exit::Usage,
                format!("both {one} and {other} have the login `{login}` at {forge}"),
            )),
        };
    }
    let found = UserName::new(name)
        .ok()
        .filter(|name| users.contains_key(name));
    found.ok_or_else(|| {
        let near = did_you_mean(name, users.keys().map(UserName::as_str));
        let near = near.map(|near| format!("; {near}")).unwrap_or_default();
        Failed::say(
            Exit::Usage,
            format!("there is no user `{name}` in the revision before{near}"),
        )
    })
}

/// What would become otherwise in the directory by the one revision and not by the other.
fn planned(
    place: &Place,
    args: &Args,
    base: &str,
    head: &str,
) -> Result<crate::plan::Plan, Failed> {
    let plan = |revision: &str| {
        let operator = workbench::operator(place)?;
        let origin = Origin::Revision {
            folder: place.folder.clone(),
            revision: revision.to_owned(),
        };
        let (record, instant) = (workbench::history, &args.instant);
        let bench = workbench::bench(place, &origin, instant, operator, record, Purpose::Look)?;
        Ok::<_, Failed>(bench.plan)
    };
    let (without, with) = (plan(base)?, plan(head)?);
    Ok(with.less(&without))
}

/// Writes the comments of the pull request, and takes away those of an earlier, longer one.
fn write(folder: &Path, parts: &[String]) -> Result<(), Failed> {
    let failed = |e: std::io::Error| {
        Failed::new(
            Exit::World,
            anyhow::Error::new(e).context(folder.display().to_string()),
        )
    };
    fs::create_dir_all(folder).map_err(failed)?;
    for (index, part) in parts.iter().enumerate() {
        fs::write(folder.join(format!("{}.md", index + 1)), part).map_err(failed)?;
    }
    let mut next = parts.len() + 1;
    loop {
        let path = folder.join(format!("{next}.md"));
        match fs::remove_file(&path) {
            Ok(()) => next += 1,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
    }
}
