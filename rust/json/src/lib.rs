//! JSON documents, read strictly.
//!
//! A structure that derives `Deserialize` takes an array for an object: its members in the order of the fields, whatever they
//! mean. A record that reads `["1.0.2", "c1", 7, …]` would be a container's. [`from_slice`] and [`from_value`] refuse that,
//! at every depth; in all else they are serde_json's. Read what comes from outside this process with them. (A structure with
//! a flattened member is never read from an array; the store's records have one.)
#![forbid(unsafe_code)]

mod strict;
pub mod versioned;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Error, Value};
use strict::Strict;

/// Read one document, of which nothing but blanks may follow.
pub fn from_slice<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let document = T::deserialize(Strict(&mut deserializer))?;
    deserializer.end()?;
    Ok(document)
}

/// Read a document that is parsed already.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    T::deserialize(Strict(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        a: u8,
        #[serde(default)]
        b: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Choice {
        Nothing,
        One(Inner),
        Two(u8, u8),
        Named { inner: Inner },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Pair(u8, f64);

    #[derive(Debug, PartialEq, Deserialize)]
    struct Id(String);

    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        inner: Inner,
        list: Vec<Inner>,
        map: BTreeMap<String, Inner>,
        maybe: Option<Inner>,
        choice: Choice,
        pair: Pair,
        id: Id,
        wide: i64,
        flag: bool,
        rest: Value,
    }

    const TEXT: &str = r#"{"inner":{"a":1},"list":[{"a":2,"b":"x"}],"map":{"k":{"a":3}},"maybe":{"a":4},"choice":"Nothing",
        "pair":[5,0.5],"id":"i","wide":-6,"flag":true,"rest":[[1],{"a":null}]}"#;

    #[test]
    fn a_document_reads_as_serde_json_reads_it() {
        for choice in [r#""Nothing""#, r#"{"One":{"a":1}}"#, r#"{"Two":[1,2]}"#, r#"{"Named":{"inner":{"a":1}}}"#] {
            let text = TEXT.replace(r#""Nothing""#, choice);
            let plain: Outer = serde_json::from_str(&text).expect("valid");
            assert_eq!(from_slice::<Outer>(text.as_bytes()).expect("valid"), plain);
            assert_eq!(from_value::<Outer>(serde_json::from_str(&text).expect("JSON")).expect("valid"), plain);
        }
    }

    #[test]
    fn an_array_is_no_object_at_any_depth() {
        assert!(serde_json::from_str::<Inner>("[1,null]").is_ok(), "what is refused here is taken by a plain reader");
        let cases = [
            (r#""inner":{"a":1}"#, r#""inner":[1,null]"#),
            (r#"[{"a":2,"b":"x"}]"#, r#"[[2,"x"]]"#),
            (r#"{"k":{"a":3}}"#, r#"{"k":[3,null]}"#),
            (r#""maybe":{"a":4}"#, r#""maybe":[4,null]"#),
            (r#""Nothing""#, r#"{"One":[1,null]}"#),
            (r#""Nothing""#, r#"{"Named":[{"a":1}]}"#),
            (r#""Nothing""#, r#"{"Named":{"inner":[1,null]}}"#),
        ];
        for (good, bad) in cases {
            let text = TEXT.replace(good, bad);
            assert_ne!(text, TEXT);
            let error = from_slice::<Outer>(text.as_bytes()).expect_err(bad);
            assert!(error.to_string().contains("invalid type: sequence, expected struct"), "{bad}: {error}");
            assert!(from_value::<Outer>(serde_json::from_str(&text).expect("JSON")).is_err(), "{bad}");
        }
        assert!(from_slice::<Inner>(b"[1,null]").is_err());
        assert!(from_slice::<Vec<Inner>>(b"[[1,null]]").is_err());
    }

    #[test]
    fn errors_are_those_of_serde_json() {
        for text in ["", "{", r#"{"a":256}"#, r#"{"a":1}x"#, r#"{"b":"x"}"#, r#"{"a":1,"a":2}"#, "null", "7"] {
            let plain = serde_json::from_str::<Inner>(text).expect_err(text).to_string();
            assert_eq!(from_slice::<Inner>(text.as_bytes()).expect_err(text).to_string(), plain, "{text}");
        }
    }

    #[test]
    fn depth_is_limited_as_in_serde_json() {
        let text = "[".repeat(200) + &"]".repeat(200);
        assert!(from_slice::<Value>(text.as_bytes()).is_err());
    }
}
