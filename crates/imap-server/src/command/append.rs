//! APPEND (RFC 9051, section 6.3.12) with MULTIAPPEND (RFC 3502): decided on before the first message is sent, stored while
//! they arrive. REPLACE stores its message this way too.

use imap_backend::{Ability, Append, AppendedAll, Backend, Error, MailboxName, Messages, Rights, Session};
use imap_seq::Uid;
use imap_updates::{Flags, kind};

use super::authorized::AuthorizedUrls;
use super::catenate::{self, Urls};
use crate::client::Client;
use crate::completion::{Completion, Stop};
use crate::connection::{AppendHead, Arriving, Fault, Gone, Incoming, Judge, too_big};
use crate::convert;
use crate::enabled::Feature;
use crate::rights::{self, Deed};
use crate::state::State;
use crate::syntax::append::{Data, Options, Verb};
use crate::syntax::url::AuthUrl;
use crate::wire;

impl<B: Backend> Client<B> {
    /// Carries out an APPEND or REPLACE that was read as far as its first message.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) async fn append(&mut self, head: AppendHead) -> Result<(), Gone> {
        tracing::debug!(command = head.verb.name(), "received");
        if let Verb::Replace(numbers, _) = head.verb {
            return self.replace(head, numbers).await;
        }
        let tag = head.tag.clone();
        let answer = self.store_messages(head).await.map(|stored| {
            let completed = Completion::ok("APPEND completed");
            match self.append_uid(&stored) {
                Some(code) => completed.with_code(code),
                None => completed,
            }
        });
        // Only now is the command received whole, and in progress (RFC 9051, section 7.5.1).
        let command = self.begin(kind::Append);
        self.complete_releasing(&tag, command, answer).await
    }

    /// Stores what arrives.
    pub(super) async fn store_messages(&mut self, mut head: AppendHead) -> Result<AppendedAll, Stop> {
        let options = match head.line.options() {
            Ok(options) => options,
            Err(why) => return Err(self.not_understood(&head, why)),
        };
        let mut rules = self.rules(head.verb, options.data)?;
        let (target, first) = match self.target(&head, &mut rules, &options).await {
            Ok(target) => target,
            Err(refusal) => {
                let incoming = Incoming::new(&mut self.channel, head.line, options.data, rules);
                return Err(match incoming.finish().await {
                    Err(Fault::Gone(gone)) => gone.into(),
                    Err(Fault::Last(_)) => self.last(&head.tag, &refusal),
                    _ => refusal.into(),
                });
            }
        };
        let several = rules.several;
        let incoming = Incoming::new(&mut self.channel, head.line, options.data, rules);
        let arriving = Arriving::new(incoming);
        let source = arriving.source(first.clone(), options.data);
        let stored = tokio::select! {
            biased;
            stored = store(&mut self.state, &target, several, &first, source) => stored,
            gone = arriving.absence() => return Err(gone.into()),
        };
        match (arriving.finish().await, stored) {
            (Err(Fault::Gone(gone)), _) => Err(gone.into()),
            (_, Ok(stored)) => {
                if let State::Selected(_, selected) = &mut self.state {
                    selected.note_own(&target.name, stored.uids());
                }
                Ok(stored)
            }
            (Err(Fault::Malformed(why)), Err(_)) => {
                Err(Completion::bad(format!("{}: {why}", head.verb.name())).into())
            }
            (Err(Fault::Refused(refusal)), Err(_)) => Err(refusal.into()),
            (Err(Fault::Last(refusal)), Err(_)) => Err(self.last(&head.tag, &refusal)),
            (Ok(()), Err(error)) => Err(error.into()),
        }
    }

    /// What holds for a command whose first message comes like that.
    fn rules(&mut self, verb: Verb, first: Data) -> Result<Rules<B>, Completion> {
        let abilities = self.abilities();
        let naming = self.naming()?;
        let several = verb == Verb::Append && abilities.has(Ability::MultiAppend);
        let selected = match &self.state {
            State::Selected(_, selected) => Some(selected.name.clone()),
            _ => None,
        };
        // A later message may have URLs where the first has none; when it comes, this session is at work.
        let may_have_urls = several || matches!(first, Data::Catenate);
        let urls = match may_have_urls && abilities.has(Ability::Catenate) {
            true => self.state.session()?.another(),
            false => None,
        };
        Ok(Rules {
            several,
            takes_utf8: self.enabled.has(Feature::Utf8),
            largest: self.channel.limits.append,
            rights: Rights::none(),
            urls: urls.map(|session| Urls::new(session, naming.delimiter, selected)),
            authorized: abilities.has(Ability::UrlAuth).then(|| AuthorizedUrls::new(self)),
        })
    }

    /// Where the messages go, and what is said of the first.
    async fn target(
        &mut self,
        head: &AppendHead,
        rules: &mut Rules<B>,
        options: &Options,
    ) -> Result<(Target, Append), Completion> {
        let replaced = match head.verb {
            Verb::Append => None,
            Verb::Replace(numbers, number) => Some(self.replaced(numbers, number)?),
        };
        let name = self
            .naming()?
            .name(&head.mailbox)
            .ok_or_else(|| Completion::no("NONEXISTENT", convert::IMPOSSIBLE_NAME))?;
        rules.rights = rights::permit(self.state.session()?, Deed::Insert, &name).await?;
        Ok((Target { name, replaced }, rules.judge(options)?))
    }

    /// BAD; and the end, where the octets of a literal come all the same.
    fn not_understood(&mut self, head: &AppendHead, why: &'static str) -> Stop {
        let bad = Completion::bad(format!("{}: {why}", head.verb.name()));
        match head.line.is_followed_by_octets() {
            true => self.last(&head.tag, &bad),
            false => bad.into(),
        }
    }

    /// The connection ends with this answer.
    fn last(&mut self, tag: &str, answer: &Completion) -> Stop {
        self.log_failure(answer);
        answer.write(&mut self.channel, tag);
        Gone::CutOff("a refused literal is on its way").into()
    }

    /// `APPENDUID 38505 3955`, where UIDs are told (RFC 4315, section 3).
    pub(super) fn append_uid(&self, stored: &AppendedAll) -> Option<String> {
        if !self.abilities().has(Ability::UidPlus) {
            return None;
        }
        let mut code = format!("APPENDUID {} ", stored.uid_validity()).into_bytes();
        wire::uid_set(&mut code, stored.uids());
        String::from_utf8(code).ok()
    }
}

/// Where messages go.
#[derive(Debug)]
struct Target {
    name: MailboxName,
    /// The message of the selected mailbox that goes for it.
    replaced: Option<Uid>,
}

async fn store<S: Session>(
    state: &mut State<S>,
    target: &Target,
    several: bool,
    first: &Append,
    source: impl Messages,
) -> Result<AppendedAll, Error> {
    let Target { name, replaced } = target;
    match (state, replaced) {
        (State::Selected(session, selected), Some(replaced)) => {
            let mailbox = &mut selected.mailbox;
            let appended = session.replace(mailbox, *replaced, name, first, source).await?;
            Ok(appended.into())
        }
        (State::Authenticated(session) | State::Selected(session, _), _) => match several {
            true => session.append_all(name, source).await,
            false => Ok(session.append(name, first, source).await?.into()),
        },
        (State::NotAuthenticated, _) => Err(imap_backend::ErrorKind::ServerBug.into()),
    }
}

/// What holds for the messages of one command.
struct Rules<B: Backend> {
    several: bool,
    /// Whether the client has enabled UTF-8.
    takes_utf8: bool,
    /// The largest message, in octets.
    largest: u32,
    /// What this user may do in the mailbox that they go to. Flags that he may not set are lost (RFC 4314, section 4).
    rights: Rights,
    /// There where messages may be put together.
    urls: Option<Urls<B::Session>>,
    /// There where URLs of others may be authorized.
    authorized: Option<AuthorizedUrls<B>>,
}

impl<B: Backend> Judge for Rules<B> {
    fn judge(&self, options: &Options) -> Result<Append, Completion> {
        match options.data {
            Data::Literal(announced) | Data::Utf8(announced) if announced.octets > self.largest => {
                return Err(too_big(self.largest));
            }
            Data::Utf8(_) if !self.takes_utf8 => {
                return Err(Completion::no("", "enable UTF8=ACCEPT first"));
            }
            Data::Catenate if self.urls.is_none() => {
                return Err(Completion::bad("CATENATE is not offered"));
            }
            _ => {}
        }
        let flags: Flags = convert::flags(&options.flags)?;
        let append = Append::new(self.rights.changeable(&flags));
        Ok(match options.date.as_ref() {
            Some(date) => append.with_internal_date(*date.as_ref()),
            None => append,
        })
    }

    fn takes_several(&self) -> bool {
        self.several
    }

    async fn open(&mut self, url: &[u8]) -> Result<(imap_backend::Body, std::ops::Range<u64>), Completion> {
        let Some(urls) = &mut self.urls else {
            return Err(Completion::bad("CATENATE is not offered"));
        };
        match &mut self.authorized {
            Some(authorized) if AuthUrl::read(url).is_some() => match authorized.open(url).await {
                Ok(Some(named)) => Ok(named),
                Err(error) if !catenate::names_nothing(&error) => Err(error.into()),
                _ => Err(catenate::bad_url(url)),
            },
            _ => urls.open(url).await,
        }
    }
}
