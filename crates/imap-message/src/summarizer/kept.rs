//! Which fields are kept, and how much of them.

use crate::field_name::{FieldName, FieldSet, Repeats};
use crate::header::trim_end;
use crate::part::MAX_PARTS;
use crate::summary::{FIELD_OVERHEAD, MAX_FIELDS, push_field};

/// What every part may keep of type and encoding when the message has used up what all parts share: without them a
/// client could not read the part.
const OWN: usize = 64;

/// What the fields of all parts share.
const SHARED: usize = MAX_FIELDS - OWN * MAX_PARTS;

/// What the fields of most messages fit in.
const USUAL: usize = 512;

/// What the header belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Message,
    Part,
}

/// The fields that are kept.
#[derive(Debug)]
pub(super) struct Kept {
    fields: Vec<u8>,
    shared: usize,
    own: usize,
    owner: Owner,
    /// The names that the header had so far.
    seen: FieldSet,
    /// Whether the header is the message's own.
    is_root: bool,
    /// The names of which the message's own header had more than is kept.
    cut: FieldSet,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            fields: Vec::with_capacity(USUAL),
            shared: SHARED,
            own: OWN,
            owner: Owner::Message,
            seen: FieldSet::default(),
            is_root: true,
            cut: FieldSet::default(),
        }
    }
}

impl Kept {
    /// Begins a header inside the message.
    pub(super) fn begin(&mut self, owner: Owner) {
        self.owner = owner;
        self.own = OWN;
        self.seen = FieldSet::default();
        self.is_root = false;
    }

    /// Whether fields of this name are looked at in this header.
    pub(super) fn wants(&self, name: FieldName) -> bool {
        self.owner == Owner::Message || name.is_mime()
    }

    /// Keeps a value, if it says something that no field before said and there is room. `is_cut` says that it is not
    /// whole.
    pub(super) fn keep(&mut self, name: FieldName, value: &[u8], is_cut: bool) {
        let counts = match name.repeats() {
            Repeats::First => !self.seen.contains(name),
            Repeats::FirstWithText => !self.seen.contains(name) && !value.is_empty(),
            Repeats::All => true,
        };
        let room = if matches!(name, FieldName::ContentType | FieldName::ContentTransferEncoding) {
            self.shared.max(self.own)
        } else {
            self.shared
        };
        if !counts || room < FIELD_OVERHEAD {
            return self.leave_out(name);
        }
        self.seen.insert(name);
        let fitting = &value[..value.len().min(room - FIELD_OVERHEAD)];
        let is_cut = is_cut || fitting.len() < value.len();
        let fitting = if is_cut {
            whole_entries(fitting, name)
        } else {
            fitting
        };
        if is_cut {
            self.leave_out(name);
        }
        let taken = fitting.len() + FIELD_OVERHEAD;
        let budget = if taken <= self.shared {
            &mut self.shared
        } else {
            &mut self.own
        };
        *budget = budget.saturating_sub(taken);
        push_field(&mut self.fields, name, fitting);
    }

    fn leave_out(&mut self, name: FieldName) {
        if self.is_root {
            self.cut.insert(name);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(super) fn finish(self) -> (Vec<u8>, FieldSet) {
        (self.fields, self.cut)
    }
}

/// The value without the entry that was cut through. A value of one entry stays.
fn whole_entries(value: &[u8], name: FieldName) -> &[u8] {
    match value.iter().rposition(|&octet| octet == name.separator()) {
        Some(end) => trim_end(&value[..end]),
        None => value,
    }
}
