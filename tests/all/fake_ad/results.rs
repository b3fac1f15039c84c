//! A search request on a connection to its result messages: limits, pages and their cookies.

use super::directory::{Directory, NodeId};
use super::read::Wanted;
use super::refusal::Refusal;
use super::search::{Referrals, Tombstones, View, control};
use super::session::{Answers, Session, done, has};
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapOp, LdapResult, LdapResultCode as Code, LdapSearchRequest, LdapSearchResultReference,
    LdapSearchScope,
};
use std::collections::BTreeMap;

/// The open paged searches of a connection. A cookie means nothing on another one.
#[derive(Default)]
pub struct Pages {
    by_cookie: BTreeMap<Vec<u8>, Rest>,
    issued: u64,
}

/// What a paged search has yet to return.
struct Rest {
    found: Vec<NodeId>,
    referrals: Vec<String>,
}

impl Session {
    pub fn search(
        &mut self,
        directory: &Directory,
        request: &LdapSearchRequest,
        controls: &[LdapControl],
    ) -> Answers {
        if request.base.is_empty() && request.scope == LdapSearchScope::Base {
            // Anonymous clients get the rootDSE, but not with any control.
            if self.bound.is_none() && !controls.is_empty() {
                return Err(Refusal::unbound());
            }
            let entry = LdapOp::SearchResultEntry(directory.root_dse(request));
            let end = LdapOp::SearchResultDone(done(Code::Success));
            return Ok(vec![(entry, Vec::new()), (end, Vec::new())]);
        }
        if self.bound.is_none() {
            return Err(Refusal::unbound());
        }
        let page = controls.iter().find_map(|control| match control {
            LdapControl::SimplePagedResults { size, cookie } => Some((*size, cookie)),
            _ => None,
        });
        if let Some((size, cookie)) = page {
            return self.page(directory, request, controls, size, cookie);
        }
        let (mut found, referrals) = directory.search(request, view(controls))?;
        let asked = usize::try_from(request.sizelimit).unwrap_or(0);
        let asked = if asked == 0 { usize::MAX } else { asked };
        let limit = asked.min(directory.options.max_page_size);
        if found.len() > limit {
            found.truncate(limit);
            let end = done(Code::SizeLimitExceeded);
            return results(directory, request, &found, Vec::new(), end, None);
        }
        let end = done(Code::Success);
        results(directory, request, &found, referrals, end, None)
    }

    fn page(
        &mut self,
        directory: &Directory,
        request: &LdapSearchRequest,
        controls: &[LdapControl],
        size: i64,
        cookie: &Vec<u8>,
    ) -> Answers {
        let mut rest = if cookie.is_empty() {
            let (found, referrals) = directory.search(request, view(controls))?;
            Rest { found, referrals }
        } else {
            self.pages
                .by_cookie
                .remove(cookie)
                .ok_or_else(Refusal::control)?
        };
        let limit = directory.options.max_page_size;
        let size = usize::try_from(size)
            .unwrap_or(0)
            .min(limit)
            .min(rest.found.len());
        let after = rest.found.split_off(size);
        let here = std::mem::replace(&mut rest.found, after);
        let (referrals, cookie) = if rest.found.is_empty() || size == 0 {
            (rest.referrals, Vec::new())
        } else {
            self.pages.issued += 1;
            let cookie = format!("{}:{}", self.number, self.pages.issued).into_bytes();
            self.pages.by_cookie.insert(cookie.clone(), rest);
            (Vec::new(), cookie)
        };
        let control = LdapControl::SimplePagedResults { size: 0, cookie };
        let end = done(Code::Success);
        results(directory, request, &here, referrals, end, Some(control))
    }
}

fn results(
    directory: &Directory,
    request: &LdapSearchRequest,
    found: &[NodeId],
    referrals: Vec<String>,
    end: LdapResult,
    control: Option<LdapControl>,
) -> Answers {
    let wanted = Wanted {
        attributes: request.attrs.clone(),
        types_only: request.typesonly,
    };
    let mut answers = Vec::with_capacity(found.len() + 2);
    for &id in found {
        let entry = directory.render(id, &wanted)?;
        answers.push((LdapOp::SearchResultEntry(entry), Vec::new()));
    }
    for uri in referrals {
        let reference = LdapSearchResultReference { uris: vec![uri] };
        answers.push((LdapOp::SearchResultReference(reference), Vec::new()));
    }
    answers.push((LdapOp::SearchResultDone(end), control.into_iter().collect()));
    Ok(answers)
}

fn view(controls: &[LdapControl]) -> View {
    let mut view = View::default();
    if has(controls, control::SHOW_DELETED) || has(controls, control::SHOW_RECYCLED) {
        view.tombstones = Tombstones::Shown;
    }
    if has(controls, control::DOMAIN_SCOPE) {
        view.referrals = Referrals::Withheld;
    }
    view
}
