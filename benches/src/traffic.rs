//! The traffic of a deployment, from what a user does in a day and from what a command costs.
//!
//! Here is plain arithmetic of means: no queues, no chance. What those do to one database is in [`simulation`]. `src/bin/traffic.rs`
//! prints both, `docs/scaling.md` explains them.

pub mod simulation;

/// What is assumed of a deployment and of each user. Per day where nothing else is said.
#[derive(Clone, Debug, PartialEq)]
pub struct Assumptions {
    values: Vec<f64>,
}

/// An assumption: its option, its default, and what it is.
#[derive(Clone, Copy, Debug)]
pub struct Assumption {
    /// As on the command line, without `--`.
    pub name: &'static str,
    /// What it is unless somebody says otherwise.
    pub default: f64,
    /// In words.
    pub meaning: &'static str,
}

const fn assumption(name: &'static str, default: f64, meaning: &'static str) -> Assumption {
    Assumption {
        name,
        default,
        meaning,
    }
}

/// Every assumption there is.
pub const ASSUMPTIONS: [Assumption; 28] = [
    assumption("mailboxes", 1e4, "users, each with an INBOX and folders"),
    assumption("deliveries", 40.0, "messages that arrive"),
    assumption("octets", 75_000.0, "octets of a message"),
    assumption("text", 4_000.0, "octets of text in it, which SEARCH reads"),
    assumption("appends", 5.0, "messages that clients store"),
    assumption("stores", 40.0, "STORE commands"),
    assumption("moves", 10.0, "COPY and MOVE commands, of one message"),
    assumption("expunges", 10.0, "EXPUNGE commands that remove messages"),
    assumption("logins", 40.0, "logins"),
    assumption("selects", 120.0, "SELECT commands"),
    assumption(
        "opened",
        0.5,
        "share of SELECTs that have to read the mailbox, because the process does not know it",
    ),
    assumption("statuses", 400.0, "STATUS commands"),
    assumption(
        "listings",
        120.0,
        "FETCH commands of flags and envelopes, of 50 messages",
    ),
    assumption("bodies", 60.0, "FETCH commands of a body"),
    assumption("noops", 400.0, "NOOP commands"),
    assumption(
        "idle",
        1.0,
        "sessions that are connected at the peak, for each user",
    ),
    assumption(
        "kept",
        20_000.0,
        "messages that a user keeps, all folders together",
    ),
    assumption("peak", 3.0, "the busiest hour against the mean"),
    assumption(
        "process-sessions",
        20_000.0,
        "sessions that one server process is given",
    ),
    assumption(
        "database-statements",
        20_000.0,
        "statements a second that one database server is given",
    ),
    assumption(
        "database-commits",
        1_000.0,
        "commits with a hint a second that one database server is given",
    ),
    assumption("burst", 5.0, "simulated: messages that arrive at one moment"),
    assumption("cores", 16.0, "simulated: cores of the database server"),
    assumption(
        "statement-ms",
        0.06,
        "simulated: milliseconds that a statement takes a core",
    ),
    assumption(
        "round-trip-ms",
        0.3,
        "simulated: milliseconds to the database and back",
    ),
    assumption(
        "sync-ms",
        1.0,
        "simulated: milliseconds of a sync of the database's log",
    ),
    assumption("pool", 16.0, "simulated: connections of a process"),
    assumption("seed", 1.0, "simulated: of its chance"),
];

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            values: ASSUMPTIONS.iter().map(|assumption| assumption.default).collect(),
        }
    }
}

impl Assumptions {
    /// With another value for one of them; `None` where there is no such assumption.
    #[must_use]
    pub fn with(mut self, name: &str, value: f64) -> Option<Self> {
        *self.values.get_mut(place(name)?)? = value;
        Some(self)
    }

    /// # Panics
    /// Where there is no such assumption.
    #[must_use]
    pub fn of(&self, name: &str) -> f64 {
        self.values[place(name).expect("an assumption")]
    }
}

fn place(name: &str) -> Option<usize> {
    ASSUMPTIONS.iter().position(|assumption| assumption.name == name)
}

/// What a command costs the database, as `sql-costs` measures it.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// The option that says how many of them there are.
    pub of: &'static str,
    /// Statements, each a round trip.
    pub statements: f64,
    /// Commits that change a mailbox, and so send a hint.
    pub commits: f64,
    /// Octets of the write-ahead log, beside those of the message.
    pub log: f64,
}

const fn cost(of: &'static str, statements: f64, commits: f64, log: f64) -> Cost {
    Cost {
        of,
        statements,
        commits,
        log,
    }
}

/// SELECT of a mailbox that the process does not know, beside one that it knows.
const OPENING: f64 = 14.0;
/// What a delivery costs besides when a session of its user waits in IDLE: a process wakes, claims and reads.
const WAKE: f64 = 12.0;
/// Octets in the database for each octet of a body; for each of its text, in `texts` and `texts_by_trigram`; and for each message
/// beside these: rows, places in indexes, summary.
const BODY: f64 = 1.05;
const TEXT: f64 = 2.6;
const ROWS: f64 = 700.0;
/// Octets of the write-ahead log for each octet of a body, and of a text that is indexed.
const BODY_LOG: f64 = 1.1;
const TEXT_LOG: f64 = 6.0;
/// Octets of memory: a hub of 20,000 messages; a session with its connection, without TLS.
const HUB: f64 = 7_000.0;
const SESSION: f64 = 5_500.0;
/// Connections of a process: those of its pool, and the one that listens.
const CONNECTIONS: f64 = 17.0;
const DAY: f64 = 86_400.0;

/// What each command costs.
pub const COSTS: [Cost; 11] = [
    cost("deliveries", 30.0, 1.0, 2_000.0),
    cost("appends", 42.0, 1.0, 2_000.0),
    cost("stores", 15.0, 1.0, 800.0),
    cost("moves", 18.0, 1.0, 2_500.0),
    cost("expunges", 13.0, 1.0, 750.0),
    cost("logins", 4.0, 0.0, 0.0),
    cost("selects", 10.0, 0.0, 0.0),
    cost("statuses", 7.0, 0.0, 0.0),
    cost("listings", 9.0, 0.0, 0.0),
    cost("bodies", 4.0, 0.0, 0.0),
    cost("noops", 0.0, 0.0, 0.0),
];

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// Commands a second in the busiest hour, deliveries included.
    pub commands: f64,
    /// Messages that arrive a second then.
    pub deliveries: f64,
    /// Statements a second then, each a round trip.
    pub statements: f64,
    /// Commits a second then, each with a hint.
    pub commits: f64,
    /// Hints a second then, over all connections that listen: each goes to each process.
    pub hints: f64,
    /// Sessions that are connected then.
    pub sessions: f64,
    /// Server processes.
    pub processes: f64,
    /// Octets of memory in them all, for hubs and sessions.
    pub memory: f64,
    /// Connections to the databases, if each process talks to one of them.
    pub connections: f64,
    /// Database servers, by what they are given of statements and commits.
    pub databases: f64,
    /// Octets that are kept.
    pub kept: f64,
    /// Octets that arrive in a day, bodies and rows.
    pub stored: f64,
    /// Octets of write-ahead log in a day.
    pub log: f64,
}

impl Traffic {
    /// Of these assumptions.
    #[must_use]
    pub fn of(assumptions: &Assumptions) -> Self {
        let of = |name| assumptions.of(name);
        let users = of("mailboxes");
        let at_peak = users * of("peak") / DAY;
        let sum = |part: fn(&Cost) -> f64| COSTS.iter().map(|cost| of(cost.of) * part(cost)).sum::<f64>();
        let arriving = of("deliveries") + of("appends");
        let message = of("octets") * BODY + of("text") * TEXT + ROWS;
        let idle = of("idle").min(1.0); // whether anybody of the user's waits
        let besides = of("selects") * of("opened") * OPENING + of("deliveries") * idle * WAKE;
        let statements = at_peak * (sum(|cost| cost.statements) + besides);
        let commits = at_peak * sum(|cost| cost.commits);
        let sessions = users * of("idle");
        let processes = (sessions / of("process-sessions")).ceil().max(1.0);
        let by_statements = statements / of("database-statements");
        let by_commits = commits / of("database-commits");
        let databases = by_statements.max(by_commits).ceil().max(1.0);
        Self {
            commands: at_peak * sum(|_| 1.0),
            deliveries: at_peak * of("deliveries"),
            statements,
            commits,
            hints: commits * (processes / databases).ceil(),
            sessions,
            processes,
            memory: sessions * (SESSION + HUB),
            connections: processes.max(databases) * CONNECTIONS,
            databases,
            kept: users * of("kept") * message,
            stored: users * arriving * message,
            log: users
                * (arriving * (of("octets") * BODY_LOG + of("text") * TEXT_LOG) + sum(|cost| cost.log)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing happens but what is said.
    pub(super) fn quiet() -> Assumptions {
        let bounds = [
            "mailboxes",
            "peak",
            "octets",
            "kept",
            "process-sessions",
            "database-statements",
            "database-commits",
            "cores",
            "pool",
        ];
        let others = ASSUMPTIONS
            .iter()
            .filter(|assumption| !bounds.contains(&assumption.name));
        others.fold(Assumptions::default(), |quiet, assumption| {
            quiet.with(assumption.name, 0.0).unwrap()
        })
    }

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() <= 1e-9 * other.abs()
    }

    #[test]
    fn a_store_a_second_is_what_a_store_costs() {
        // 86,400 users who each say one STORE a day, with no hour busier than others.
        let assumptions = quiet().with("mailboxes", 86_400.0).unwrap();
        let assumptions = assumptions
            .with("peak", 1.0)
            .unwrap()
            .with("stores", 1.0)
            .unwrap();
        let traffic = Traffic::of(&assumptions);
        assert!(near(traffic.commands, 1.0) && near(traffic.commits, 1.0) && near(traffic.hints, 1.0));
        assert!(near(traffic.statements, 15.0), "{traffic:?}");
        assert!(near(traffic.log, 69_120_000.0), "{traffic:?}"); // 86,400 * 800
        assert!(near(traffic.stored, 0.0) && near(traffic.sessions, 0.0));
    }

    #[test]
    fn a_delivery_is_stored_logged_and_told_to_who_waits() {
        let assumptions = quiet()
            .with("mailboxes", 8_640.0)
            .unwrap()
            .with("peak", 5.0)
            .unwrap();
        let assumptions = assumptions
            .with("deliveries", 20.0)
            .unwrap()
            .with("octets", 10_000.0)
            .unwrap();
        // 8,640 * 20 / 86,400 = 2 a second, 10 at the peak; 30 statements each.
        let alone = Traffic::of(&assumptions);
        assert!(
            near(alone.deliveries, 10.0) && near(alone.statements, 300.0),
            "{alone:?}"
        );
        // 172,800 messages of 10,000 * 1.05 + 700 octets, and of 10,000 * 1.1 + 2,000 in the log.
        assert!(near(alone.stored, 1_935_360_000.0), "{alone:?}");
        assert!(near(alone.log, 2_246_400_000.0), "{alone:?}");
        // A text of 1,000 octets in each: 2,600 more, and 6,000 in the log.
        let texts = Traffic::of(&assumptions.clone().with("text", 1_000.0).unwrap());
        assert!(near(texts.stored, 2_384_640_000.0), "{texts:?}");
        assert!(near(texts.log, 3_283_200_000.0), "{texts:?}");
        // Everybody has two sessions that wait, and a process takes 4,320 of them: 30 + 12 statements, 4 processes of 17
        // connections, and 10 hints to each.
        let awaited = assumptions
            .with("idle", 2.0)
            .unwrap()
            .with("process-sessions", 4_320.0)
            .unwrap();
        let awaited = Traffic::of(&awaited);
        assert!(near(awaited.statements, 420.0), "{awaited:?}");
        assert!(
            near(awaited.sessions, 17_280.0) && near(awaited.processes, 4.0),
            "{awaited:?}"
        );
        assert!(
            near(awaited.hints, 40.0) && near(awaited.connections, 68.0),
            "{awaited:?}"
        );
    }

    #[test]
    fn databases_are_as_many_as_the_scarcer_of_statements_and_commits_wants() {
        let assumptions = quiet()
            .with("mailboxes", 86_400.0)
            .unwrap()
            .with("peak", 1.0)
            .unwrap();
        let stores = assumptions.with("stores", 100.0).unwrap(); // 100 commits a second
        let by_commits = stores.clone().with("database-commits", 30.0).unwrap();
        assert!(near(Traffic::of(&by_commits).databases, 4.0));
        let by_statements = stores.with("database-statements", 1.0).unwrap();
        assert!(near(Traffic::of(&by_statements).databases, 1_500.0)); // 100 STOREs of 15
    }

    #[test]
    fn there_is_no_assumption_of_another_name() {
        assert!(Assumptions::default().with("mailbox", 1.0).is_none());
        for cost in COSTS {
            assert!(Assumptions::default().with(cost.of, 1.0).is_some(), "{}", cost.of);
        }
    }
}
