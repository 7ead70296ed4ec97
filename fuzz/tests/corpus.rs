//! Every target over the inputs that its corpus keeps: `cargo test --no-default-features` in `fuzz/`, without a fuzzer.

use std::path::Path;

use imap_backendutil_fuzz::{
    maildir_files, message_search, message_summary, search_program, seq_mapper_ops, server_input,
    uid_journal, update_buffer,
};

fn over_the_corpus(target: &str, run: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut inputs: Vec<_> = std::fs::read_dir(&corpus)
        .expect("a corpus")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "the corpus of {target} is gone");
    for input in inputs {
        let octets = std::fs::read(&input).expect("an input");
        if std::panic::catch_unwind(|| run(&octets)).is_err() {
            panic!("{} fails", input.display());
        }
    }
}

#[test]
fn maildir_files_keeps_its_promises() {
    over_the_corpus("maildir_files", maildir_files::run);
}

#[test]
fn message_search_keeps_its_promises() {
    over_the_corpus("message_search", message_search::run);
}

#[test]
fn message_summary_keeps_its_promises() {
    over_the_corpus("message_summary", message_summary::run);
}

#[test]
fn search_program_keeps_its_promises() {
    over_the_corpus("search_program", search_program::run);
}

#[test]
fn seq_mapper_ops_keeps_its_promises() {
    over_the_corpus("seq_mapper_ops", seq_mapper_ops::run);
}

#[test]
fn server_input_keeps_its_promises() {
    over_the_corpus("server_input", server_input::run);
}

#[test]
fn uid_journal_keeps_its_promises() {
    over_the_corpus("uid_journal", uid_journal::run);
}

#[test]
fn update_buffer_keeps_its_promises() {
    over_the_corpus("update_buffer", update_buffer::run);
}
