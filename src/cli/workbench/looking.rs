//! Somebody who looks at the directory while the repository is read and the rest is worked out.
//!
//! Invariant: what was seen counts only where it is what the repository, once it was read, wants seen.

use super::{Failed, Purpose, open_failed};
use crate::connector::{Failure, Transport};
use crate::observed::snapshot::{Snapshot, Taken};
use crate::observed::{Account, Directory, Portion};
use crate::operator::{DirectoryTransport, Operator};
use crate::plan::DirectoryMode;
use crate::reconcile::wanted::Wanted;
use crate::reconcile::world::{self, OpenError};
use crate::reconcile::{self, Looked, ReconcileError};
use crate::source::Origin;
use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::JoinHandle;

/// A directory that is being opened and looked at. Where nobody waits for it any more it is let go.
pub struct Looking {
    wanted: Wanted,
    opened: Receiver<Result<Opened, OpenError>>,
    looked: Receiver<Told>,
    thread: JoinHandle<Option<Box<dyn Transport>>>,
}

/// Whether a server tells of a directory, and not a file.
fn is_served(operator: &Operator, wanted: &Wanted) -> bool {
    let named = operator.directory(&wanted.resource);
    named.is_some_and(|named| matches!(named.transport, DirectoryTransport::Ldap(_)))
}

/// What opening a directory came to.
enum Opened {
    /// There is none at hand.
    Nowhere,
    /// It is open.
    Here,
}

/// A directory that was read, and how, where that is kept for the next time.
type Seen = (Directory, Option<Taken>);

/// What is told of a directory that is being looked at.
enum Told {
    /// Some accounts came in.
    Portion(Portion),
    /// It was read, or could not be.
    End(Result<Box<Seen>, ReconcileError>),
}

/// How many accounts are told of at once: so many come with one answer of a server, and until the next one a
/// processor is free.
const PORTION: usize = if IS_TESTED { 1 } else { 1000 };

/// Whether it is looked at every other account at least, however soon the end comes: tests have few accounts, and
/// should meet what is done with many, beside those who came too late.
const IS_TESTED: bool = cfg!(feature = "failpoints");

/// How many of them are looked at before it is asked whether all was seen meanwhile.
const AT_ONCE: usize = 100;

/// Somebody who tells of accounts as they come in.
struct Teller {
    tell: Sender<Told>,
    portion: Portion,
}

impl Teller {
    fn see(&mut self, account: &Arc<Account>) {
        let Portion { base, accounts } = &mut self.portion;
        accounts.push(account.clone());
        if accounts.len() == PORTION {
            let accounts = std::mem::take(accounts);
            let base = base.clone();
            let _ = self.tell.send(Told::Portion(Portion { base, accounts }));
        }
    }
}

/// What becomes of the directory once it was looked at.
enum Afterwards {
    /// A file takes memory, and is soon read again.
    LetGo,
    /// It is asked for more, or written to.
    Keep,
    /// It is written to, and looked at again later, as this time with what it was before.
    Remember(Option<Box<Snapshot>>),
}

impl Looking {
    /// Begins, before the repository was read, with what it seems to want; none where that cannot be
    /// told so early, or the directory is a file: nobody waits for one, and both at once take more memory.
    pub fn ahead(origin: &Origin, operator: &Operator, purpose: Purpose<'_>) -> Option<Self> {
        let wanted = Wanted::guessed(origin, operator.outer())?;
        let is_asked = purpose.shut(&wanted.resource).is_none();
        (is_asked && is_served(operator, &wanted)).then(|| Self::begin(operator, wanted, purpose))
    }

    fn begin(operator: &Operator, wanted: Wanted, purpose: Purpose<'_>) -> Self {
        let afterwards = match purpose {
            Purpose::Look if !is_served(operator, &wanted) => Afterwards::LetGo,
            Purpose::Look | Purpose::Apply => Afterwards::Keep,
            Purpose::GoOn(standing) => Afterwards::Remember(standing.kept.take().map(Box::new)),
        };
        let (tell_opened, opened) = sync_channel(1);
        let (tell, looked) = channel();
        let (operator, asked) = (operator.clone(), wanted.clone());
        let thread = std::thread::spawn(move || {
            let mut directory = match world::directory(&operator, &asked.resource).transpose() {
                Some(Ok((directory, _))) => directory,
                Some(Err(error)) => {
                    let _ = tell_opened.send(Err(error));
                    return None;
                }
                None => {
                    let _ = tell_opened.send(Ok(Opened::Nowhere));
                    return None;
                }
            };
            let _ = tell_opened.send(Ok(Opened::Here));
            let (base, accounts) = (directory.base().clone(), Vec::new());
            let mut teller = Teller {
                tell: tell.clone(),
                portion: Portion { base, accounts },
            };
            let watcher = &mut |account: &Arc<Account>| teller.see(account);
            let is_kept = !matches!(afterwards, Afterwards::LetGo);
            let seen = match afterwards {
                Afterwards::LetGo | Afterwards::Keep => {
                    let seen = reconcile::look(&asked, &mut *directory, watcher);
                    seen.map(|directory| (directory, None))
                }
                Afterwards::Remember(kept) => {
                    let kept = kept.map(|kept| *kept);
                    let seen = reconcile::look_again(&asked, &mut *directory, kept, watcher);
                    seen.map(|seen| (seen.directory, Some(seen.taken)))
                }
            };
            let _ = tell.send(Told::End(seen.map(Box::new)));
            is_kept.then_some(directory)
        });
        Self {
            wanted,
            opened,
            looked,
            thread,
        }
    }

    /// What was seen, once all was; until then of accounts, while there is time to look at them. None where the
    /// thread broke down, which ending it shows.
    fn seen(&self, see: &mut dyn FnMut(Portion)) -> Option<Result<Box<Seen>, ReconcileError>> {
        let mut portions = VecDeque::new();
        loop {
            let told = match self.looked.try_recv() {
                Ok(told) => told,
                Err(_) => match portions.pop_front() {
                    Some(portion) => {
                        see(portion);
                        continue;
                    }
                    None => self.looked.recv().ok()?,
                },
            };
            match told {
                Told::Portion(Portion { base, accounts }) => {
                    portions.extend(accounts.chunks(AT_ONCE).map(|accounts| Portion {
                        base: base.clone(),
                        accounts: accounts.to_vec(),
                    }));
                }
                Told::End(seen) => {
                    let others = portions.drain(..).step_by(2);
                    others.filter(|_| IS_TESTED).for_each(see);
                    return Some(seen);
                }
            }
        }
    }

    /// Ends it: the directory, where it is kept.
    pub fn end(self) -> Option<Box<dyn Transport>> {
        self.thread.join().unwrap_or_else(|p| resume_unwind(p))
    }
}

/// The directory, being looked at, or why it cannot be; and who writes it.
pub struct Reached {
    /// None where there is none at hand, or it cannot be opened.
    pub looking: Option<Looking>,
    /// Why it cannot be opened, where the rest goes on without it.
    pub away: Option<Failure>,
    /// Who writes it.
    pub mode: DirectoryMode,
}

impl Reached {
    /// The directory that a repository wants looked at: the one that is, where that was begun already.
    ///
    /// # Errors
    /// When it cannot be opened, and nothing goes on without it.
    pub fn of(
        operator: &Operator,
        wanted: Wanted,
        ahead: Option<Looking>,
        purpose: Purpose<'_>,
    ) -> Result<Self, Failed> {
        let named = operator.directory(&wanted.resource);
        let mut reached = Self {
            looking: None,
            away: purpose.shut(&wanted.resource).cloned(),
            mode: named.map_or(DirectoryMode::Direct, |named| named.mode),
        };
        if reached.away.is_some() {
            return Ok(reached);
        }
        let looking = match ahead {
            Some(looking) if looking.wanted == wanted => looking,
            Some(_) | None => Looking::begin(operator, wanted, purpose),
        };
        match (looking.opened.recv(), purpose) {
            (Ok(Ok(Opened::Here)), _) => reached.looking = Some(looking),
            (Ok(Ok(Opened::Nowhere)), _) => {}
            (Ok(Err(OpenError::Directory(failure))), Purpose::GoOn(_)) => {
                reached.away = Some(failure);
            }
            (Ok(Err(error)), _) => return Err(open_failed(error)),
            // Nothing is told where the thread broke down, which joining it shows.
            (Err(_), _) => drop(looking.end()),
        }
        Ok(reached)
    }

    /// Waits for what was seen, and how where that is kept; lets accounts be seen as they come in.
    ///
    /// # Errors
    /// When it could not be read completely, and nothing goes on without it.
    pub fn looked(
        &self,
        purpose: Purpose<'_>,
        taken: &mut Option<Taken>,
        see: &mut dyn FnMut(Portion),
    ) -> Result<Looked, ReconcileError> {
        let seen = self.looking.as_ref().and_then(|l| l.seen(see));
        match (seen, &self.away) {
            (Some(Ok(seen)), _) => {
                let (directory, how) = *seen;
                *taken = how;
                Ok(Looked::Read(Box::new(directory)))
            }
            (Some(Err(ReconcileError::Directory(failure))), _)
                if matches!(purpose, Purpose::GoOn(_)) =>
            {
                Ok(Looked::Unread(failure))
            }
            (Some(Err(error)), _) => Err(error),
            (None, Some(failure)) => Ok(Looked::Unread(failure.clone())),
            (None, None) => Ok(Looked::Nowhere),
        }
    }
}
