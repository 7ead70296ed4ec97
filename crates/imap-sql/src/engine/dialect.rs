//! What the engines do not say in the same words.

/// Which SQL an engine speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// At the end of a SELECT: locks its rows until the transaction ends. In SQLite a transaction that writes has the whole
    /// database locked.
    pub(crate) const fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// The function `(text, part)`: where the part begins, counted from 1; 0 if it is not there.
    pub(crate) const fn position(self) -> &'static str {
        match self {
            Self::Sqlite => "instr",
            Self::Postgres => "strpos",
        }
    }

    /// After a column: whether it is among the numbers that value `?1` lists as `1,2,3`.
    pub(crate) const fn among_first_value(self) -> &'static str {
        match self {
            Self::Sqlite => " IN (SELECT value FROM json_each('[' || ?1 || ']'))",
            Self::Postgres => " = ANY (string_to_array(?1, ',')::bigint[])",
        }
    }
}
