//! The trials. Each is a process of its own, so that memory is its own and a death is seen.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::store::{Durability, Fault, Store, Table};
use crate::workload::{self, BLOBS, HEADER, MESSAGES, PAGES, is_right};

/// Pages that one commit of the killed writer changes.
const KILLED: u64 = 200;

/// Runs a trial by its name, and prints a line.
pub(crate) fn run<S: Store>(name: &str, folder: &Path) -> Result<(), Fault> {
    match name {
        "fill" => fill::<S>(folder),
        "open" => open::<S>(folder),
        "lookup" => lookup::<S>(folder),
        "durable" => commits::<S>(folder, Durability::Durable, 300),
        "loose" => commits::<S>(folder, Durability::Loose, 1000),
        "spread-pages" => spread::<S>(folder, false),
        "spread-rows" => spread::<S>(folder, true),
        "write-durable" => write_for_ever::<S>(folder, Durability::Durable),
        "write-loose" => write_for_ever::<S>(folder, Durability::Loose),
        "whole" => whole::<S>(folder),
        "watch" => watch::<S>(folder),
        "read-all" => read_all::<S>(folder),
        "cut" => cut::<S>(folder),
        "full" => full::<S>(folder),
        _ => Err(format!("there is no trial {name}").into()),
    }
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name| {
        status
            .lines()
            .find_map(|line: &str| line.strip_prefix(name))
            .unwrap_or("?")
            .trim()
            .to_owned()
    };
    format!(
        "anonymous {}, mapped file {}, peak {}",
        field("RssAnon:"),
        field("RssFile:"),
        field("VmHWM:")
    )
}

fn size(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| file.metadata().ok())
        .map(|data| data.len())
        .sum::<u64>()
        >> 20
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn fill<S: Store>(folder: &Path) -> Result<(), Fault> {
    let began = Instant::now();
    let rows = workload::all().count();
    let making = began.elapsed();
    let began = Instant::now();
    let mut store = S::open(folder, Durability::Durable)?;
    store.commit(&mut workload::all())?;
    let took = began.elapsed().saturating_sub(making);
    drop(store);
    println!(
        "{:.2} s for {rows} rows (less {making:.2?} of making them), {} MiB, {}",
        took.as_secs_f64(),
        size(folder),
        memory()
    );
    Ok(())
}

/// What SELECT needs: the header, and of every page UIDs and flags.
fn open<S: Store>(folder: &Path) -> Result<(), Fault> {
    let began = Instant::now();
    let store = S::open(folder, Durability::Loose)?;
    let opened = ms(began);
    let mut sum = 0_u64;
    let keys: Vec<u64> = (BLOBS..BLOBS + PAGES).collect();
    for keys in [&[HEADER][..], &keys] {
        store.read(Table::Pages, keys, &mut |_, value| {
            sum += value.iter().map(|&octet| u64::from(octet)).sum::<u64>()
        })?;
    }
    println!(
        "{:.1} ms ({opened:.1} to open), {}, sum {sum}",
        ms(began),
        memory()
    );
    Ok(())
}

fn lookup<S: Store>(folder: &Path) -> Result<(), Fault> {
    let store = S::open(folder, Durability::Loose)?;
    let uids: Vec<u64> = workload::dice(MESSAGES).map(|uid| uid + 1).take(10_000).collect();
    let names: Vec<u64> = uids.iter().map(|&uid| workload::name(uid)).collect();
    for (table, keys) in [(Table::Names, &names), (Table::Summaries, &uids)] {
        for round in ["first", "again"] {
            let began = Instant::now();
            let mut octets = 0;
            store.read(table, keys, &mut |_, value| octets += value.len())?;
            print!("{table:?} {round} {:.1} ms, ", ms(began));
            assert!(octets >= 40_000, "too little was read");
        }
    }
    println!("{}", memory());
    Ok(())
}

fn commits<S: Store>(folder: &Path, durability: Durability, rounds: usize) -> Result<(), Fault> {
    let mut store = S::open(folder, durability)?;
    let mut times = Vec::new();
    for (page, generation) in workload::dice(PAGES).zip(1..).take(rounds) {
        let rows = [
            workload::wide(page, generation),
            workload::named(page * 1000 + generation),
        ];
        let began = Instant::now();
        store.commit(&mut rows.into_iter())?;
        times.push(ms(began));
    }
    times.sort_by(f64::total_cmp);
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or(0.0);
    println!("p50 {:.3} ms, p99 {:.3} ms, {} MiB", at(50), at(99), size(folder));
    Ok(())
}

/// 100,000 messages are changed: every page and their names, or their summaries.
fn spread<S: Store>(folder: &Path, summaries: bool) -> Result<(), Fault> {
    let mut store = S::open(folder, Durability::Loose)?;
    let mut uids: Vec<u64> = workload::dice(MESSAGES)
        .map(|uid| uid + 1)
        .take(100_000)
        .collect();
    uids.sort_unstable();
    uids.dedup();
    let began = Instant::now();
    if summaries {
        store.commit(&mut uids.iter().map(|&uid| workload::summary(uid, 1)))?;
    } else {
        let pages = (0..PAGES).flat_map(|page| [workload::wide(page, 1), workload::blob(page, 1)]);
        store.commit(&mut pages.chain(workload::names(uids.iter().copied())))?;
    }
    let took = ms(began);
    let began = Instant::now();
    drop(store);
    println!(
        "{took:.0} ms, {:.0} ms to close, {} MiB, {}",
        ms(began),
        size(folder),
        memory()
    );
    Ok(())
}

fn generation<S: Store>(store: &S) -> Result<u64, Fault> {
    let mut generation = 0;
    store.read(Table::Pages, &[HEADER], &mut |_, value| {
        generation = value.first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
    })?;
    Ok(generation)
}

/// One commit after the other until somebody kills it: header, pages and names of one generation.
fn write_for_ever<S: Store>(folder: &Path, durability: Durability) -> Result<(), Fault> {
    let mut store = S::open(folder, durability)?;
    let mut out = std::io::stdout();
    for generation in generation(&store)? + 1.. {
        let pages =
            (0..KILLED).flat_map(|page| [workload::wide(page, generation), workload::blob(page, generation)]);
        let names = workload::names(workload::dice(MESSAGES).take(2000).map(|uid| uid + 1));
        store.commit(&mut pages.chain(names).chain([workload::header(generation)]))?;
        writeln!(out, "{generation}")?;
    }
    Ok(())
}

/// After a kill: how long opening takes, and whether one generation is there as a whole.
fn whole<S: Store>(folder: &Path) -> Result<(), Fault> {
    let began = Instant::now();
    let mut store = S::open(folder, Durability::Durable)?;
    let opened = ms(began);
    let generation = generation(&store)?;
    let mut torn = 0;
    let keys: Vec<u64> = (0..KILLED).flat_map(|page| [page, BLOBS + page]).collect();
    store.read(Table::Pages, &keys, &mut |key, value| {
        let same = value
            .first_chunk()
            .is_some_and(|first| u64::from_le_bytes(*first) == generation);
        torn += u32::from(!same || !is_right(Table::Pages, key, value));
    })?;
    let began = Instant::now();
    let check = store.check();
    println!(
        "opened in {opened:.1} ms, generation {generation}, {torn} torn, check {check:?} in {:.0} ms",
        ms(began)
    );
    Ok(())
}

/// Beside another process that writes: what is seen of it, and whether one can write oneself.
fn watch<S: Store>(folder: &Path) -> Result<(), Fault> {
    let mut store = S::open(folder, Durability::Loose)?;
    let (mut seen, mut last, mut looks) = (0, 0, 0);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(1) {
        let now = generation(&store)?;
        (seen, looks) = (seen + u32::from(now != last), looks + 1);
        last = now;
    }
    let each = ms(began) / f64::from(looks);
    let began = Instant::now();
    let wrote = store.commit(&mut [workload::wide(PAGES - 1, 77)].into_iter());
    println!(
        "{seen} generations seen in {looks} looks of {each:.4} ms, a write of its own: {wrote:?} in {:.1} ms",
        ms(began)
    );
    Ok(())
}

/// Reads every row, and tells rows that are wrong without an error from errors.
fn read_all<S: Store>(folder: &Path) -> Result<(), Fault> {
    let mut store = S::open(folder, Durability::Loose)?;
    let mut wrong = 0;
    let mut errors = Vec::new();
    let pages: Vec<u64> = (0..PAGES).chain(BLOBS..BLOBS + PAGES).collect();
    let uids: Vec<u64> = (1..=MESSAGES).collect();
    let names: Vec<u64> = uids.iter().map(|&uid| workload::name(uid)).collect();
    for (table, keys, at_once) in [
        (Table::Pages, pages, 1),
        (Table::Names, names, 500),
        (Table::Summaries, uids, 500),
    ] {
        for keys in keys.chunks(at_once) {
            let read = store.read(table, keys, &mut |key, value| {
                wrong += u32::from(!is_right(table, key, value))
            });
            errors.extend(read.err().map(|error| error.to_string()));
        }
    }
    let first = errors.first().cloned().unwrap_or_default();
    println!(
        "{wrong} wrong rows, {} reads failed ({first}), check {:?}",
        errors.len(),
        store.check()
    );
    Ok(())
}

/// While it is open, the file loses its second half, and small files beside it all that they hold.
fn cut<S: Store>(folder: &Path) -> Result<(), Fault> {
    let store = S::open(folder, Durability::Loose)?;
    generation(&store)?;
    for file in std::fs::read_dir(folder)? {
        let file = OpenOptions::new().write(true).open(file?.path())?;
        let len = file.metadata()?.len();
        file.set_len(if len > 1 << 20 { len / 2 } else { 0 })?;
    }
    let uids: Vec<u64> = (1..=MESSAGES).collect();
    let read = store.read(Table::Summaries, &uids, &mut |_, _| ());
    println!("read: {read:?}");
    Ok(())
}

/// The file system is full.
fn full<S: Store>(folder: &Path) -> Result<(), Fault> {
    let mut store = S::open(folder, Durability::Durable)?;
    store.commit(&mut [workload::header(0)].into_iter())?;
    let mut before = 0;
    let failed = (0..PAGES).find_map(|page| {
        let failed = store.commit(&mut [workload::wide(page, 0)].into_iter()).err();
        before = page;
        failed
    });
    println!(
        "commit {before} failed: {failed:?}; header then: {:?}",
        generation(&store)
    );
    let again = store.commit(&mut [workload::header(1)].into_iter());
    drop(store);
    let reopened = S::open(folder, Durability::Durable);
    println!(
        "a small commit then: {again:?}; opened again: {:?}",
        reopened.and_then(|store| generation(&store))
    );
    Ok(())
}

/// Overwrites 16 places of the largest file with noise.
pub(crate) fn spoil(folder: &Path) -> Result<(), Fault> {
    let files = std::fs::read_dir(folder)?
        .flatten()
        .filter_map(|file| Some((file.metadata().ok()?.len(), file.path())));
    let (len, path) = files.max().ok_or("nothing to spoil")?;
    let file = OpenOptions::new().write(true).open(path)?;
    for place in 1..17 {
        file.write_all_at(&workload::summary(place, 3).value, (len / 17 * place) & !4095)?;
    }
    Ok(())
}
