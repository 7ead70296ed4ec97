#!/usr/bin/env bash
# Breaks the crate on purpose, one place at a time, in a copy, and looks whether the tests notice. Prints, for each
# mutant, the tests that failed. Takes some minutes.
#
#   crates/imap-seq/tests/mutants.sh [name ...]
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
export CARGO_TARGET_DIR=${MUTANTS_TARGET_DIR:-$copy/target} CARGO_TERM_COLOR=never RUSTFLAGS=-Awarnings

mkdir -p "$copy/crates"
cp -r "$root/crates/imap-seq" "$copy/crates/"
cp "$root/Cargo.lock" "$copy/"
# The workspace with this crate alone.
sed 's|^members = .*|members = ["crates/imap-seq"]|; /^default-members/d; /^imap-[a-z-]* = { path/d' "$root/Cargo.toml" >"$copy/Cargo.toml"
cd "$copy"

# name | file | what Perl changes
mutants='
rank: one too many in a bitmap|rank_tree/bitmap.rs|s/Some\(word::lane_of\(counts, word\) \+ \(bits & \(\(1 << bit\)/Some(word::lane_of(counts, word) + (bits & ((2 << bit)/
rank: counts equal members of a list|rank_tree/list.rs|s/u32::from\(member < number\)/u32::from(member <= number)/
rank: a finger does not go back|rank_tree/finger.rs|s/number < self.from \|\| //
rank: a number behind the last word counts nothing|rank_tree/bitmap.rs|s/None => self.count\(\),/None => 0,/
select: takes the bit after|rank_tree/word.rs|s/low_32_bits\(shift\) \+/1 + low_32_bits(shift) +/
select: the window is believed unseen|rank_tree/bitmap.rs|s/holds\.then\(/true.then(/
select: one message too many|view.rs|s/if seq.get\(\) > self.exists/if seq.get() > self.exists + 1/
select: pending are not subtracted|view.rs|s/seq.get\(\) - 1 - before/seq.get() - 1/
select: a search among the pending goes too far|pending.rs|s/rest\[quarters \* quarter - 1\] < number/rest[quarters * quarter - 1] <= number/
order: EXPUNGE ascending|seq_mapper.rs|s/pending.seqs\(\).iter\(\).rev\(\)/pending.seqs().iter()/
order: a batch in the order of the log|pending.rs|s/fresh.sort_unstable\(\);//
order: numbers may enter anywhere|rank_tree.rs|s/if number <= self.highest_ever\(\)/if false/
counts: nodes behind a removal keep theirs|rank_tree/root.rs|s/child\.before -= 1;/child.before -= 0;/
counts: leaves behind a removal keep theirs|rank_tree/node.rs|s/\*before -= 1;/*before -= 0;/
counts: leaves behind a batch keep theirs|rank_tree/node.rs|s/gone \+= lost;/gone += 0 * lost;/
counts: words behind a removal keep theirs|rank_tree/bitmap.rs|s/\*counts -= word::all_lanes\(1\);/*counts -= word::all_lanes(0);/
counts: words behind a batch keep theirs|rank_tree/bitmap.rs|s/gone \+= u64::from\(\*lost\);//
counts: words of a bitmap that grows start at none|rank_tree/bitmap.rs|s/repeat_n\(all, more\)/repeat_n(0 * all, more)/
counts: an empty leaf stays|rank_tree/node.rs|s/0 => self\.drop_empty\(\),/0 => {}/
guess: a child is believed unseen|rank_tree/directory.rs|s/guess < WIDE && bounds\[guess\] <= value && value < bounds\[guess \+ 1\]/guess < WIDE/
guess: the jump to a node is believed unseen|rank_tree/root.rs|s/directory::holds\(&self\.children, \|child\| child\.key, number, node\)/node < self.children.len()/
guess: the jump to a leaf is believed unseen|rank_tree/node.rs|s/ if key <= number && number < next//
guess: the leaf of a rank is believed unseen|rank_tree/node.rs|s/ if before <= rank && rank < next//
shape: a list becomes a bitmap of two spans|rank_tree/list.rs|s/ && first \/ SPAN == last \/ SPAN//
shape: a bitmap grows beyond its span|rank_tree/bitmap.rs|s/number \/ SPAN == key \/ SPAN && //
shape: a list that becomes a bitmap keeps its key|rank_tree/node.rs|s/self\.add_leaf\(key, bitmap\);/let key = key.min(self.keys[leaf]);\n        self.add_leaf(key, bitmap);/
shape: the root is not told of a new key|rank_tree/root.rs|s/self\.update_last_key\(\);//
shape: a bitmap that becomes a list loses a member|rank_tree/leaf.rs|s/self\.members_from\(key, key\)\.collect/self.members_from(key, key).skip(1).collect/
shape: a bitmap never becomes a list|rank_tree/list.rs|s/members as usize <= CAPACITY && /false && /
trap 1: the horizon rises before the log is read|seq_mapper.rs|s/(        index\.catch_up\(.*\);\n)(        let expunged = match)/        self.told.horizon = index.highest_ever().map_or(0, Uid::get);\n$1$2/
trap 1: what was never announced is pending too|mailbox_index.rs|s/if uid <= horizon/if true/
trap 2: the cursor goes to the end, and the tree is older|mailbox_index.rs|s/(self.tree.remove\(uid.get\(\)\);\n        if was_here \{\n            self.log.push\(uid.get\(\)\);)/$1 self.log.push(uid.get());/
trap 2: a memo of an earlier moment|mailbox_index.rs|s/self.memo = None;//g
trap 2: a memo of another horizon|mailbox_index.rs|s/ && self.horizon == told.horizon//
trap 2: a memo of another place|mailbox_index.rs|s/ && self.position == position//
trap 3: what is held is forgotten when EXISTS goes out|seq_mapper.rs|s/Expunges::Hold => None,/Expunges::Hold => { self.told.pending = None; None }/
trap 3: numbers are computed without the pending ones that were held|pending.rs|s/let below = place \+ u32::try_from\(taken\).unwrap_or\(u32::MAX\);/let below: u32 = place;/
trap 4: the star is the largest UID|view.rs|s/Bound::Last => last,/Bound::Last => Uid::MAX,/
trap 4: a range reaches what is not announced|view.rs|s/let last = last.min\(self.horizon\);//
trap 4: what is not announced has a number|view.rs|s/if uid.get\(\) > self.horizon/if false/
trap 5: a pending message is absent|view.rs|s/Ok\(seq\) => SeqNum::new\(seq\),/Ok(_) => None,/
trap 5: nothing is ever gone|view.rs|s/\.is_some_and\(\|pending\| pending.by_uid\(uid.get\(\)\).is_ok\(\)\)/.is_some_and(|_| false)/
trap 6: a late UID is taken for a duplicate|mailbox_index.rs|s/false => AppendError::Late/false => AppendError::Duplicate/
trap 7: a batch leaves no trace in the log|mailbox_index.rs|s,\|uid\| self\.log\.push\(uid\)\),|_| ()),
trap 8: unread counts from the start|seq_mapper.rs|s/\.saturating_sub\(session.told.cursor.position\(\)\)/.saturating_sub(0)/
trap 9: a chain of segments drops by recursion|log.rs|s/while let Some\(mut alone\) = next.and_then\(sole\)/while let Some(mut alone) = next.take().filter(|_| false).and_then(sole)/
trap 10: the end of the UID space wraps|uid_ranges.rs|s/is_none_or\(\|after\| next.0 <= after\)/is_some_and(|after| next.0 <= after)/
'

status=0
while IFS='|' read -r name file change; do
  [ -n "$name" ] || continue
  if [ $# -gt 0 ] && [[ " $* " != *" ${name%%:*} "* ]]; then continue; fi
  source=crates/imap-seq/src/$file
  cp "$source" original
  perl -0pi -e "$change" "$source"
  if cmp -s original "$source"; then verdict='NOT APPLIED'; status=1
  elif ! timeout 600 cargo test --offline --no-run -p imap-seq --lib --tests >log 2>&1; then
    verdict="DOES NOT COMPILE: $(grep -m1 '^error' log)"; status=1
  elif timeout "${MUTANTS_SECONDS:-90}" cargo test --offline --no-fail-fast -p imap-seq --lib --tests >log 2>&1; then
    verdict='SURVIVED'; status=1
  else
    # Killed by the time limit, a test never ended: that is noticed too.
    verdict=$({ sed -n 's/^test \([^ ]*\) \.\.\. FAILED$/\1/p; s/.*\(SIGABRT\|SIGSEGV\).*/a crash/p' log
      grep -q '^error' log || echo 'a test that never ends'; } | sort -u | awk '{printf "%s%s", s, $0; s=", "}')
  fi
  printf '%s -> %s\n' "$name" "$verdict"
  cp original "$source"
done <<<"$mutants"
exit $status
