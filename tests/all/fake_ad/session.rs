//! One connection's requests to answers: who is bound, which pages are open, which faults strike.

use super::Shared;
use super::directory::{Directory, NodeId};
use super::fault::{Effect, Moment};
use super::log::{self, Logged};
use super::name::fold;
use super::refusal::Refusal;
use super::relocate::Extent;
use super::results::Pages;
use super::search::control;
use super::write::{Channel, Repeats, Terms};
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapBindResponse, LdapCompareRequest, LdapExtendedRequest, LdapExtendedResponse, LdapMsg,
    LdapOp, LdapResult, LdapResultCode as Code, OID_WHOAMI,
};
use std::sync::Arc;
use std::time::Duration;

const OID_START_TLS: &str = "1.3.6.1.4.1.1466.20037";

pub struct Session {
    pub number: u64,
    shared: Arc<Shared>,
    pub channel: Channel,
    pub bound: Option<NodeId>,
    pub pages: Pages,
}

/// How the connection goes on after a request.
pub enum Turn {
    Answer(Vec<LdapMsg>),
    /// Send, then speak TLS.
    StartTls(Vec<LdapMsg>),
    /// Send half of the messages, then drop the connection.
    Half(Vec<LdapMsg>),
    /// Send half of the bytes, then drop the connection.
    Cut(Vec<LdapMsg>),
    Close,
}

/// The faults that strike one request, taken together.
#[derive(Default)]
struct Plight {
    stall: Duration,
    answer: Option<(Code, String)>,
    partial: Option<(Code, String)>,
    drop: Option<Moment>,
    half: bool,
    cut: bool,
}

/// The messages that answer a request, each with its controls; a refusal is one of them.
pub type Answers = Result<Vec<(LdapOp, Vec<LdapControl>)>, Refusal>;

impl Session {
    pub fn new(number: u64, shared: Arc<Shared>, channel: Channel) -> Session {
        Session {
            number,
            shared,
            channel,
            bound: None,
            pages: Pages::default(),
        }
    }

    pub async fn turn(&mut self, request: LdapMsg) -> Turn {
        let Some(mut logged) = Logged::of(self.number, &request) else {
            return Turn::Close;
        };
        logged.object = self.shared.directory().name_of(&logged.dn);
        let plight = self.plight(&logged);
        if !plight.stall.is_zero() {
            tokio::time::sleep(plight.stall).await;
        }
        if plight.drop == Some(Moment::Before) {
            self.shared.log().push(logged);
            return Turn::Close;
        }
        let answers = match plight.answer {
            Some((code, message)) => Err(Refusal::new(code, message)),
            None => self.perform(&request),
        };
        let answers = match plight.partial {
            Some((code, message)) => answers.map(|all| broken_off(&request.op, all, code, message)),
            None => answers,
        };
        let start_tls = answers.is_ok() && logged.dn == OID_START_TLS;
        let answers = answers.unwrap_or_else(|refusal| {
            let answer = answer_to(&request.op, refused(refusal));
            answer.map(|op| (op, Vec::new())).into_iter().collect()
        });
        logged.code = answers.last().and_then(|(op, _)| code_of(op));
        self.shared.log().push(logged);
        let messages: Vec<LdapMsg> = answers
            .into_iter()
            .map(|(op, ctrl)| LdapMsg::new_with_ctrls(request.msgid, op, ctrl))
            .collect();
        match request.op {
            LdapOp::UnbindRequest => Turn::Close,
            _ if plight.drop == Some(Moment::After) => Turn::Close,
            _ if plight.half => Turn::Half(messages),
            _ if plight.cut => Turn::Cut(messages),
            _ if start_tls => Turn::StartTls(messages),
            _ => Turn::Answer(messages),
        }
    }

    /// Gathers the faults that this request meets; other people's changes happen here.
    fn plight(&self, logged: &Logged) -> Plight {
        let mut plight = Plight::default();
        let mut faults = self.shared.faults();
        for fault in faults.iter_mut() {
            if !fault.strikes(logged.operation, &logged.object) {
                continue;
            }
            match &mut fault.effect {
                Effect::Answer(code, message) => {
                    plight.answer = Some((code.clone(), message.clone()));
                }
                Effect::Partial(code, message) => {
                    plight.partial = Some((code.clone(), message.clone()));
                }
                Effect::Drop(moment) => plight.drop = Some(*moment),
                Effect::DropDuring => plight.half = true,
                Effect::Truncate => plight.cut = true,
                Effect::Stall(time) => plight.stall += *time,
                Effect::Before(change) => change(&mut self.shared.directory()),
            }
        }
        faults.retain(|fault| !fault.is_spent());
        plight
    }

    fn perform(&mut self, request: &LdapMsg) -> Answers {
        let unknown = |control: &&LdapControl| {
            let oid = log::control_oid(control);
            log::is_critical(control) && !control::ALL.contains(&oid.as_str())
        };
        if request.ctrl.iter().any(|control| unknown(&control)) {
            return Err(Refusal::control());
        }
        let terms = Terms {
            channel: self.channel,
            repeats: if has(&request.ctrl, control::PERMISSIVE_MODIFY) {
                Repeats::Permitted
            } else {
                Repeats::Refused
            },
        };
        let shared = Arc::clone(&self.shared);
        let mut directory = shared.directory();
        match &request.op {
            LdapOp::BindRequest(bind) => {
                // A bind, even a refused one, ends what was before.
                self.bound = None;
                self.bound = self.authenticate(&directory, bind)?;
            }
            LdapOp::UnbindRequest | LdapOp::AbandonRequest(_) => return Ok(Vec::new()),
            LdapOp::ExtendedRequest(extended) => return self.extended(&directory, extended),
            LdapOp::SearchRequest(search) => return self.search(&directory, search, &request.ctrl),
            _ if self.bound.is_none() => return Err(Refusal::unbound()),
            LdapOp::AddRequest(add) => directory.add(&add.dn, &add.attributes, terms)?,
            LdapOp::ModifyRequest(modify) => {
                directory.modify(&modify.dn, &modify.changes, terms)?;
            }
            LdapOp::ModifyDNRequest(rename) => directory.modify_dn(rename)?,
            LdapOp::DelRequest(dn) => {
                let tree = has(&request.ctrl, control::TREE_DELETE);
                directory.delete(dn, if tree { Extent::Tree } else { Extent::Leaf })?;
            }
            LdapOp::CompareRequest(compare) => return compare_values(&directory, compare),
            _ => return Err(Refusal::new(Code::ProtocolError, "")),
        }
        let answer = answer_to(&request.op, done(Code::Success));
        Ok(answer.map(|op| (op, Vec::new())).into_iter().collect())
    }

    fn extended(&self, directory: &Directory, request: &LdapExtendedRequest) -> Answers {
        let response = |name: Option<&str>, value| LdapExtendedResponse {
            res: done(Code::Success),
            name: name.map(str::to_owned),
            value,
        };
        let response = match request.name.as_str() {
            OID_START_TLS if self.channel == Channel::Clear => response(Some(OID_START_TLS), None),
            OID_START_TLS => return Err(Refusal::new(Code::OperationsError, "TLS is already on")),
            OID_WHOAMI => {
                let login = self
                    .bound
                    .map(|id| directory.node(id).content.text("sAMAccountName"));
                let domain = directory.options.short_domain();
                let name = login.map(|login| format!("u:{domain}\\{}", login.unwrap_or_default()));
                response(None, Some(name.unwrap_or_default().into_bytes()))
            }
            _ => {
                let comment = "Unknown extended request OID";
                return Err(Refusal::ldap(Code::ProtocolError, 0x203D, comment, "0"));
            }
        };
        Ok(vec![(LdapOp::ExtendedResponse(response), Vec::new())])
    }
}

fn compare_values(directory: &Directory, request: &LdapCompareRequest) -> Answers {
    let id = directory.target(&request.dn)?;
    directory.attribute(&request.atype)?;
    let values = directory.values(id, &request.atype);
    if values.is_empty() {
        return Err(Refusal::conversion(Code::NoSuchAttribute));
    }
    let folded = |value: &[u8]| fold(&String::from_utf8_lossy(value));
    let equal = values
        .iter()
        .any(|value| folded(value) == folded(&request.val));
    let code = if equal {
        Code::CompareTrue
    } else {
        Code::CompareFalse
    };
    Ok(vec![(LdapOp::CompareResult(done(code)), Vec::new())])
}

pub fn has(controls: &[LdapControl], oid: &str) -> bool {
    controls
        .iter()
        .any(|control| log::control_oid(control) == oid)
}

/// Half of the results, and then a failure.
fn broken_off(
    request: &LdapOp,
    mut answers: Vec<(LdapOp, Vec<LdapControl>)>,
    code: Code,
    message: String,
) -> Vec<(LdapOp, Vec<LdapControl>)> {
    answers.truncate(answers.len() / 2);
    let end = answer_to(request, refused(Refusal::new(code, message)));
    answers.extend(end.map(|op| (op, Vec::new())));
    answers
}

pub fn done(code: Code) -> LdapResult {
    refused(Refusal::new(code, ""))
}

fn refused(refusal: Refusal) -> LdapResult {
    LdapResult {
        code: refusal.code,
        matcheddn: refusal.matched,
        message: refusal.message,
        referral: refusal.referral,
    }
}

/// The response that fits a request; none to unbind and abandon.
fn answer_to(request: &LdapOp, result: LdapResult) -> Option<LdapOp> {
    Some(match request {
        LdapOp::BindRequest(_) => LdapOp::BindResponse(LdapBindResponse {
            res: result,
            saslcreds: None,
        }),
        LdapOp::SearchRequest(_) => LdapOp::SearchResultDone(result),
        LdapOp::AddRequest(_) => LdapOp::AddResponse(result),
        LdapOp::ModifyRequest(_) => LdapOp::ModifyResponse(result),
        LdapOp::ModifyDNRequest(_) => LdapOp::ModifyDNResponse(result),
        LdapOp::DelRequest(_) => LdapOp::DelResponse(result),
        LdapOp::CompareRequest(_) => LdapOp::CompareResult(result),
        LdapOp::ExtendedRequest(_) => LdapOp::ExtendedResponse(LdapExtendedResponse {
            res: result,
            name: None,
            value: None,
        }),
        _ => return None,
    })
}

fn code_of(answer: &LdapOp) -> Option<i64> {
    let code = match answer {
        LdapOp::BindResponse(response) => &response.res.code,
        LdapOp::ExtendedResponse(response) => &response.res.code,
        LdapOp::SearchResultDone(result)
        | LdapOp::AddResponse(result)
        | LdapOp::ModifyResponse(result)
        | LdapOp::ModifyDNResponse(result)
        | LdapOp::DelResponse(result)
        | LdapOp::CompareResult(result) => &result.code,
        _ => return None,
    };
    Some(code.clone() as i64)
}
