//! Where cases play: clients of the user, and mailboxes that the run made.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::Plan;
use super::case::{Case, Outcome, Verdict};
use super::client::{Answer, Client, Done, Heard, Stop, failed};
use crate::finding::Finding;
use crate::response::Condition;

/// What the names of all mailboxes of a run begin with, behind the prefix of the user's namespace.
const PREFIX: &str = "imap-conform-";

/// After so many cases in a row without an answer the server is taken for dead.
const MOST_SILENT: u32 = 3;

/// How the user logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Login,
    /// AUTHENTICATE PLAIN.
    Plain,
}

/// What is said of the password, not of the command: another way in is not tried then.
const OF_THE_PASSWORD: [&str; 5] = [
    "AUTHENTICATIONFAILED",
    "AUTHORIZATIONFAILED",
    "EXPIRED",
    "PRIVACYREQUIRED",
    "UNAVAILABLE",
];

pub(super) struct Stage {
    plan: Plan,
    capabilities: Vec<String>,
    way: Way,
    /// Prefix of the namespace, [`PREFIX`], and what tells this run from others.
    prefix: String,
    made: BTreeSet<String>,
    mailboxes: u32,
    clients: u32,
    heard: Heard,
    /// The last cases, as far as they ended without an answer.
    silent: u32,
}

/// A message of the cases.
pub(super) fn message(number: u32) -> Vec<u8> {
    format!(
        "From: Sender {number} <sender{number}@example.org>\r\nTo: reader@example.org\r\n\
         Subject: message number {number}\r\nDate: Mon, {number} Jan 2024 10:00:00 +0000\r\n\
         Message-ID: <{number}.conform@example.org>\r\n\r\nThis is the body of number {number}.\r\n"
    )
    .into_bytes()
}

impl Stage {
    pub(super) async fn open(plan: &Plan) -> Result<Self, String> {
        let mut stage = Self {
            plan: plan.clone(),
            capabilities: Vec::new(),
            way: Way::Login,
            prefix: String::new(),
            made: BTreeSet::new(),
            mailboxes: 0,
            clients: 0,
            heard: Heard::default(),
            silent: 0,
        };
        match stage.learn().await {
            Ok(()) => Ok(stage),
            Err(Stop::Failed(what) | Stop::Skipped(what)) => Err(what),
            Err(Stop::Silent(what)) => Err(format!("{what}; --patience SECONDS waits longer")),
        }
    }

    /// What the server offers to a user, and where the user's mailboxes are.
    async fn learn(&mut self) -> Done {
        let mut client = self.connect().await?;
        self.capabilities = capabilities(&mut client).await?;
        self.find_the_way(&mut client).await?;
        self.capabilities = capabilities(&mut client).await?;
        let mut namespace = String::new();
        if self.offers("NAMESPACE") {
            let answer = client.ok("NAMESPACE").await?;
            let text = answer.texts("NAMESPACE").concat();
            namespace = text
                .strip_prefix("((\"")
                .and_then(|rest| rest.split('"').next())
                .unwrap_or_default()
                .to_owned();
        }
        let run = fastrand::Rng::new().u32(..);
        self.prefix = format!("{namespace}{PREFIX}{run:08x}-");
        Ok(())
    }

    pub(super) fn capabilities(&self) -> &[String] {
        &self.capabilities
    }

    /// Whether the server has the capability, or one of those with `|` between them.
    pub(super) fn offers(&self, capability: &str) -> bool {
        let has = |name: &str| {
            self.capabilities
                .iter()
                .any(|offered| offered == name || (name.ends_with('=') && offered.starts_with(name)))
        };
        capability.split('|').any(has)
    }

    /// LOGIN; where that is disabled, or refused for what is not the password, AUTHENTICATE PLAIN if it is offered.
    async fn find_the_way(&mut self, client: &mut Client) -> Done {
        if client.is_preauth() {
            return Ok(());
        }
        let has_plain = self.offers("AUTH=PLAIN");
        if self.offers("LOGINDISABLED") {
            self.way = Way::Plain;
            return match has_plain {
                true => self.log_in(client).await,
                false => failed(self.takes_no_password()),
            };
        }
        let answer = self.try_way(client).await?;
        let is_of_password = OF_THE_PASSWORD.iter().any(|code| answer.code(code).is_some());
        if answer.condition == Condition::Ok || is_of_password || !has_plain {
            return self.let_in(&answer);
        }
        self.way = Way::Plain;
        self.log_in(client).await
    }

    /// Why LOGIN cannot be tried (RFC 9051, section 6.2.3), and what can be done.
    fn takes_no_password(&self) -> String {
        let offered = self.capabilities.join(" ");
        match self.offers("STARTTLS") {
            true => format!("the server takes passwords over TLS alone (LOGINDISABLED): {SAY_TLS}"),
            false => format!(
                "the server takes no LOGIN (LOGINDISABLED), and there is no other way in here; it offers {offered}"
            ),
        }
    }

    /// The name of the user.
    pub(super) fn user(&self) -> &str {
        &self.plan.user
    }

    /// The user's password.
    pub(super) fn password(&self) -> &str {
        &self.plan.password
    }

    /// The user at this server, as a URL begins (RFC 5092, section 11).
    pub(super) fn url(&self) -> String {
        let mut url = "imap://".to_owned();
        for octet in self.plan.user.bytes() {
            match octet {
                octet if octet.is_ascii_alphanumeric() => url.push(char::from(octet)),
                octet => url.push_str(&format!("%{octet:02X}")),
            }
        }
        format!("{url}@{}", self.plan.target.address())
    }

    /// The number behind the name of a capability and `=`.
    pub(super) fn limit(&self, name: &str) -> Option<usize> {
        let mut values = self
            .capabilities
            .iter()
            .filter_map(|offered| offered.strip_prefix(name));
        values.find_map(|value| value.strip_prefix('=')?.parse().ok())
    }

    /// A client of the user.
    pub(super) async fn client(&mut self) -> Done<Client> {
        let mut client = self.connect().await?;
        self.log_in(&mut client).await?;
        Ok(client)
    }

    /// Logs the user in, by the way that was found.
    pub(super) async fn log_in(&self, client: &mut Client) -> Done {
        if client.is_preauth() {
            return Ok(());
        }
        let answer = self.try_way(client).await?;
        self.let_in(&answer)
    }

    async fn try_way(&self, client: &mut Client) -> Done<Answer> {
        let Plan { user, password, .. } = &self.plan;
        match self.way {
            Way::Login => {
                let login = format!("LOGIN {} {}", quoted(user), quoted(password));
                client.command(&login).await
            }
            Way::Plain => client.authenticate(user, password).await,
        }
    }

    fn let_in(&self, answer: &Answer) -> Done {
        match answer.condition {
            Condition::Ok => Ok(()),
            _ => failed(not_let_in(self.way, answer)),
        }
    }

    /// A client that has not logged in.
    pub(super) async fn stranger(&mut self) -> Done<Client> {
        let client = self.connect().await?;
        match client.is_preauth() {
            false => Ok(client),
            true => Err(Stop::Skipped("the greeting is PREAUTH".to_owned())),
        }
    }

    async fn connect(&mut self) -> Done<Client> {
        // Tags that tell the clients of a transcript apart: a1, b1.
        let letter = char::from(b"abcdefghij"[self.clients as usize % 10]);
        self.clients += 1;
        Client::connect(
            &self.plan.target,
            letter.to_string(),
            self.plan.patience,
            &self.heard,
        )
        .await
    }

    /// The name of a mailbox that there is not.
    pub(super) fn name(&mut self) -> String {
        self.mailboxes += 1;
        let name = format!("{}{}", self.prefix, self.mailboxes);
        self.made.insert(name.clone());
        name
    }

    /// The run has to remove this one as well.
    pub(super) fn made(&mut self, name: &str) {
        self.made.insert(name.to_owned());
    }

    /// A mailbox of its own, with so many messages.
    pub(super) async fn mailbox(&mut self, client: &mut Client, messages: u32) -> Done<String> {
        let name = self.name();
        client.ok(&format!("CREATE {name}")).await?;
        for number in 1..=messages {
            client.append(&name, "", &message(number)).await?;
        }
        Ok(name)
    }

    /// A client with a mailbox of its own selected, and the mailbox's name.
    pub(super) async fn selected(&mut self, messages: u32) -> Done<(Client, String)> {
        let mut client = self.client().await?;
        let name = self.mailbox(&mut client, messages).await?;
        client.ok(&format!("SELECT {name}")).await?;
        Ok((client, name))
    }

    /// Another client with that mailbox selected.
    pub(super) async fn also(&mut self, name: &str) -> Done<Client> {
        let mut client = self.client().await?;
        client.ok(&format!("SELECT {name}")).await?;
        Ok(client)
    }

    /// What the clients heard that have left.
    pub(super) fn heard(&self) -> (String, Vec<Finding>) {
        self.heard.take()
    }

    /// The next clients are the first.
    pub(super) fn begin(&mut self) {
        self.clients = 0;
    }

    pub(super) async fn play(&mut self, case: &Case) -> Outcome {
        let begin = Instant::now();
        self.begin();
        let missing = case.needs.iter().find(|needed| !self.offers(needed));
        let played = match (missing, self.is_dead()) {
            (Some(missing), _) => Err(Stop::Skipped(format!("{missing} is not offered"))),
            (None, true) => Err(Stop::Skipped(IS_DEAD.to_owned())),
            (None, false) => {
                let played = (case.play)(self).await;
                self.note_silence(&played);
                played
            }
        };
        let (transcript, findings) = self.heard();
        let mut rfc = case.rfc.to_owned();
        let verdict = match (findings.first(), played) {
            // What no client could follow comes first: it may be why the case failed.
            (Some(finding), _) => {
                rfc = finding.rule().rfc().to_owned();
                broken(finding)
            }
            (None, Ok(())) => Verdict::Passed,
            (None, Err(Stop::Skipped(why))) => Verdict::Skipped(why),
            (None, Err(Stop::Failed(what) | Stop::Silent(what))) => Verdict::Failed { what, transcript },
        };
        Outcome {
            area: case.area,
            name: case.name,
            rfc,
            verdict,
            took: begin.elapsed(),
        }
    }

    /// What was found before the first case, which does not have to answer for it.
    pub(super) fn opening(&self) -> Option<Outcome> {
        let (_, findings) = self.heard();
        let finding = findings.first()?;
        Some(Outcome {
            area: "sessions",
            name: "greeting, CAPABILITY and LOGIN keep the rules",
            rfc: finding.rule().rfc().to_owned(),
            verdict: broken(finding),
            took: Duration::ZERO,
        })
    }

    /// Whether nothing more is tried, because the server does not answer.
    pub(super) fn is_dead(&self) -> bool {
        self.silent >= MOST_SILENT
    }

    fn note_silence(&mut self, played: &Done) {
        self.silent = match played {
            Err(Stop::Silent(_)) => self.silent + 1,
            _ => 0,
        };
    }

    /// Removes what the run made; gives the names of what is left.
    pub(super) async fn clean_up(&mut self) -> Vec<String> {
        let mut left: Vec<String> = self.made.iter().cloned().collect();
        if self.is_dead() {
            return left;
        }
        let Ok(mut client) = self.client().await else {
            return left;
        };
        // Those inside of others first.
        left.sort_by_key(|name| std::cmp::Reverse(name.len()));
        for name in &left {
            // Most of them are there no more, which is answered NO.
            let deleted = client.command(&format!("DELETE {name}")).await;
            let unsubscribed = client.command(&format!("UNSUBSCRIBE {name}")).await;
            if deleted.and(unsubscribed).is_err() {
                return left;
            }
        }
        let listed = client.command(&format!("LIST \"\" \"{}*\"", self.prefix)).await;
        listed.map(|listed| listed.texts("LIST")).unwrap_or_default()
    }
}

fn broken(finding: &Finding) -> Verdict {
    Verdict::Failed {
        what: format!("{}: {}", finding.rule(), finding.what()),
        transcript: finding.transcript().to_string(),
    }
}

/// Why cases are not tried any more.
pub(super) const IS_DEAD: &str =
    "the server left three cases in a row without an answer; --patience SECONDS waits longer";

async fn capabilities(client: &mut Client) -> Done<Vec<String>> {
    let answer = client.ok("CAPABILITY").await?;
    let words = answer.texts("CAPABILITY").concat().to_ascii_uppercase();
    Ok(words.split_ascii_whitespace().map(str::to_owned).collect())
}

/// Where passwords need TLS.
const SAY_TLS: &str = "say --starttls, or --tls and the port for it, mostly 993";

/// What the login is answered, and what can be done.
fn not_let_in(way: Way, answer: &Answer) -> String {
    let advice = match answer.code("PRIVACYREQUIRED") {
        Some(_) => SAY_TLS,
        None => "are --user and the password right?",
    };
    let command = match way {
        Way::Login => "LOGIN",
        Way::Plain => "AUTHENTICATE PLAIN",
    };
    format!("{command} is answered {}; {advice}", answer.last())
}

/// As a quoted string.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
