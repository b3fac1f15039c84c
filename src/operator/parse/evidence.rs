//! What approval rests on: the module of evidence, and the forge whose record it may be.

use super::super::settings::{self, EvidenceModule, ForgeSoftware};
use super::super::{Evidence, ForgeReviews};
use super::reader::{Reader, keys};
use crate::diagnostic::Code;
use crate::forge::{ForgeKind, ForgeUrl, Login, RepositoryPath, UrlError};

/// What may be written for a forge's address.
const URL_HELP: &str = "write `https://host`, as people open the forge in a browser; the token comes from the environment, a file or a systemd credential";

/// The keys that only a forge needs.
const OF_A_FORGE: [&str; 6] = ["forge", "url", "repository", "caFile", "formBots", "token"];

impl Reader<'_> {
    /// The module, and the forge where the module is its record.
    pub(super) fn evidence(
        &mut self,
        given: &settings::Evidence,
    ) -> Option<(Evidence, Option<ForgeReviews>)> {
        if given.module == EvidenceModule::ForgeReviews {
            let forge = self.forge(given);
            let begins = self.begins_somewhere("forge-reviews");
            return Some((Evidence::ForgeReviews, Some(forge.filter(|_| begins)?)));
        }
        for key in OF_A_FORGE {
            if self.given(&["evidence", key]) {
                let message = format!("only `forge-reviews` has a use for `{key}`");
                let help = "take it out, or write `module: forge-reviews`";
                self.say(
                    Code::UnknownField,
                    self.key(&["evidence", key]),
                    message,
                    Some(help),
                );
            }
        }
        match given.module {
            EvidenceModule::TrustBranch => Some((Evidence::TrustBranch, None)),
            EvidenceModule::SignedMerge | EvidenceModule::ForgeReviews => self
                .begins_somewhere("signed-merge")
                .then_some((Evidence::SignedMerge, None)),
        }
    }

    /// Proof begins with a commit that the operator names.
    fn begins_somewhere(&mut self, module: &str) -> bool {
        let begins = self.given(&["repository", "bootstrap"]);
        if !begins {
            let place = self.place(&keys(&["evidence", "module"]));
            let message = format!(
                "`{module}` begins with a commit that is trusted, and `repository.bootstrap` names none"
            );
            let help = "add `bootstrap: \"…\"` with the 40 hex digits of a commit that you have looked at yourself (`git rev-parse HEAD`): everything after it needs approval";
            self.say(Code::MissingField, place, message, Some(help));
        }
        begins
    }

    fn forge(&mut self, given: &settings::Evidence) -> Option<ForgeReviews> {
        let kind = self
            .forge_needs(given.forge, "forge")
            .map(|kind| match kind {
                ForgeSoftware::GitHub => ForgeKind::GitHub,
                ForgeSoftware::GitLab => ForgeKind::GitLab,
                ForgeSoftware::Forgejo => ForgeKind::Forgejo,
            });
        let url = match (&given.url, kind) {
            (Some(text), _) => self.forge_url(text),
            (None, Some(kind)) => match kind.usual_url() {
                Some(url) => Some(url),
                None => self.forge_needs(None, "url"),
            },
            (None, None) => None,
        };
        let repository = self.forge_needs(given.repository.as_deref(), "repository");
        let repository = repository.and_then(|text| match RepositoryPath::parse(text, kind?) {
            Ok(repository) => Some(repository),
            Err(error) => {
                let place = self.place(&keys(&["evidence", "repository"]));
                let help = "write it as it stands in the address of its page, as `city/access`";
                self.say(Code::BadValue, place, error.to_string(), Some(help));
                None
            }
        });
        let token = self.forge_needs(given.token.as_ref(), "token");
        let token = token.and_then(|token| self.secret(token, &["evidence", "token"]));
        let ca_file = self.optional(&given.ca_file, &["evidence", "caFile"]);
        Some(ForgeReviews {
            kind: kind?,
            url: url?,
            repository: repository?,
            bots: given
                .form_bots
                .iter()
                .map(|login| Login::new(login))
                .collect(),
            ca_file: ca_file?,
            token: token?,
        })
    }

    fn forge_url(&mut self, text: &str) -> Option<ForgeUrl> {
        match ForgeUrl::parse(text) {
            Ok(url) => Some(url),
            Err(error) => {
                let code = match error {
                    UrlError::Plain | UrlError::Credentials => Code::PlainConnection,
                    UrlError::Host | UrlError::Port | UrlError::Rest => Code::BadValue,
                };
                let place = self.place(&keys(&["evidence", "url"]));
                self.say(code, place, error.to_string(), Some(URL_HELP));
                None
            }
        }
    }

    /// Says where something is missing; what is there and not well formed was said already.
    fn forge_needs<T>(&mut self, value: Option<T>, key: &str) -> Option<T> {
        if value.is_none() && !self.given(&["evidence", key]) {
            let message = format!("`evidence` needs `{key}` with `forge-reviews`");
            let help = format!("add `{key}:`");
            self.say(
                Code::MissingField,
                self.key(&["evidence"]),
                message,
                Some(&help),
            );
        }
        value
    }
}
