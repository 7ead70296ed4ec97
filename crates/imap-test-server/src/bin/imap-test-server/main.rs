//! `imap-test-server`: the test server as a program, for clients in any language.

mod control;

use clap::Parser;
use imap_test_server::{Builder, Fault, TestServer, personas};
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// An IMAP server for the tests of an IMAP client. It keeps everything in memory.
///
/// It prints `listening on HOST:PORT`, and then reads commands from its standard input, one a line, and answers each with a line
/// that begins with `ok` or `error`. At the end of its input it ends.
///
/// deliver ACCOUNT MAILBOX FILE, remove ACCOUNT MAILBOX UID..., flags ACCOUNT MAILBOX UID FLAG..., create ACCOUNT MAILBOX,
/// delete ACCOUNT MAILBOX, rename ACCOUNT FROM TO, reset-uid-validity ACCOUNT MAILBOX, fault FAULT, disconnect, bye TEXT, said TEXT,
/// told TEXT, transcript, quit.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The port to listen on; 0 is a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// An account; `joe:secret` where none is given.
    #[arg(long, value_name = "NAME:PASSWORD")]
    account: Vec<String>,
    /// A folder whose .eml files every account has: INBOX in itself, other mailboxes in its folders.
    #[arg(long, value_name = "DIR")]
    seed: Option<PathBuf>,
    /// A server of a public report; see --list.
    #[arg(long, value_name = "NAME")]
    persona: Vec<String>,
    /// Leaves a capability out.
    #[arg(long, value_name = "CAPABILITY")]
    without: Vec<String>,
    /// Names a capability, or switches COMPRESS=DEFLATE on.
    #[arg(long, value_name = "CAPABILITY")]
    with: Vec<String>,
    /// What goes wrong, such as 'FETCH cut-literal 10' or 'always NOOP lose EXISTS'.
    #[arg(long, value_name = "FAULT")]
    fault: Vec<String>,
    /// Offers STARTTLS.
    #[arg(long, conflicts_with = "tls")]
    starttls: bool,
    /// TLS from the first octet.
    #[arg(long)]
    tls: bool,
    /// Writes the certificate that the client has to trust into this file.
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// Reads no commands, and runs until it is ended.
    #[arg(long)]
    detached: bool,
    /// Lists the personas with their sources, and ends.
    #[arg(long)]
    list: bool,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("imap-test-server: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if arguments.list {
        for persona in personas() {
            writeln!(
                out,
                "{}\n    {}\n    {}",
                persona.name, persona.about, persona.source
            )?;
        }
        return Ok(());
    }
    let server = builder(arguments)?.try_start()?;
    if let Some(file) = &arguments.certificate {
        if !arguments.tls && !arguments.starttls {
            return Err("there is a certificate with --tls or --starttls alone".into());
        }
        std::fs::write(file, server.certificate_pem())?;
    }
    writeln!(out, "listening on {}", server.address())?;
    out.flush()?;
    if arguments.detached {
        loop {
            std::thread::park();
        }
    }
    obey(&server, &mut out)
}

/// Does what the lines of the input say, to its end.
fn obey(server: &TestServer, out: &mut impl Write) -> Result<(), Failure> {
    control::keep_quiet();
    for line in io::stdin().lock().lines() {
        let line = line?;
        if line.trim() == "quit" {
            writeln!(out, "ok")?;
            break;
        }
        writeln!(out, "{}", control::obey(server, &line))?;
        out.flush()?;
    }
    Ok(())
}

fn builder(arguments: &Arguments) -> Result<Builder, Failure> {
    let mut builder = TestServer::builder().port(arguments.port);
    if let Some(folder) = &arguments.seed {
        let named = |error| format!("{}: {error}", folder.display());
        builder = builder.folder(folder).map_err(named)?;
    }
    for name in &arguments.persona {
        if !personas().any(|persona| persona.name == name) {
            return Err(format!("there is no persona {name:?}; --list shows them").into());
        }
        builder = builder.persona(name);
    }
    for account in &arguments.account {
        let (name, password) = account.split_once(':').ok_or("an account is NAME:PASSWORD")?;
        builder = builder.account(name, password);
    }
    for capability in &arguments.without {
        builder = builder.without(capability);
    }
    for capability in &arguments.with {
        builder = builder.with(capability);
    }
    for fault in &arguments.fault {
        builder = builder.fault(fault.parse::<Fault>()?);
    }
    Ok(match (arguments.tls, arguments.starttls) {
        (true, _) => builder.tls(),
        (_, true) => builder.starttls(),
        _ => builder,
    })
}
