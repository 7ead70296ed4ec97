//! Where in a message strings may be looked for.

use std::ops::Range;

use encoding_rs::Encoding;

use crate::charset;
use crate::parameter::Media;
use crate::transfer;

/// Octets of a message in which strings may be looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Area {
    pub(crate) kind: AreaKind,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AreaKind {
    /// The header of the message.
    Header,
    /// The header of a message inside the message.
    InnerHeader,
    /// The header of another part.
    PartHeader,
    /// The body of a text part.
    Text(Format),
}

/// How the body of a text part is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) encoding: transfer::Encoding,
    /// `None` if none is named, or none that is known.
    pub(crate) charset: Option<&'static Encoding>,
}

/// How much of the message the areas are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    Whole,
    Header,
}

impl Format {
    /// The format of a part that has no other parts, if it is readable text. Delivery reports
    /// (`message/delivery-status`) are text too, whatever their type says. `encoding` looks for the value of
    /// `Content-Transfer-Encoding:`.
    pub(crate) fn of_text<'a>(
        media: &Media<'_>,
        encoding: impl FnOnce() -> Option<&'a [u8]>,
    ) -> Option<Self> {
        let is_text = media.is_kind("text") || media.is_kind("message");
        is_text.then(|| Self {
            encoding: transfer::Encoding::of(encoding()),
            charset: media
                .parameter("charset")
                .and_then(|charset| charset::known(&charset)),
        })
    }
}

/// What the body of a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Text(Format),
    /// A message, which is the next part.
    Message,
    /// Nothing to read, or other parts.
    Other,
}

/// Collects the areas of a message from its parts, in the order of the message.
#[derive(Debug, Default)]
pub(crate) struct Areas {
    areas: Vec<Area>,
    /// The part before.
    before: Option<Body>,
}

impl Areas {
    /// Adds the next part, the message itself first.
    pub(crate) fn push_part(&mut self, header: Range<u64>, body: Range<u64>, content: Body) {
        let of_header = match self.before.replace(content) {
            None => AreaKind::Header,
            Some(Body::Message) => AreaKind::InnerHeader,
            Some(_) => AreaKind::PartHeader,
        };
        self.push(of_header, header);
        if let Body::Text(format) = content {
            self.push(AreaKind::Text(format), body);
        }
    }

    fn push(&mut self, kind: AreaKind, range: Range<u64>) {
        let Range { start, end } = range;
        if start < end {
            self.areas.push(Area { kind, start, end });
        }
    }

    pub(crate) fn finish(self) -> Vec<Area> {
        self.areas
    }
}
