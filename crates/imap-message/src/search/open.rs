//! What a search still looks for, and what it has found.

use super::area::AreaKind;
use super::field::FieldText;
use super::matcher::{Matcher, Strings};
use super::text_key::{Place, TextKey};
use crate::field_name::FieldName;
use crate::header::{Fields, trim};

/// What is still looked for.
#[derive(Debug)]
pub(super) struct Open<'k> {
    pub(super) found: Vec<bool>,
    /// HEADER keys.
    headers: Vec<usize>,
    /// Strings of BODY and TEXT keys: looked for in text parts, and in the headers of messages inside.
    bodies: Strings<'k>,
    /// Strings of TEXT keys: looked for in all headers too.
    texts: Strings<'k>,
}

impl<'k> Open<'k> {
    pub(super) fn new(keys: &'k [TextKey<'k>]) -> Self {
        let is_anywhere = |key: &TextKey<'_>| key.needle.is_empty() && !key.is_header();
        let found: Vec<bool> = keys.iter().map(is_anywhere).collect();
        let open = |&key: &usize| !found[key];
        let strings = |is_it: fn(&TextKey<'k>) -> bool| {
            let of = |key: usize| is_it(&keys[key]).then_some((key, keys[key].needle));
            Strings::new((0..keys.len()).filter(open).filter_map(of))
        };
        Self {
            headers: (0..keys.len()).filter(|&key| keys[key].is_header()).collect(),
            bodies: strings(|key| !key.is_header()),
            texts: strings(TextKey::is_text),
            found,
        }
    }

    /// Whether something is looked for there.
    pub(super) fn needs(&self, area: AreaKind) -> bool {
        !self.strings_in(area).is_empty() || area == AreaKind::Header && !self.headers.is_empty()
    }

    /// The strings of BODY and TEXT keys that are looked for there.
    pub(super) fn strings_in(&self, area: AreaKind) -> &Strings<'k> {
        match area {
            AreaKind::Header | AreaKind::PartHeader => &self.texts,
            AreaKind::InnerHeader | AreaKind::Text(_) => &self.bodies,
        }
    }

    /// Looks for HEADER keys in a field, and gives it to the matcher of the others.
    pub(super) fn take_field(
        &mut self,
        keys: &[TextKey<'_>],
        area: AreaKind,
        field: &[u8],
        matcher: &mut Matcher,
    ) {
        if !self.strings_in(area).is_empty() {
            matcher.push_field(field, self.strings_in(area));
        }
        if area == AreaKind::Header && !self.headers.is_empty() {
            self.take_named_field(keys, field);
        }
    }

    fn take_named_field(&mut self, keys: &[TextKey<'_>], field: &[u8]) {
        let Some(field) = Fields::new(field).next() else {
            return;
        };
        let mut text = None;
        let (open, found) = (&mut self.headers, &mut self.found);
        open.retain(|&key| {
            let Place::Header { name, known } = keys[key].place else {
                return false;
            };
            if !field.is_named(name.as_bytes()) {
                return true;
            }
            let is_address = known.is_some_and(FieldName::is_address);
            let text = text.get_or_insert_with(|| FieldText::of(trim(field.raw_value()), is_address));
            found[key] = text.contains(keys[key].needle);
            !found[key]
        });
    }

    pub(super) fn take_found(&mut self, keys: Vec<usize>) {
        for key in keys {
            self.found[key] = true;
            self.bodies.remove(key);
            self.texts.remove(key);
        }
    }
}
