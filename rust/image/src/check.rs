//! A parsed document beside its type: every member is judged, and brought into the form that Go gives it.

use crate::document::{Error, Kind};
use crate::types::{self, Field, Type};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libpod_sys::rfc3339;
use serde_json::{Map, Value};

/// Characters of a name or text from outside that are shown in a message.
const SHOWN: usize = 100;

/// Refuse what is not of the document's type; write the rest as Go would.
pub fn check(document: &mut Value, kind: Kind) -> Result<(), Error> {
    // Go takes `null` for an empty document; nobody means one.
    let mut walk = Walk { kind, path: String::new() };
    if document.is_null() {
        return Err(walk.wrong(&Value::Null, types::of(kind)));
    }
    walk.value(document, types::of(kind))
}

struct Walk {
    kind: Kind,
    path: String,
}

impl Walk {
    fn value(&mut self, value: &mut Value, wanted: &'static Type) -> Result<(), Error> {
        match (wanted, &mut *value) {
            (_, Value::Null)
            | (Type::Any, _)
            | (Type::Text | Type::Words, Value::String(_))
            | (Type::Flag, Value::Bool(_))
            | (Type::Empty, Value::Object(_)) => Ok(()),
            (Type::Integer, Value::Number(number)) if number.is_i64() => Ok(()),
            (Type::Bytes, Value::String(text)) if STANDARD.decode(text.as_bytes()).is_ok() => Ok(()),
            (Type::Time, Value::String(text)) => match rfc3339::canonical(text) {
                Some(canonical) => {
                    *text = canonical;
                    Ok(())
                }
                None => Err(self.wrong(value, wanted)),
            },
            (Type::List(item), Value::Array(items)) => self.items(items, item),
            (Type::Words, Value::Array(items)) => self.items(items, &Type::Text),
            (Type::Map(item), Value::Object(members)) => {
                for (name, member) in members.iter_mut() {
                    self.at(&format!(".{}", tame(name)), |walk| walk.element(member, item))?;
                }
                Ok(())
            }
            (Type::Object(fields), Value::Object(members)) => self.object(members, fields),
            _ => Err(self.wrong(value, wanted)),
        }
    }

    fn items(&mut self, items: &mut [Value], wanted: &'static Type) -> Result<(), Error> {
        for (place, item) in items.iter_mut().enumerate() {
            self.at(&format!("[{place}]"), |walk| walk.element(item, wanted))?;
        }
        Ok(())
    }

    /// What stands in a list or a map: `null` there is the zero value.
    fn element(&mut self, value: &mut Value, wanted: &'static Type) -> Result<(), Error> {
        if value.is_null() {
            *value = match wanted {
                Type::Text => Value::String(String::new()),
                Type::Empty | Type::Object(_) => Value::Object(Map::new()),
                _ => Value::Null,
            };
        }
        self.value(value, wanted)
    }

    fn object(&mut self, members: &mut Map<String, Value>, fields: &'static [Field]) -> Result<(), Error> {
        let mut seen = vec![false; fields.len()];
        let mut renamed = false;
        for (name, member) in members.iter_mut() {
            let Some(place) = find(fields, name) else { continue };
            let (field, wanted) = &fields[place];
            let path = if self.path.is_empty() { (*field).to_owned() } else { format!(".{field}") };
            if std::mem::replace(&mut seen[place], true) {
                return self.at(&path, |walk| Err(Error::Twice { kind: walk.kind, path: walk.path.clone() }));
            }
            renamed |= field != name;
            self.at(&path, |walk| walk.value(member, wanted))?;
        }
        if renamed {
            let own_name = |name: String| find(fields, &name).map_or(name, |place| fields[place].0.to_owned());
            *members = std::mem::take(members).into_iter().map(|(name, member)| (own_name(name), member)).collect();
        }
        Ok(())
    }

    fn at(&mut self, place: &str, work: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        let length = self.path.len();
        self.path.push_str(place);
        let result = work(self);
        self.path.truncate(length);
        result
    }

    fn wrong(&self, value: &Value, wanted: &Type) -> Error {
        let wanted = match wanted {
            Type::Text => "a string",
            Type::Flag => "true or false",
            Type::Integer => "an integer of 64 bits",
            Type::Time => "a time as of RFC 3339",
            Type::Bytes => "bytes in base64",
            Type::Words | Type::List(Type::Text) => "a list of strings",
            Type::List(_) => "a list",
            Type::Any => "anything",
            Type::Map(Type::Text) => "an object of strings",
            Type::Map(Type::Empty) => "an object of objects",
            Type::Empty | Type::Map(_) | Type::Object(_) => "an object",
        };
        Error::Type { kind: self.kind, path: self.path.clone(), wanted, got: describe(value) }
    }
}

/// The member that Go takes a name for: the one of that name, or of that name in another case.
fn find(fields: &[Field], name: &str) -> Option<usize> {
    let exact = fields.iter().position(|(field, _)| *field == name);
    exact.or_else(|| fields.iter().position(|(field, _)| is_folded(field, name)))
}

/// Unicode has two letters beside the ASCII ones that fold to an ASCII letter: the sign of Kelvin and the long s.
fn is_folded(field: &str, name: &str) -> bool {
    let fold = |letter: char| match letter {
        '\u{212a}' => 'k',
        '\u{17f}' => 's',
        other => other.to_ascii_lowercase(),
    };
    field.chars().map(fold).eq(name.chars().map(fold))
}

/// The beginning of a text from outside, with control characters escaped.
pub fn tame(text: &str) -> String {
    text.chars().take(SHOWN).flat_map(char::escape_debug).collect()
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string \"{}\"", tame(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Error, Kind, read};
    use serde_json::{Value, json};

    fn parse(value: &Value, kind: Kind) -> Result<Value, Error> {
        read(value.to_string().as_bytes(), kind, None)
    }

    /// The same document with one member replaced; `path` is a JSON pointer.
    fn with(document: &Value, path: &str, member: &Value) -> Value {
        let mut changed = document.clone();
        *changed.pointer_mut(path).unwrap() = member.clone();
        changed
    }

    fn config() -> Value {
        let part = json!({
            "Hostname": "h", "Domainname": "d", "User": "u", "AttachStdin": true, "AttachStdout": false,
            "AttachStderr": true, "ExposedPorts": {"80/tcp": {}}, "Tty": true, "OpenStdin": true, "StdinOnce": true,
            "Env": ["A=b"], "Cmd": ["c"], "Entrypoint": ["e"],
            "Healthcheck": {"Test": ["CMD", "x"], "Interval": 1, "Timeout": 2, "StartPeriod": 3, "StartInterval": 4, "Retries": 5},
            "ArgsEscaped": true, "Image": "i", "Volumes": {"/v": {}}, "WorkingDir": "/w", "NetworkDisabled": false,
            "MacAddress": "m", "OnBuild": ["RUN x"], "Labels": {"l": "x"}, "StopSignal": "TERM", "StopTimeout": 9,
            "Shell": ["/bin/sh"], "Memory": 1, "MemorySwap": -1, "CpuShares": 2, "Cpuset": "0-1"
        });
        json!({
            "id": "x", "parent": "p", "comment": "c", "created": "2024-01-02T03:04:05Z", "container": "k",
            "container_config": part, "docker_version": "1", "author": "a", "config": part, "architecture": "amd64",
            "variant": "v8", "os": "linux", "os.version": "1", "os.features": ["f"], "Size": 7,
            "rootfs": {"type": "layers", "diff_ids": ["sha256:x"]},
            "history": [{"created": "2024-01-02T03:04:05Z", "author": "a", "created_by": "b", "comment": "c", "empty_layer": true}],
            "moby.buildkit.buildinfo.v1": 5
        })
    }

    fn manifest() -> Value {
        let descriptor = json!({
            "mediaType": "m", "digest": "d", "size": 1, "urls": ["u"], "annotations": {"a": "b"}, "data": "e30=",
            "platform": {"architecture": "a", "os": "o", "os.version": "v", "os.features": ["f"], "variant": "v", "features": ["f"]},
            "artifactType": "t"
        });
        json!({
            "schemaVersion": 2, "mediaType": "m", "artifactType": "t", "config": descriptor, "layers": [descriptor],
            "manifests": [descriptor], "subject": descriptor, "annotations": {"a": "b"}
        })
    }

    fn archive() -> Value {
        json!([{"Config": "c", "RepoTags": ["r"], "Layers": ["l"], "Parent": "p", "LayerSources": {"d": {"size": 1}}}])
    }

    /// JSON pointers to everything below a value.
    fn places(value: &Value, at: &str, found: &mut Vec<String>) {
        let members: Vec<(String, &Value)> = match value {
            Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), member)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(place, item)| (place.to_string(), item)).collect(),
            _ => Vec::new(),
        };
        for (name, member) in members {
            let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            found.push(place.clone());
            places(member, &place, found);
        }
    }

    #[test]
    fn every_member_of_another_type_is_refused_and_named() {
        let mut count = 0;
        for (document, kind) in [(config(), Kind::Config), (manifest(), Kind::Manifest), (archive(), Kind::Archive)] {
            assert_eq!(parse(&document, kind).unwrap(), document);
            let mut all = Vec::new();
            places(&document, "", &mut all);
            all.retain(|place| !place.contains("buildkit"));
            for place in all {
                let old = document.pointer(&place).unwrap();
                for other in [json!("text"), json!(true), json!(1.5), json!([5]), json!({"a": 5}), json!("yesterday")] {
                    let free = old.is_object() && other.is_object() || place.ends_with("/Shell") && other.is_string();
                    let same = std::mem::discriminant(old) == std::mem::discriminant(&other) && !old.is_number();
                    let timed = place.ends_with("/created");
                    if free || (same && !timed && !old.is_array()) || (place.ends_with("/data") && other == "text") {
                        continue;
                    }
                    let error = parse(&with(&document, &place, &other), kind).expect_err(&format!("{place} {other}"));
                    let Error::Type { path, .. } = &error else { panic!("{place}: {error}") };
                    let last = place.rsplit('/').next().unwrap().replace("~1", "/");
                    assert!(path.contains(&last), "{place}: {error}");
                    count += 1;
                }
            }
        }
        assert!(count > 300, "{count}");
    }

    #[test]
    fn null_is_absent_and_in_lists_and_maps_the_zero_value() {
        for (document, kind) in [(config(), Kind::Config), (manifest(), Kind::Manifest)] {
            for name in document.as_object().unwrap().keys() {
                assert!(parse(&with(&document, &format!("/{name}"), &Value::Null), kind).is_ok(), "{name}");
            }
        }
        let part = json!({"Env": [null], "Labels": {"a": null}, "Volumes": {"/a": null}});
        let wanted = json!({"Env": [""], "Labels": {"a": ""}, "Volumes": {"/a": {}}});
        let read = parse(&json!({"config": part, "history": [null]}), Kind::Config).unwrap();
        assert_eq!(read, json!({"config": wanted, "history": [{}]}));
        assert!(parse(&Value::Null, Kind::Config).is_err());
        assert!(parse(&json!([]), Kind::Config).is_err());
    }

    #[test]
    fn numbers_are_integers_of_64_bits() {
        for (text, fits) in [
            ("1", true),
            ("-9223372036854775808", true),
            ("9223372036854775808", false),
            ("1.0", false),
            ("1e3", false),
        ] {
            let raw = format!(r#"{{"config":{{"Healthcheck":{{"Interval":{text}}}}}}}"#);
            assert_eq!(read(raw.as_bytes(), Kind::Config, None).is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn a_name_in_another_case_is_the_member() {
        let read =
            parse(&json!({"ARCHITECTURE": "a", "Config": {"tty": true, "new": 1}, "o\u{17f}": "linux"}), Kind::Config);
        assert_eq!(read.unwrap(), json!({"architecture": "a", "config": {"Tty": true, "new": 1}, "os": "linux"}));
        let error = parse(&json!({"CREATED": "yesterday"}), Kind::Config).unwrap_err().to_string();
        assert_eq!(error, "the image config's `created` is the string \"yesterday\", not a time as of RFC 3339");
        let twice = parse(&json!({"config": {"User": "1", "user": "0"}}), Kind::Config).unwrap_err();
        assert!(matches!(&twice, Error::Twice { path, .. } if path == "config.User"), "{twice}");
        // Labels are a map: names there are their own.
        let labels = json!({"config": {"Labels": {"a": "1", "A": "2"}}});
        assert_eq!(parse(&labels, Kind::Config).unwrap(), labels);
    }

    #[test]
    fn times_are_written_as_go_writes_them() {
        let read = parse(
            &json!({"created": "2024-01-02T0:00:00,50Z", "history": [{"created": "2024-01-02T00:00:00+00:00"}]}),
            Kind::Config,
        );
        let wanted = json!({"created": "2024-01-02T00:00:00.5Z", "history": [{"created": "2024-01-02T00:00:00Z"}]});
        assert_eq!(read.unwrap(), wanted);
    }

    #[test]
    fn documents_are_proven_and_bounded() {
        let digest = libpod_digest::Digest::of(b"{}");
        assert!(read(b"{}", Kind::Config, Some(&digest)).is_ok());
        assert!(matches!(read(b"{ }", Kind::Config, Some(&digest)), Err(Error::Digest { .. })));
        assert!(matches!(read(&vec![b' '; crate::LIMIT + 1], Kind::Manifest, None), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn messages_are_short_and_tame() {
        let wild = "\u{1b}[2J".repeat(1000);
        for value in [json!({"config": {"Labels": {&wild: 5}}}), json!({"created": wild})] {
            let error = parse(&value, Kind::Config).unwrap_err().to_string();
            assert!(error.len() < 1000 && !error.contains('\u{1b}'), "{error}");
        }
    }
}
