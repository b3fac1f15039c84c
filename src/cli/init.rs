//! `countersign init`: an access repository with nobody in it yet.

use super::ci::ForgeArg;
use super::{Exit, Failed, Outcome, Place, print, workbench};
use crate::author;
use crate::author::ci::{Standing, standing};
use crate::author::text::below;
use crate::manifest::config::{ForgeKind, Pipelines, Program};
use crate::manifest::schema::schema_of;
use crate::source::commit::{Author, Writer};
use crate::source::{Origin, git};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// Start an access repository: configuration, a first organization, profile and resources, no user.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder; left out: the current one (or -C).
    folder: Option<PathBuf>,
    /// A forge that the repository will lie at, to write its pipelines, forms and CODEOWNERS; repeat it.
    /// Left out: what the remote `origin` looks like, else GitHub.
    #[arg(long = "forge", value_enum, value_name = "FORGE")]
    forges: Vec<ForgeArg>,
    /// Write nothing for a forge.
    #[arg(long, conflicts_with_all = ["forges", "program"])]
    no_forge: bool,
    /// Where the pipelines get `countersign` from, and its SHA-256; left out: it is on the runner's PATH.
    #[arg(long, value_name = "URL", requires = "sha256")]
    program: Option<String>,
    /// The SHA-256 of that file.
    #[arg(long, value_name = "HEX", requires = "program")]
    sha256: Option<String>,
    /// The branch that pull requests are merged into.
    #[arg(long, value_name = "NAME", default_value = "main")]
    base_branch: String,
}

const CONFIG: &str = include_str!("init/countersign.yaml");

const FILES: [(&str, &str); 4] = [
    (
        "organizations/our-organization.yaml",
        include_str!("init/organization.yaml"),
    ),
    ("profiles/employee.yaml", include_str!("init/employee.yaml")),
    (
        "resources/active-directory.yaml",
        include_str!("init/active-directory.yaml"),
    ),
    (
        "resources/countersign.yaml",
        include_str!("init/countersign-resource.yaml"),
    ),
];

/// Files for editors and commits: what is there already is left as it is.
const AROUND: [(&str, &str); 4] = [
    (".gitignore", author::GITIGNORE),
    (
        ".pre-commit-config.yaml",
        include_str!("init/pre-commit.yaml"),
    ),
    (
        ".vscode/extensions.json",
        include_str!("init/extensions.json"),
    ),
    (".vscode/settings.json", include_str!("init/settings.json")),
];

/// Folders that are empty at first; git keeps them by a file of no meaning.
const FOLDERS: [&str; 5] = ["users", "roles", "scopes", "identities", "requests"];

/// Runs the command.
///
/// # Errors
/// When the folder holds an access repository already, or cannot be written.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let folder = args.folder.as_deref().unwrap_or(&place.folder);
    if folder.join("countersign.yaml").exists() {
        let words = format!("{} holds an access repository already", folder.display());
        return Err(Failed::say(Exit::Usage, words));
    }
    let pipelines = pipelines(folder, args)?;
    // Nothing is begun that could not be finished.
    in_the_way(folder, pipelines.as_ref())?;
    write(folder, pipelines.as_ref()).map_err(|error| {
        let words = format!("cannot write into {}: {error}", folder.display());
        Failed::say(Exit::World, words)
    })?;
    let reading = workbench::read(&Origin::Worktree {
        folder: folder.to_owned(),
    })?;
    super::ci::write(&reading.catalog, folder, &|_| {})?;
    let writer = Writer::init(folder).map_err(|e| Failed::new(Exit::World, e))?;
    let (name, mail) = writer
        .identity()
        .unwrap_or_else(|| ("Countersign".into(), "countersign@localhost".into()));
    let by = Author {
        name: &name,
        mail: &mail,
        at: Timestamp::now(),
    };
    let commit = writer
        .commit("Begin the access repository", &by)
        .map_err(|e| Failed::new(Exit::World, e))?;
    print(&format!(
        "An access repository with nobody in it yet: {} (commit {}).\n\n\
         Next:\n  \
         1. say in countersign.yaml what your directory looks like,\n  \
         2. add a user below users/ and check it: countersign validate --worktree\n  \
         3. commit, and see what would be done: countersign plan\n{}",
        folder.display(),
        &commit[..10],
        match &pipelines {
            Some(_) =>
                "  \
         4. push it, and set up what the first lines of the pipelines ask for;\n     \
            after a change of profiles, questions or administrators: countersign ci generate\n",
            None => "",
        }
    ))?;
    Ok(Exit::Done)
}

/// What is said of pipelines, as the configuration will say it.
fn pipelines(folder: &Path, args: &Args) -> Result<Option<Pipelines>, Failed> {
    if args.no_forge {
        return Ok(None);
    }
    let mut forges: Vec<ForgeKind> = args.forges.iter().map(|f| ForgeKind::from(*f)).collect();
    forges.sort();
    forges.dedup();
    if forges.is_empty() {
        forges.push(looks_like(git::origin(folder).as_deref()));
    }
    let program = args.program.as_ref().zip(args.sha256.as_ref());
    let pipelines = Pipelines {
        forges,
        branch: args.base_branch.clone(),
        program: program.map(|(url, sha256)| Program {
            url: url.clone(),
            sha256: sha256.clone(),
        }),
    };
    // The same rules as those of the configuration's schema.
    let schema = schema_of::<Pipelines>("Pipelines");
    let fits = |property: &str, text: &str| {
        let pattern = schema.pointer(property).and_then(|p| p.as_str());
        pattern.is_none_or(|p| regex::Regex::new(p).is_ok_and(|p| p.is_match(text)))
    };
    let program = pipelines.program.as_ref();
    let refused = [
        (
            "--base-branch: it is no name of a branch that a pipeline takes",
            "/properties/branch/pattern",
            Some(&pipelines.branch),
        ),
        (
            "--program: it must be an https address without blanks, quotes, `$`, `#` and braces",
            "/properties/program/properties/url/pattern",
            program.map(|p| &p.url),
        ),
        (
            "--sha256: it must be 64 hexadecimal digits in lower case, as `sha256sum` prints them",
            "/properties/program/properties/sha256/pattern",
            program.map(|p| &p.sha256),
        ),
    ];
    for (words, pattern, text) in refused {
        if text.is_some_and(|text| !fits(pattern, text)) {
            return Err(Failed::say(Exit::Usage, words));
        }
    }
    Ok(Some(pipelines))
}

/// The forge that a remote's address speaks of.
fn looks_like(origin: Option<&str>) -> ForgeKind {
    let origin = origin.unwrap_or_default().to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| origin.contains(word));
    if says(&["gitlab"]) {
        ForgeKind::Gitlab
    } else if says(&["forgejo", "codeberg", "gitea"]) {
        ForgeKind::Forgejo
    } else {
        ForgeKind::Github
    }
}

/// Fails where a file lies in the way of one that would be generated.
fn in_the_way(folder: &Path, pipelines: Option<&Pipelines>) -> Result<(), Failed> {
    let own = author::ci::paths(pipelines).into_iter().filter(|path| {
        let file = author::ci::Generated {
            path: path.clone(),
            text: String::new(),
        };
        standing(folder, &file, &|_| false).is_ok_and(|found| found == Standing::ByHand)
    });
    let own: Vec<String> = own.collect();
    if own.is_empty() {
        return Ok(());
    }
    let words = format!(
        "{} would be generated and is there already, so nothing was begun; move it elsewhere, or say --no-forge",
        own.join(", ")
    );
    Err(Failed::say(Exit::Usage, words))
}

fn write(folder: &Path, pipelines: Option<&Pipelines>) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut config = CONFIG.to_owned();
    if let Some(pipelines) = pipelines {
        config.push_str("  # For `countersign ci generate`.\n");
        let value = serde_json::to_value(pipelines).unwrap_or_default();
        for line in below("pipelines", &value).lines() {
            config.push_str(&format!("  {line}\n"));
        }
        if pipelines.program.is_none() {
            config.push_str(
                "    # Where the pipelines get it from; without, it has to be on the runner's PATH.\n    \
                 # program: {url: \"https://…/countersign\", sha256: …}\n",
            );
        }
    }
    author::file(folder, "countersign.yaml", config.as_bytes())?;
    for (name, text) in FILES {
        author::file(folder, name, text.as_bytes())?;
    }
    for (name, text) in AROUND {
        if !folder.join(name).exists() {
            author::file(folder, name, text.as_bytes())?;
        }
    }
    for name in FOLDERS {
        author::file(folder, &format!("{name}/.gitkeep"), b"")?;
    }
    if folder.join(author::SCHEMAS).exists() {
        return Ok(());
    }
    author::schemas::begin(folder)
}
