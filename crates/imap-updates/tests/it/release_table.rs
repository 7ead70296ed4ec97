//! The table in the code, the page for people, and the RFCs' own lists, against each other.

use std::fmt::Write;

use imap_updates::{Cell, CommandKind, RELEASE_TABLE, kind};

const PAGE: &str = include_str!("../../../../docs/updates.md");

/// The table as the page shows it.
fn markdown() -> String {
    let mut text = String::from(
        "| command | EXPUNGE, VANISHED | EXISTS | RECENT | FETCH | FLAGS | STATUS | source | remark |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for row in RELEASE_TABLE {
        let cells = [
            row.expunge,
            row.exists,
            row.recent,
            row.fetch,
            row.mailbox_flags,
            row.status,
        ];
        let cells: Vec<String> = cells.iter().map(Cell::to_string).collect();
        let (cells, source, remark) = (cells.join(" | "), row.source, row.remark);
        writeln!(text, "| {} | {cells} | {source} | {remark} |", row.command).expect("a string takes all");
    }
    text
}

#[test]
fn the_page_shows_the_table_that_the_code_obeys() {
    assert!(
        PAGE.contains(&markdown()),
        "docs/updates.md must contain this table:\n\n{}",
        markdown()
    );
}

/// RFC 3501 section 7.4.1, RFC 5256 section 3, RFC 7162 sections 3.2.8 and 3.2.10.2, by hand.
#[test]
fn the_commands_that_must_hold_are_those_that_the_rfcs_name() {
    let held: Vec<&str> = RELEASE_TABLE
        .iter()
        .filter(|row| row.expunge == Cell::Never)
        .map(|row| row.command)
        .collect();
    let named = [
        "FETCH",
        "STORE",
        "SEARCH",
        "SORT",
        "THREAD",
        "UID SEARCH with message sequence numbers",
        "CLOSE",
        "UNSELECT",
        "SELECT",
        "EXAMINE",
        "command or literal still arriving",
        "AUTHENTICATE exchange",
        "command answered with BAD before it was understood",
        "no command in progress",
    ];
    assert_eq!(held, named);
}

/// RFC 3501 sections 6.4.3 and 5.2; RFC 4315 section 2.1; RFC 6851 section 3.3; RFC 8508 section 3.4; RFC 2180 section
/// 4.4; RFC 5465 section 3.1.
#[test]
fn the_commands_that_must_release_are_those_that_the_rfcs_name() {
    let released: Vec<&str> = RELEASE_TABLE
        .iter()
        .filter(|row| row.expunge == Cell::Must)
        .map(|row| row.command)
        .collect();
    let named = [
        "COPY",
        "MOVE",
        "REPLACE",
        "EXPUNGE",
        "UID MOVE",
        "UID REPLACE",
        "UID EXPUNGE",
        "NOTIFY",
    ];
    assert_eq!(released, named);
}

/// RFC 3501 section 5.2: whenever a change of the size is observed while a command is processed.
#[test]
fn every_command_that_keeps_a_mailbox_selected_tells_its_size() {
    for row in RELEASE_TABLE {
        let between = matches!(
            row.command,
            "command or literal still arriving" | "no command in progress"
        );
        let expected = if between { Cell::May } else { Cell::Must };
        assert!(
            matches!(row.exists, Cell::NotMeaningful) || row.exists == expected,
            "{}",
            row.command
        );
    }
}

#[test]
fn each_command_is_in_the_table_once() {
    let mut commands: Vec<&str> = RELEASE_TABLE.iter().map(|row| row.command).collect();
    commands.sort_unstable();
    let before = commands.len();
    commands.dedup();
    assert_eq!(commands.len(), before);
    assert_eq!(<kind::Noop as CommandKind>::ROW, RELEASE_TABLE[0]);
}
