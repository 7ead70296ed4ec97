#!/usr/bin/env bash
# Breaks imap-seq and imap-updates on purpose, one place at a time, in a copy, and looks whether the exhaustive search notices
# at the depths of `cargo test`. Prints for each mutant the law that a shortest trace breaks. The mutants of
# imap-seq are those of its own tests/mutants.sh. Takes half an hour on two cores.
#
#   crates/imap-updates/tests/mutants.sh [name ...]      a name is what stands before the colon
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
export CARGO_TARGET_DIR=${MUTANTS_TARGET_DIR:-$copy/target} CARGO_TERM_COLOR=never RUSTFLAGS=-Awarnings
export CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=1

mkdir -p "$copy/crates/imap-backend-test/src"
cp -r "$root/crates/imap-seq" "$root/crates/imap-updates" "$copy/crates/"
cp "$root/crates/imap-backend-test/src/model.rs" "$copy/crates/imap-backend-test/src/"
cp "$root/Cargo.lock" "$copy/"
# The workspace with these crates alone.
sed 's|^members = .*|members = ["crates/imap-seq", "crates/imap-updates"]|; /^default-members/d
  /^imap-[a-z-]* = { path/{/^imap-\(seq\|updates\) /!d}' "$root/Cargo.toml" >"$copy/Cargo.toml"
cd "$copy"

# name | file in src | what Perl changes
mutants='
release: FETCH may release EXPUNGE|table/rows.rs|s/Fetch "FETCH" E Never/Fetch "FETCH" E May/
release: UID SEARCH with numbers may release EXPUNGE|table/rows.rs|s/sequence numbers" E Never/sequence numbers" E May/
release: COPY need not release|table/rows.rs|s/Copy "COPY" E Must/Copy "COPY" E May/
release: COPY holds|table/rows.rs|s/Copy "COPY" E Must/Copy "COPY" E Never/
release: a pipelined follower is ignored|table/release.rs|s/UseSequenceNumbers => Release::hold\(\)/UseSequenceNumbers => Release { lent: Lent::ByCommand(self.session), command: PhantomData }/
release: the permit of any session counts|table/release.rs|s/ByCommand\(lender\) => lender == session/ByCommand(_) => true/
release: the permit of NOTIFY without NOTIFY|table/release.rs|s/ByNotify => events == SelectedEvents::AtAnyTime/ByNotify => true/
release: hold releases|table/release.rs|s/Lent::No => false/Lent::No => true/
order: FETCH after EXPUNGE|session/drained.rs|s/\.chain\(fetches\)\n(\s*)\.chain\(expunges\)\n\s*\.chain\(vanished\)/.chain(expunges).chain(vanished)\n$1.chain(fetches)/
order: EXISTS before EXPUNGE|session/drained.rs|s/\.chain\(expunges\)\n\s*\.chain\(vanished\)\n(\s*)\.chain\(exists\)/.chain(exists).chain(expunges)\n$1.chain(vanished)/
lines: no FLAGS of the mailbox|session/drained.rs|s/(keywords\.as_deref\(\))\.map/$1.filter(|_| false).map/
lines: VANISHED and EXPUNGE|session/drained.rs|s/filter\(\|_\| self\.vanished\.is_none\(\)\)/filter(|_| true)/
wake: nobody is woken|history/signal.rs|s/sleepers\.into_values\(\)\.for_each\(Waker::wake\);/drop(sleepers);/
wake: the version is not raised|history/signal.rs|s/version\.fetch_add\(1/version.fetch_add(0/
wake: a held EXPUNGE does not wake IDLE|session/buffer.rs|s/let releasable = self\.phase == Phase::MayRelease && /let releasable = false \&\& /
wake: NOOP without news forgets what is held|session/buffer.rs|s/let releasable = expunges == Expunges::Release && /let releasable = false \&\& /
place: that of the history stays|hub/publication.rs|s/state\.position \+= 1/state.position += 0/
place: that of a session stays|session/buffer.rs|s/self\.told = state\.position;//
place: the history does not see that of a session|session/buffer.rs|s/self\.bookmark\.advance\(self\.told\);//
flags: the first win|history/flags.rs|s/\(entry\.last, entry\.modseq, entry\.flags\) = \(position, modseq, flags\)/(entry.last, entry.modseq) = (position, modseq)/
flags: own changes are echoed|history/flags.rs|s/self\.other > position/self.last > position/
flags: as if STORE were not silent|history/flags.rs|s/Echo::Silent => 0/Echo::Silent => position/
flags: own changes hide others|history/flags.rs|s/self\.other > position/false/
flags: the maker is not told where it should be|history/flags.rs|s/Echo::Tell => position/Echo::Tell => 0/
flags: those of expunged messages are kept|history/flags.rs|s/self\.entries\.remove\(&uid\);\n    \}/}/
flags: those of expunged messages are told|session/buffer.rs|s/\.filter\(\|_\| !before\.is_expunged\(uid\)\)//
flags: keywords of unknown messages become the mailbox.s|hub/guard.rs|s/(let known = \|state: &State\| state\.contains\(uid\);\n        match self\.change_if\(\|state\| state\.refusal\(known\)\) \{\n            Ok\(\(state, modseq\)\) => \{\n                let done = state\.change_flags)/self.keywords_changed(flags.keywords().to_vec());\n        $1/
flags: a session that lost some is not told|session/buffer.rs|s/self\.flags_lost = true/self.flags_lost = false/
flags: the look at the log begins one early|history/flags.rs|s/\|&\(at, _\)\| at <= position/|\&(at, _)| at + 1 <= position/
flags: a stale pair is reported twice|history/flags.rs|s/entry\.last == at && entry/entry/
uids: duplicates are taken in|history/state.rs|s/\} else if self\.has\(uid\) \{/} else if false {/
uids: used ones are taken in|history/state.rs|s/&& self\.expunges\.contains\(uid\)/\&\& false/
uids: late ones are taken in|history/state.rs|s/else if Some\(uid\) <= self\.index\.highest_ever\(\)/else if false/
uids: late ones are hidden for ever|history/state.rs|s/if self\.hidden\.is_empty\(\) \{\n            return;/if true {\n            return;/
modseq: HIGHESTMODSEQ ignores what is held|session/buffer.rs|s/held\.below\.min\(highest\)/highest/
modseq: HIGHESTMODSEQ equals that of what is held|session/buffer.rs|s/lowest\.get\(\) - 1/lowest.get()/
modseq: HIGHESTMODSEQ is not kept from going back|session/buffer.rs|s/(unwrap|map_or)(\(highest, \|held\| held\.below\.min\(highest\)\))\n\s*\.max\(self\.highest_modseq\)/$1$2/
modseq: expunges that were forgotten count as known|history/expunges.rs|s/if self\.dropped > position/if false/
modseq: lost flags let HIGHESTMODSEQ pass|session/buffer.rs|s/if self\.flags_lost \{/if false {/
recent: it is not claimed|session/buffer.rs|s/state\.recent = state\.recent\.difference\(&mine\);//
recent: EXAMINE claims it later|session/buffer.rs|s/if self\.access == Access::ReadWrite \{/if true {/
recent: EXAMINE claims it at once|session/buffer.rs|s/Access::ReadOnly => state\.recent\.clone\(\)/Access::ReadOnly => std::mem::take(\&mut state.recent)/
recent: SELECT does not claim it|session/buffer.rs|s/std::mem::take\(&mut state\.recent\)/state.recent.clone()/
recent: it never goes down|session/buffer.rs|s/if recent != self\.recent_told/if recent > self.recent_told/
recent: an expunged message stays unclaimed|history/state.rs|s/self\.recent = self\.recent\.difference\(&gone\);//
drain: a lost one is not noticed|session/buffer.rs|s/Phase::Writing => self\.phase = Phase::Ended/Phase::Writing => self.phase = Phase::Told/
drain: a confirmed one is lost|session/buffer.rs|s/if self\.phase == Phase::Writing \{/if false {/
drain: the view after it is that before it|session/buffer.rs|s/(pub fn drain\(.*?\{\n\s*)self\.view\.take\(\);/$1/s
drain: a command begins with an old view|session/buffer.rs|s/(pub fn begin<.*?\{\n\s*)self\.view\.take\(\);/$1/s
close: without the lock it is not seen|hub/guard.rs|s/self\.history\.set_closed\(why\);//
close: the history does not see it|hub/guard.rs|s/self\.change\(\)\.closed = Some\(why\);/self.change();/
close: a drain does not see it|session/buffer.rs|s/ended: state\.closed\.map\(Ended::Mailbox\)/ended: None/
close: a mailbox takes changes after it|history/state.rs|s/if self\.closed\.is_some\(\) \{\n            Ingest::Closed/if false {\n            Ingest::Closed/
select: arrivals are not in the snapshot|session/buffer.rs|s/(let bookmark = history\.positions)/$1/; s/        state\.place_arrivals\(\);\n        let bookmark/        let bookmark/
expunge: it spares what was not announced|history/state.rs|s/self\.staged = self\.staged\.difference\(&staged\);\n\s*gone = gone\.union\(&staged\);//
history: it forgets what the slowest session needs|hub/publication.rs|s/let oldest = .*?;/let oldest = state.position - 1;/
history: it is never tidied|hub/publication.rs|s/if state\.flags\.wants_pruning\(history\.positions\.count\(\)\)/if false/
history: the last session frees nothing|session/buffer.rs|s/self\.history\.last_session_left\(\);//
log: the cursor is not advanced|hub/log.rs|s/std::mem::replace\(&mut self\.cursor, page\.upto\)/self.cursor/
log: a page that waits is lost|hub/log.rs|s/(\s*)self\.waiting\.insert\(at, page\);/$1if page.follows(self.cursor) { self.waiting.insert(at, page); }/
log: an old page counts|hub/log.rs|s/if page\.upto > self\.cursor \{\n            applied/if true {\n            applied/
log: rows above the end of a page are told|hub/page.rs|s/self\.events\.retain\(\|event\| event\.version <= self\.upto\);//
log: a page that was cut short is told at once|hub/page.rs|s/self\.reach == Reach::Whole \|\| self\.end == End::OfLog/true/
log: a gap between pages is not seen|hub/page.rs|s/self\.reach <= Reach::After\(version\)/true/
log: UIDNEXT of a page that was cut short is told|hub/page.rs|s/self\.uid_next = None;//
log: UIDNEXT of a page that waits is told|hub/log.rs|s/(            applied\.outcome = self\.accept\(page\);)/            if let Some(uid_next) = page.uid_next { publication.look(|state| state.set_uid_next(uid_next)); }\n$1/
log: rows are told in the order of the page|hub/page.rs|s/self\.events\.sort_by_key\(\|event\| event\.version\);//
log: HIGHESTMODSEQ below the last expunge of a page|hub/log.rs|s/low\.min\(version\)/low.max(version)/
log: HIGHESTMODSEQ below the last expunge of a listing|hub/log.rs|s/gone\.add\(uid, first\);//
log: what a listing lacks stays|hub/log.rs|s/if reach == Reach::Whole \{/if false {/
log: flags that a listing repeats are told|hub/log.rs|s/if version <= self\.span\.0 \|\| /if /
log: rows below the cursor are told|hub/log.rs|s/whole \|\| event\.version > cursor/true/
log: a page of nothing wakes everybody|hub/log.rs|s/let quiet = /let quiet = false \&\& /
log: pages of one read are told one by one|hub/log.rs|s/for page in merged\(self\.take_ready\(\)\)/for page in self.take_ready()/
claims: one is not revoked|history/claims.rs|s/Some\(self\.all\.swap_remove\(at\)\)/{ let _ = at; None }/
claims: a revoked one tells nothing|hub/log.rs|s/if unconfirmed\.is_empty\(\)/if true/
claims: flags told since are forgotten|history/claims.rs|s/claimed\.told = Told::Flags;//
claims: own changes are echoed|history/claims.rs|s/Told::Nothing => Echo::Silent/Told::Nothing => Echo::Tell/
claims: an earlier one of the same versions stays|history/claims.rs|s/let void = self\.all\.extract_if\(\.\., overlaps\)\.collect\(\);/let void = Vec::new();/
claims: a row of a session is silent whatever is in it|hub/log.rs|s/let alone = by == Origin::EXTERNAL \|\| .*?;/let alone = true;/
claims: a version is own because some row has it|hub/makers.rs|s/here\.iter\(\)\.all/here.iter().any/
claims: who changed flags is forgotten with them|history/flags.rs|s/\|\| \(self\.past\.as_ref\(\)\)\.is_some_and\(.*?\)\)/|| false/
claims: another who changed the flags is not seen|history/flags.rs|s/remembered\.is_some_and\(\|entry\| entry\.by != by \|\| entry\.other > 0\)/false/
held: the first record and not the lowest|history/expunges.rs|s/later\.map\(\|record\| record\.modseqs\.0\)\.min\(\)/{ let mut later = later; later.next().map(|record| record.modseqs.0) }/
held: it is not looked at again|session/buffer.rs|s/\(Some\(held\), Some\(below\)\) => \(held\.drains\.saturating_add\(1\), held\.below\.min\(below\)\)/(Some(held), Some(_)) => (held.drains.saturating_add(1), held.below)/
'
# Not faults: what the search does not reach. It says so by surviving.
reach='
reach: a bitmap is made|imap-seq/src/rank_tree/bitmap.rs|s/(fn of_words\(words: &\[u64\]\) -> Self \{)/$1 panic!("a bitmap is made");/
reach: a node has a second leaf|imap-seq/src/rank_tree/node.rs|s/(fn add_leaf\(.*?\{)/$1 assert!(self.len == 0, "there is a second leaf");/s
'
list=$(sed "s/^\([^|]*\)|\([^|]*\)|/\1|imap-updates\/src\/\2|/" <<<"$mutants")
list+=$'\n'$(sed -n "/^mutants='/,/^'/p" "$root/crates/imap-seq/tests/mutants.sh" | sed "1d;\$d" |
  sed "s/^\([^|]*\)|\([^|]*\)|/\1|imap-seq\/src\/\2|/")$reach

while IFS='|' read -r name file change; do
  [ -n "$name" ] || continue
  if [ $# -gt 0 ] && [[ " $* " != *" ${name%%:*} "* ]]; then continue; fi
  source=crates/$file
  cp "$source" original
  perl -0pi -e "$change" "$source"
  if cmp -s original "$source"; then verdict='NOT APPLIED'
  elif ! timeout 600 cargo build --offline -p imap-updates --example exhaustive >log 2>&1; then
    verdict="DOES NOT COMPILE: $(grep -m1 '^error' log)"
  elif timeout "${MUTANTS_SECONDS:-120}" "$CARGO_TARGET_DIR/debug/examples/exhaustive" --short >log 2>&1; then
    verdict='survived'
  else
    verdict=$(sed -n 's/^broken: //p; s/.*\(SIGABRT\|SIGSEGV\).*/a crash/p' log)
    verdict="killed: ${verdict:-a search that never ends}"
  fi
  printf '%s -> %s\n' "$name" "$verdict"
  cp original "$source"
done <<<"$list"
