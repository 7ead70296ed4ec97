//! The fields that ENVELOPE, BODYSTRUCTURE and THREAD read.

/// The name of a field that a [`Summary`](crate::Summary) keeps.
///
/// The discriminants are written by [`Summary::to_bytes`](crate::Summary::to_bytes): a number never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FieldName {
    Date = 0,
    Subject = 1,
    From = 2,
    Sender = 3,
    ReplyTo = 4,
    To = 5,
    Cc = 6,
    Bcc = 7,
    InReplyTo = 8,
    MessageId = 9,
    References = 10,
    ContentType = 16,
    ContentTransferEncoding = 17,
    ContentId = 18,
    ContentDescription = 19,
    ContentMd5 = 20,
    ContentDisposition = 21,
    ContentLanguage = 22,
    ContentLocation = 23,
}

/// Which fields of a name say something when the name occurs more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// The first one, even if it is empty.
    First,
    /// The first one that is not empty.
    FirstWithText,
    /// All of them.
    All,
}

/// The longest of the names.
pub(crate) const MAX_NAME: usize = "content-transfer-encoding".len();

const NAMES: [(FieldName, &str); 19] = [
    (FieldName::Date, "date"),
    (FieldName::Subject, "subject"),
    (FieldName::From, "from"),
    (FieldName::Sender, "sender"),
    (FieldName::ReplyTo, "reply-to"),
    (FieldName::To, "to"),
    (FieldName::Cc, "cc"),
    (FieldName::Bcc, "bcc"),
    (FieldName::InReplyTo, "in-reply-to"),
    (FieldName::MessageId, "message-id"),
    (FieldName::References, "references"),
    (FieldName::ContentType, "content-type"),
    (FieldName::ContentTransferEncoding, "content-transfer-encoding"),
    (FieldName::ContentId, "content-id"),
    (FieldName::ContentDescription, "content-description"),
    (FieldName::ContentMd5, "content-md5"),
    (FieldName::ContentDisposition, "content-disposition"),
    (FieldName::ContentLanguage, "content-language"),
    (FieldName::ContentLocation, "content-location"),
];

impl FieldName {
    /// The field of this name, in any case.
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        let is_it = |known: &&(Self, &str)| known.1.as_bytes().eq_ignore_ascii_case(name);
        NAMES.iter().find(is_it).map(|known| known.0)
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        // The place in the table, whose codes have one gap.
        let place = match code.checked_sub(Self::ContentType.code()) {
            None => code,
            Some(mime) => Self::References.code() + 1 + mime,
        };
        let known = NAMES.get(usize::from(place)).map(|known| known.0);
        known.filter(|name| name.code() == code)
    }

    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// Whether the field is about a part, so that it is kept for parts that are no message too.
    pub(crate) fn is_mime(self) -> bool {
        self.code() >= Self::ContentType.code()
    }

    /// Whether the field holds addresses.
    pub(crate) fn is_address(self) -> bool {
        matches!(
            self,
            Self::From | Self::Sender | Self::ReplyTo | Self::To | Self::Cc | Self::Bcc
        )
    }

    pub(crate) fn repeats(self) -> Repeats {
        match self {
            _ if self.is_address() => Repeats::All,
            Self::ContentId | Self::ContentDescription | Self::ContentMd5 | Self::ContentLocation => {
                Repeats::FirstWithText
            }
            _ => Repeats::First,
        }
    }

    /// What ends an entry of the value, so that a value that is too long ends with a whole one.
    pub(crate) fn separator(self) -> u8 {
        match self {
            Self::ContentType | Self::ContentDisposition => b';',
            Self::ContentLanguage => b',',
            _ if self.is_address() => b',',
            _ => b' ',
        }
    }
}

/// A set of field names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FieldSet(u32);

impl FieldSet {
    pub(crate) fn contains(self, name: FieldName) -> bool {
        self.0 & Self::bit(name) != 0
    }

    pub(crate) fn insert(&mut self, name: FieldName) {
        self.0 |= Self::bit(name);
    }

    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    /// The set with these bits; `None` if one of them belongs to no name.
    pub(crate) fn from_bits(bits: u32) -> Option<Self> {
        let known = NAMES.iter().fold(0, |bits, known| bits | Self::bit(known.0));
        (bits & !known == 0).then_some(Self(bits))
    }

    fn bit(name: FieldName) -> u32 {
        1 << name.code()
    }
}
