//! Values for statements and from rows.

use bytes::BytesMut;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::engine::Value;

type Refused = Box<dyn std::error::Error + Sync + Send>;

/// The type that a value has in a statement. It is always named: what the server would guess may differ from case to case.
pub(super) const fn type_of(value: &Value<'_>) -> Type {
    match value {
        Value::Integer(_) => Type::INT8,
        Value::Text(_) => Type::TEXT,
        Value::Octets(_) => Type::BYTEA,
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Refused> {
        match self {
            Self::Integer(number) => number.to_sql(ty, out),
            Self::Text(text) => text.to_sql(ty, out),
            Self::Octets(octets) => octets.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::TEXT | Type::BYTEA)
    }

    to_sql_checked!();
}

/// An integer of any width: `0` in a query has another type than a column.
struct Integer(i64);

impl<'a> FromSql<'a> for Integer {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Refused> {
        Ok(Self(match *ty {
            Type::INT4 => i32::from_sql(ty, raw)?.into(),
            _ => i64::from_sql(ty, raw)?,
        }))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT4 | Type::INT8)
    }
}

pub(crate) fn integer(row: &Row, column: usize) -> Result<i64, tokio_postgres::Error> {
    row.try_get(column).map(|Integer(number)| number)
}
