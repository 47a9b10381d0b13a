//! Which devices a container may open: the specification's rules, after those that every container needs.

use crate::error::{Error, Result};
use crate::spec::DeviceRule;

/// What every container may do (runtime-spec config-linux.md, "Default Devices"): make any node, and use the harmless ones.
const DEFAULT: &[&str] = &[
    "c *:* m",
    "b *:* m",
    "c 1:3 rwm",
    "c 1:5 rwm",
    "c 1:7 rwm",
    "c 1:8 rwm",
    "c 1:9 rwm",
    "c 5:0 rwm",
    "c 5:2 rwm",
    "c 136:* rwm",
];

/// File and line of each write that makes the rules of cgroup v1. Without a rule that refuses there is nothing to write.
pub fn v1_lines(rules: &[DeviceRule]) -> Result<Vec<(&'static str, String)>> {
    let mut lines = Vec::new();
    for rule in rules {
        lines.push((if rule.allow { "devices.allow" } else { "devices.deny" }, line(rule)?));
    }
    if rules.iter().any(|rule| !rule.allow) {
        lines.extend(DEFAULT.iter().map(|text| ("devices.allow", (*text).to_owned())));
    }
    Ok(lines)
}

fn line(rule: &DeviceRule) -> Result<String> {
    let kind = rule.kind.as_deref().unwrap_or("a");
    let access = rule.access.as_deref().unwrap_or("rwm");
    let number =
        |value: Option<i64>| value.filter(|value| *value >= 0).map_or("*".to_owned(), |value| value.to_string());
    let known =
        matches!(kind, "a" | "b" | "c") && !access.is_empty() && access.chars().all(|letter| "rwm".contains(letter));
    if !known {
        return Err(Error::invalid(format!("device rule of type `{kind}` and access `{access}`")));
    }
    if kind == "a" && rule.major.is_none_or(|major| major < 0) && rule.minor.is_none_or(|minor| minor < 0) {
        return Ok("a".into());
    }
    Ok(format!("{kind} {}:{} {access}", number(rule.major), number(rule.minor)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: &str) -> DeviceRule {
        serde_json::from_str(json).expect("valid")
    }

    #[test]
    fn a_refusal_of_all_is_followed_by_what_every_container_needs() {
        let lines = v1_lines(&[
            rule(r#"{"allow":false,"access":"rwm"}"#),
            rule(r#"{"allow":true,"type":"c","major":10,"minor":229,"access":"rw"}"#),
        ])
        .expect("valid");
        assert_eq!(lines[0], ("devices.deny", "a".to_owned()));
        assert_eq!(lines[1], ("devices.allow", "c 10:229 rw".to_owned()));
        assert_eq!(lines.len(), 2 + DEFAULT.len());
    }

    #[test]
    fn a_privileged_container_gets_no_list() {
        assert_eq!(v1_lines(&[rule(r#"{"allow":true,"access":"rwm"}"#)]).expect("valid").len(), 1);
        assert!(v1_lines(&[]).expect("valid").is_empty());
    }

    #[test]
    fn refuses_unknown_kinds_and_letters() {
        for json in [r#"{"type":"x"}"#, r#"{"type":"c","access":"rwx"}"#, r#"{"type":"c","access":""}"#] {
            assert!(v1_lines(&[rule(json)]).is_err(), "{json}");
        }
    }
}
