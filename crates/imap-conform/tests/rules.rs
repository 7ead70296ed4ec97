//! Each rule, broken on purpose; and conversations in which none is.
//!
//! The files of `broken` begin with the name of the rule that their last line breaks.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::path::{Path, PathBuf};

use imap_conform::{Finding, Rule, record};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn stem(file: &Path) -> &str {
    file.file_stem().unwrap().to_str().unwrap()
}

fn findings(file: &Path) -> Vec<Finding> {
    let text = std::fs::read_to_string(file).unwrap();
    record::judge(&record::lines(&text).unwrap())
}

fn shown(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect()
}

/// The rule that the file breaks: the one with the longest name that it begins with.
fn rule_of(file: &Path) -> Rule {
    let named = Rule::ALL
        .iter()
        .filter(|rule| stem(file).starts_with(rule.name()));
    *named.max_by_key(|rule| rule.name().len()).unwrap()
}

#[test]
fn each_rule_that_is_broken_is_found_and_no_other() {
    let mut wrong = String::new();
    for file in files("broken") {
        let (rule, findings) = (rule_of(&file), findings(&file));
        let is_found = findings.len() == 1 && findings[0].rule() == rule;
        if !is_found {
            wrong.push_str(&format!(
                "{}: wanted {rule}, found\n{}\n",
                stem(&file),
                shown(&findings)
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_rule_is_broken_by_some_file() {
    let broken: Vec<Rule> = files("broken").iter().map(|file| rule_of(file)).collect();
    let missing: Vec<&Rule> = Rule::ALL.iter().filter(|rule| !broken.contains(rule)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_is_right_is_not_found_fault_with() {
    let files = files("right");
    assert!(files.len() >= 10, "the conversations are gone");
    let mut wrong = String::new();
    for file in files {
        let findings = findings(&file);
        if !findings.is_empty() {
            wrong.push_str(&format!("{}:\n{}\n", stem(&file), shown(&findings)));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_conversation_is_judged_alike_however_its_octets_are_cut() {
    for file in files("broken").into_iter().chain(files("right")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines = record::lines(&text).unwrap();
        let octet_by_octet: Vec<record::Line> = lines
            .iter()
            .flat_map(|line| match &line.octets {
                Some(octets) => octets
                    .iter()
                    .map(|octet| record::Line {
                        octets: Some(vec![*octet]),
                        ..line.clone()
                    })
                    .collect(),
                None => vec![line.clone()],
            })
            .collect();
        let (whole, cut) = (record::judge(&lines), record::judge(&octet_by_octet));
        assert_eq!(shown(&whole), shown(&cut), "{}", stem(&file));
        let mut judging = record::Judging::default();
        let line_by_line: Vec<Finding> = text
            .lines()
            .flat_map(|line| judging.hear(line).unwrap())
            .collect();
        assert_eq!(shown(&whole), shown(&line_by_line), "{}", stem(&file));
    }
}

#[test]
fn the_documents_list_every_rule() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows: Vec<String> = Rule::ALL
        .iter()
        .map(|rule| format!("| {} | {} | {} |", rule.name(), rule.says(), rule.rfc()))
        .collect();
    let missing: Vec<&String> = rows.iter().filter(|row| !page.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
