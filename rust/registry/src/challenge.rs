//! `WWW-Authenticate`: what a registry wants to see before it answers.
//!
//! Source: RFC 9110, "Authentication"; distribution, "Token Authentication Specification".

use std::collections::HashMap;

/// A way to authenticate that we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// User and password with each request.
    Basic,
    /// A token from the server at `realm`.
    Bearer {
        /// URL of the token server, as the registry wrote it.
        realm: String,
        /// What to name to it.
        service: Option<String>,
        /// The scope that the refused request needed, where told.
        scope: Option<String>,
    },
}

/// The best challenge among the header's values: a token before a password.
pub fn parse<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let mut basic = None;
    for (scheme, parameters) in headers.flat_map(split) {
        match scheme.as_str() {
            "bearer" => {
                let mut parameters: HashMap<String, String> = parameters.into_iter().collect();
                if let Some(realm) = parameters.remove("realm") {
                    let service = parameters.remove("service");
                    return Some(Challenge::Bearer { realm, service, scope: parameters.remove("scope") });
                }
            }
            "basic" => basic = Some(Challenge::Basic),
            _ => {}
        }
    }
    basic
}

/// The challenges of one header value, each with its scheme in lower case and its parameters.
fn split(text: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut rest = text.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let after = after.trim_start_matches([' ', '\t']);
        match after.strip_prefix('=') {
            Some(value) if !found.is_empty() => {
                let (value, after) = take_value(value.trim_start_matches([' ', '\t']));
                if let Some((_, parameters)) = found.last_mut() {
                    parameters.push((word.to_ascii_lowercase(), value));
                }
                rest = after;
            }
            Some(_) => return found, // a parameter of no scheme: give up
            None if word.is_empty() => return found,
            None => {
                found.push((word.to_ascii_lowercase(), Vec::new()));
                rest = after;
            }
        }
        rest = rest.trim_start_matches([' ', '\t', ',']);
    }
    found
}

/// A token or a quoted string, and what follows it.
fn take_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (position, letter) in quoted.char_indices() {
        match letter {
            _ if escaped => {
                value.push(letter);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, &quoted[position + 1..]),
            _ => value.push(letter),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Option<Challenge> {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Some(Challenge::Bearer { realm: realm.to_owned(), service: own(service), scope: own(scope) })
    }

    #[test]
    fn challenges_of_real_registries_parse() {
        let table = [
            (
                r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push""#,
                bearer("https://auth.example/token", Some("registry.example"), Some("repository:a/b:pull,push")),
            ),
            (r#"Basic realm="Registry Realm""#, Some(Challenge::Basic)),
            (r#"basic realm=x, Bearer realm="https://a/t""#, bearer("https://a/t", None, None)),
            (r#"BEARER  realm = "https://a/t" , service=s"#, bearer("https://a/t", Some("s"), None)),
            (r#"Bearer realm="https://a/\"t\"""#, bearer("https://a/\"t\"", None, None)),
            (r#"Negotiate, Basic realm="x""#, Some(Challenge::Basic)),
            (r#"Bearer service="no realm""#, None),
            (r#"Bearer realm="unterminated"#, bearer("unterminated", None, None)),
            ("", None),
            ("= = =", None),
            (",,,", None),
            ("Digest realm=\"x\", nonce=\"y\"", None),
        ];
        for (header, wanted) in table {
            assert_eq!(parse([header].into_iter()), wanted, "{header}");
        }
    }
}
