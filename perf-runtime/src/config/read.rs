//! Reads a section's values into a type, by `serde`.
//!
//! A number, a bool or a list may be written as text, for in the environment everything is. An error says which key it is
//! about; what a type says with `custom` is taken for what is allowed.

use super::value::{Table, Value};
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Expected, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use std::collections::btree_map;
use std::fmt;
use std::slice;

/// Why a value was refused.
#[derive(Debug)]
pub(super) struct ReadError {
    /// The keys from the section down to the value.
    pub(super) path: Vec<String>,
    /// The value as it was written, where it is known.
    pub(super) value: Option<String>,
    pub(super) problem: Problem,
}

/// The fault.
#[derive(Debug)]
pub(super) enum Problem {
    /// It has to be this instead.
    Allowed(String),
    /// A key, or a word among a few, that is not known.
    Unknown { name: String, known: &'static [&'static str], is_key: bool },
    /// A key that must be there.
    Missing(&'static str),
}

impl ReadError {
    fn new(problem: Problem) -> Self {
        Self { path: Vec::new(), value: None, problem }
    }

    fn below(mut self, key: &str) -> Self {
        self.path.insert(0, key.to_owned());
        self
    }

    fn of(mut self, value: &Value) -> Self {
        self.value.get_or_insert_with(|| value.shown());
        self
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.path.join("."), self.problem)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(allowed: T) -> Self {
        Self::new(Problem::Allowed(allowed.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(expected)
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(expected)
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::new(Problem::Unknown { name: name.to_owned(), known, is_key: true })
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        Self::new(Problem::Unknown { name: name.to_owned(), known, is_key: false })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Problem::Missing(field))
    }
}

/// A whole section.
pub(super) struct TableReader<'a>(pub(super) &'a Table);

/// One value.
struct Reader<'a>(&'a Value);

impl Reader<'_> {
    fn refused(&self, allowed: &str) -> ReadError {
        ReadError::new(Problem::Allowed(allowed.to_owned())).of(self.0)
    }

    /// A number that is a whole one.
    fn whole<N: TryFrom<i128>>(&self) -> Result<N, ReadError> {
        let text = match self.0 {
            Value::Number(number) => number.to_string(),
            Value::Text(text) => text.trim().to_owned(),
            _ => String::new(),
        };
        let number: Option<i128> = text.parse().ok();
        number.and_then(|number| N::try_from(number).ok()).ok_or_else(|| self.refused("a whole number"))
    }

    fn parts(&self) -> Result<Vec<Value>, ReadError> {
        match self.0 {
            Value::List(values) => Ok(values.clone()),
            Value::Text(text) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Ok(parts.map(|part| Value::Text(part.to_owned())).collect())
            }
            _ => Err(self.refused("a list")),
        }
    }
}

macro_rules! read_whole_numbers {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            visitor.$visit(self.whole()?).map_err(|error: ReadError| error.of(self.0))
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            Value::Text(_) => self.deserialize_str(visitor),
            Value::Number(number) if number.fract() == 0.0 => self.deserialize_i64(visitor),
            Value::Number(_) => self.deserialize_f64(visitor),
            Value::Bool(_) => self.deserialize_bool(visitor),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Table(_) => self.deserialize_map(visitor),
        }
    }

    read_whole_numbers! {
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32 deserialize_i64 visit_i64
        deserialize_u8 visit_u8 deserialize_u16 visit_u16 deserialize_u32 visit_u32 deserialize_u64 visit_u64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0.bool("") {
            Ok(bool) => visitor.visit_bool(bool),
            Err(error) => Err(self.refused(&error.allowed)),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0.number("") {
            Ok(number) => visitor.visit_f64(number).map_err(|error: ReadError| error.of(self.0)),
            Err(error) => Err(self.refused(&error.allowed)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            Value::Text(text) => visitor.visit_str(text).map_err(|error: ReadError| error.of(self.0)),
            _ => Err(self.refused("a text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let parts = self.parts()?;
        visitor.visit_seq(Parts(parts.iter())).map_err(|error| error.of(self.0))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            Value::Table(table) => TableReader(table).deserialize_map(visitor),
            _ => Err(self.refused("a table")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.0 {
            Value::Text(text) => visitor.visit_enum(Word(text)).map_err(|error| error.of(self.0)),
            _ => Err(self.refused("a text")),
        }
    }

    serde::forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

impl<'de> Deserializer<'de> for TableReader<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_map(Entries { entries: self.0.iter(), value: None })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

struct Entries<'a> {
    entries: btree_map::Iter<'a, String, Value>,
    value: Option<(&'a String, &'a Value)>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        self.value = self.entries.next();
        let Some((key, value)) = self.value else { return Ok(None) };
        seed.deserialize(StrDeserializer::new(key)).map(Some).map_err(|error: ReadError| error.of(value))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        let Some((key, value)) = self.value.take() else { return Err(de::Error::custom("a value for each key")) };
        seed.deserialize(Reader(value)).map_err(|error| error.of(value).below(key))
    }
}

struct Parts<'a>(slice::Iter<'a, Value>);

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        self.0.next().map(|value| seed.deserialize(Reader(value)).map_err(|error| error.of(value))).transpose()
    }
}

/// A word among a few.
struct Word<'a>(&'a str);

impl<'de> EnumAccess<'de> for Word<'_> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), ReadError> {
        Ok((seed.deserialize(StrDeserializer::new(self.0))?, self))
    }
}

impl<'de> VariantAccess<'de> for Word<'_> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, ReadError> {
        Err(de::Error::custom("a word"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, ReadError> {
        Err(de::Error::custom("a word"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, ReadError> {
        Err(de::Error::custom("a word"))
    }
}
