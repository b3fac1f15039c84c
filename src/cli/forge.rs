//! Flags that name a forge, for commands that ask one or write to one.

use super::{Exit, Failed};
use crate::forge::{ForgeKind, ForgeUrl, Login, Patience, RepositoryPath, Settings};
use crate::operator::SecretSource;
use clap::ValueEnum;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A forge, a repository on it, and where the token comes from.
#[derive(Debug, clap::Args)]
pub struct ForgeArgs {
    /// Which software the forge is; Gitea is taken for Forgejo.
    #[arg(long, value_enum, requires = "repository")]
    pub forge: Option<ForgeArg>,
    /// Where people open the forge in a browser; left out: github.com or gitlab.com.
    #[arg(long, value_name = "URL", value_parser = ForgeUrl::parse, requires = "forge")]
    url: Option<ForgeUrl>,
    /// The repository on it.
    #[arg(long, value_name = "OWNER/NAME", requires = "forge")]
    repository: Option<String>,
    /// The environment variable that holds the token.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "COUNTERSIGN_FORGE_TOKEN",
        conflicts_with = "token_file"
    )]
    token_variable: String,
    /// The file that holds the token; others can neither read nor write it.
    #[arg(long, value_name = "FILE", requires = "forge")]
    token_file: Option<PathBuf>,
    /// The certificates (PEM) that the forge's must be signed by; left out: the system's.
    #[arg(long, value_name = "FILE", requires = "forge")]
    ca_file: Option<PathBuf>,
}

/// Which software a forge is.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ForgeArg {
    /// github.com, GitHub Enterprise Cloud or Server.
    #[value(name = "github")]
    GitHub,
    /// gitlab.com, or one's own GitLab.
    #[value(name = "gitlab")]
    GitLab,
    /// Forgejo or Gitea.
    #[value(name = "forgejo")]
    Forgejo,
}

impl From<ForgeArg> for ForgeKind {
    fn from(arg: ForgeArg) -> Self {
        match arg {
            ForgeArg::GitHub => Self::GitHub,
            ForgeArg::GitLab => Self::GitLab,
            ForgeArg::Forgejo => Self::Forgejo,
        }
    }
}

/// A forge that flags name, before its token was read.
#[derive(Debug)]
pub struct Named {
    kind: ForgeKind,
    url: ForgeUrl,
    repository: RepositoryPath,
    ca_file: Option<PathBuf>,
    token: SecretSource,
}

impl ForgeArgs {
    /// The forge that was named; none where none was.
    ///
    /// # Errors
    /// When it is not said where it is, or the repository cannot be one.
    pub fn named(&self) -> Result<Option<Named>, Failed> {
        let (Some(forge), Some(repository)) = (self.forge, &self.repository) else {
            return Ok(None);
        };
        let kind = ForgeKind::from(forge);
        let url = self.url.clone().or_else(|| kind.usual_url());
        let url = url.ok_or_else(|| {
            let words = format!("say with --url where this {} is", kind.title());
            Failed::say(Exit::Usage, words)
        })?;
        let repository = RepositoryPath::parse(repository, kind)
            .map_err(|error| Failed::say(Exit::Usage, format!("--repository: {error}")))?;
        let token = match &self.token_file {
            Some(file) => SecretSource::file(file, "--token-file"),
            None => SecretSource::variable(&self.token_variable, "--token-variable"),
        };
        Ok(Some(Named {
            kind,
            url,
            repository,
            ca_file: self.ca_file.clone(),
            token,
        }))
    }
}

impl Named {
    /// What it is opened with; the token is read now.
    ///
    /// # Errors
    /// When the token cannot be had.
    pub fn settings(self, bots: BTreeSet<Login>) -> Result<Settings, Failed> {
        let token = self.token.read();
        Ok(Settings {
            kind: self.kind,
            url: self.url,
            repository: self.repository,
            bots,
            ca_file: self.ca_file,
            token: token.map_err(|error| Failed::new(Exit::World, error))?,
            patience: Patience::default(),
        })
    }
}
