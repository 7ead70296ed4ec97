//! Several sessions on one mailbox that do what comes: what each is told is judged as it comes, and in the end all have the same.
//!
//! The steps follow from a seed. What fails is played again with fewer steps, until each of them is needed.

use std::fmt;
use std::time::{Duration, Instant};

use super::Plan;
use super::case::{Outcome, Verdict};
use super::client::{Client, Done, Fetched, Stop, must, same};
use super::stage::{Stage, message};

pub(super) const AREA: &str = "several sessions";
pub(super) const NAME: &str = "what several sessions do at random leaves each with what there is";

const SESSIONS: usize = 3;
const STEPS: usize = 40;

/// What is found may be made shorter for as long as this, at the least.
const SHRINKING: Duration = Duration::from_secs(60);

/// What one session does. Numbers are taken modulo the messages that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Append,
    Store {
        seq: u32,
        flag: usize,
        adds: bool,
        by_uid: bool,
    },
    Expunge,
    Copy {
        seq: u32,
    },
    Fetch,
    Search,
    Noop,
    /// FETCH by number with a NOOP behind it, in one write.
    Pipelined,
    Idle,
    Select,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    session: usize,
    deed: Deed,
}

const FLAGS: [&str; 4] = ["\\Deleted", "\\Seen", "\\Flagged", "\\Answered"];

impl Step {
    fn random(rng: &mut fastrand::Rng, idles: bool) -> Self {
        let seq = rng.u32(..);
        let deed = match rng.u8(..100) {
            0..18 => Deed::Append,
            18..48 => Deed::Store {
                seq,
                flag: rng.usize(..FLAGS.len()),
                adds: rng.u8(..4) > 0,
                by_uid: rng.bool(),
            },
            48..60 => Deed::Expunge,
            60..66 => Deed::Copy { seq },
            66..74 => Deed::Fetch,
            74..80 => Deed::Search,
            80..90 => Deed::Noop,
            90..95 => Deed::Pipelined,
            95..98 if idles => Deed::Idle,
            _ => Deed::Select,
        };
        let session = rng.usize(..SESSIONS);
        Self { session, deed }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {}: ", self.session + 1)?;
        match self.deed {
            Deed::Append => f.write_str("APPEND a message"),
            Deed::Store {
                flag, adds, by_uid, ..
            } => {
                let (uid, sign) = (if by_uid { "UID " } else { "" }, if adds { '+' } else { '-' });
                write!(f, "{uid}STORE of a message {sign}FLAGS ({})", FLAGS[flag])
            }
            Deed::Expunge => f.write_str("EXPUNGE"),
            Deed::Copy { .. } => f.write_str("UID COPY of a message into the mailbox itself"),
            Deed::Fetch => f.write_str("FETCH 1:* (UID FLAGS)"),
            Deed::Search => f.write_str("SEARCH UNSEEN"),
            Deed::Noop => f.write_str("NOOP"),
            Deed::Pipelined => f.write_str("FETCH 1:* FLAGS and NOOP in one write"),
            Deed::Idle => f.write_str("IDLE and DONE"),
            Deed::Select => f.write_str("SELECT again"),
        }
    }
}

/// Plays for as long as the plan says; the first that is found is made short.
pub(super) async fn check(stage: &mut Stage, plan: &Plan) -> Outcome {
    let begin = Instant::now();
    let idles = stage.offers("IDLE");
    let (mut seed, mut rounds) = (plan.seed, 0_u32);
    let mut found = None;
    while found.is_none() && begin.elapsed() < plan.random {
        let mut rng = fastrand::Rng::with_seed(seed);
        let steps: Vec<Step> = (0..STEPS).map(|_| Step::random(&mut rng, idles)).collect();
        found = play(stage, &steps)
            .await
            .map(|broken| (steps[..broken.after].to_vec(), broken));
        rounds += 1;
        seed = if found.is_none() {
            seed.wrapping_add(1)
        } else {
            seed
        };
    }
    let (rfc, verdict) = match found {
        None => (String::new(), Verdict::Passed),
        Some((steps, broken)) => {
            let until = Instant::now() + plan.random.max(SHRINKING);
            let (steps, broken) = shrink(stage, steps, broken, until).await;
            let steps: Vec<String> = steps.iter().map(Step::to_string).collect();
            let what = format!(
                "seed {seed}, round {rounds}: {}\n{}",
                broken.what,
                steps.join("\n")
            );
            let transcript = broken.transcript;
            (broken.rfc, Verdict::Failed { what, transcript })
        }
    };
    Outcome {
        area: AREA,
        name: NAME,
        rfc: if rfc.is_empty() {
            "RFC 9051 5.2, 7.5.1".to_owned()
        } else {
            rfc
        },
        verdict,
        took: begin.elapsed(),
    }
}

struct Broken {
    /// Steps that were played.
    after: usize,
    what: String,
    rfc: String,
    transcript: String,
}

/// Plays the steps in a mailbox of their own; what was found, if something was.
async fn play(stage: &mut Stage, steps: &[Step]) -> Option<Broken> {
    stage.begin();
    let mut after = 0;
    let played = perform(stage, steps, &mut after).await;
    let (transcript, findings) = stage.heard();
    if let Some(finding) = findings.first() {
        return Some(Broken {
            after,
            what: format!("{}: {}", finding.rule(), finding.what()),
            rfc: finding.rule().rfc().to_owned(),
            transcript: finding.transcript().to_string(),
        });
    }
    match played {
        Ok(()) => None,
        Err(Stop::Failed(what) | Stop::Silent(what) | Stop::Skipped(what)) => Some(Broken {
            after,
            what,
            rfc: String::new(),
            transcript,
        }),
    }
}

/// Counts the steps that were played: to the end, unless a step fails or a client finds something.
async fn perform(stage: &mut Stage, steps: &[Step], after: &mut usize) -> Done {
    let (first, name) = stage.selected(3).await?;
    let mut clients = vec![first];
    while clients.len() < SESSIONS {
        clients.push(stage.also(&name).await?);
    }
    for client in &mut clients {
        client.listing().await?;
    }
    for (number, step) in (10..).zip(steps) {
        *after += 1;
        let client = &mut clients[step.session];
        act(client, step.deed, &name, number).await?;
        if client.has_found() {
            return Ok(());
        }
    }
    agree(stage, &mut clients, &name).await
}

async fn act(client: &mut Client, deed: Deed, name: &str, number: u32) -> Done {
    let exists = client.exists();
    let some = |seq: u32| 1 + seq % exists.max(1);
    match deed {
        Deed::Append => client.append(name, "", &message(number)).await.map(drop),
        Deed::Store { .. } | Deed::Copy { .. } | Deed::Fetch | Deed::Pipelined if exists == 0 => Ok(()),
        Deed::Store {
            seq,
            flag,
            adds,
            by_uid,
        } => {
            let sign = if adds { '+' } else { '-' };
            let set = match (by_uid, client.uid_of(some(seq))) {
                (true, Some(uid)) => format!("UID STORE {uid}"),
                _ => format!("STORE {}", some(seq)),
            };
            // A message that another session has removed may be refused.
            client
                .command(&format!("{set} {sign}FLAGS ({})", FLAGS[flag]))
                .await
                .map(drop)
        }
        Deed::Copy { seq } => match client.uid_of(some(seq)) {
            Some(uid) => client.command(&format!("UID COPY {uid} {name}")).await.map(drop),
            None => Ok(()),
        },
        Deed::Expunge => client.ok("EXPUNGE").await.map(drop),
        Deed::Fetch => client.command("FETCH 1:* (UID FLAGS)").await.map(drop),
        Deed::Search => client.command("SEARCH UNSEEN").await.map(drop),
        Deed::Noop => client.ok("NOOP").await.map(drop),
        Deed::Pipelined => {
            let (first, second) = (client.next_tag(), client.next_tag());
            let commands = format!("{first} FETCH 1:* FLAGS\r\n{second} NOOP\r\n");
            client.send(commands.as_bytes()).await?;
            client.answers(&[&first, &second]).await.map(drop)
        }
        Deed::Idle => {
            let tag = client.idle().await?;
            client.send(b"DONE\r\n").await?;
            client.answer(&tag).await.map(drop)
        }
        Deed::Select => client.ok(&format!("SELECT {name}")).await.map(drop),
    }
}

/// After some NOOPs each session has what a new one is told.
async fn agree(stage: &mut Stage, clients: &mut [Client], name: &str) -> Done {
    let seen = |listing: Vec<Fetched>| {
        let one = |m: Fetched| (m.seq, m.uid, m.flags.unwrap_or_default());
        listing.into_iter().map(one).collect::<Vec<_>>()
    };
    let fresh = seen(stage.also(name).await?.listing().await?);
    // A client that has no mailbox selected may ask.
    let status = stage
        .client()
        .await?
        .ok(&format!("STATUS {name} (MESSAGES)"))
        .await?;
    must(
        status.says(&format!("(MESSAGES {})", fresh.len())),
        format!(
            "a new session has {} messages, and {}",
            fresh.len(),
            status.texts("STATUS").concat()
        ),
    )?;
    for client in clients {
        let mut patience = 0;
        loop {
            client.ok("NOOP").await?;
            let has = client.exists() as usize;
            if has == fresh.len() || patience == 5 {
                break;
            }
            // Servers may look for changes of other sessions once in a while.
            tokio::time::sleep(Duration::from_millis(200 << patience)).await;
            patience += 1;
        }
        must(
            client.exists() as usize == fresh.len(),
            format!(
                "a session has {} messages, and a new one {}",
                client.exists(),
                fresh.len()
            ),
        )?;
        same(
            "a session's messages and a new one's",
            seen(client.listing().await?),
            fresh.clone(),
        )?;
    }
    Ok(())
}

/// Leaves out steps, by halves first, as long as something is still found.
async fn shrink(
    stage: &mut Stage,
    mut steps: Vec<Step>,
    mut broken: Broken,
    until: Instant,
) -> (Vec<Step>, Broken) {
    let mut size = steps.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < steps.len() && Instant::now() < until {
            let end = (at + size).min(steps.len());
            let fewer: Vec<Step> = steps[..at].iter().chain(&steps[end..]).copied().collect();
            match play(stage, &fewer).await {
                Some(still) => (steps, broken) = (fewer[..still.after].to_vec(), still),
                None => at = end,
            }
        }
        size /= 2;
    }
    (steps, broken)
}
