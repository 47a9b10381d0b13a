//! Which devices a container may open: the specification's rules, after those that every container needs.

use crate::error::{Error, Result};
use crate::spec::DeviceRule;
use libpod_sys::device_filter::Instruction;

/// What every container may do: make any node, and use those of runtime-spec config-linux.md, "Default Devices"; and tun, as
/// runc has it (10:200), which no container gets a node of unless it is asked for.
const DEFAULT: &[&str] = &[
    "b *:* m",
    "c *:* m",
    "c 1:3 rwm",
    "c 1:5 rwm",
    "c 1:7 rwm",
    "c 1:8 rwm",
    "c 1:9 rwm",
    "c 5:0 rwm",
    "c 5:2 rwm",
    "c 10:200 rwm",
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

/// The same rules as an eBPF program for cgroup v2. Without a rule that refuses there is none.
///
/// The last rule that matches counts, so they are tried from the last to the first: one that grants must grant all that is asked
/// for, one that refuses needs to refuse a part of it.
pub fn v2_program(rules: &[DeviceRule]) -> Result<Option<Vec<Instruction>>> {
    if rules.iter().all(|rule| rule.allow) {
        return Ok(None);
    }
    let mut program = prologue();
    for line in DEFAULT.iter().rev() {
        push_rule(&mut program, true, line)?;
    }
    for rule in rules.iter().rev() {
        push_rule(&mut program, rule.allow, &line(rule)?)?;
    }
    program.extend(answer(1));
    Ok(Some(program))
}

/// Registers of the program: what is asked for, taken apart.
const KIND: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;
const SCRATCH: u8 = 6;

const MOVE: u8 = 0xbf;
const MOVE_IMMEDIATE: u8 = 0xb7;
const AND_IMMEDIATE: u8 = 0x57;
const SHIFT_RIGHT_IMMEDIATE: u8 = 0x77;
const LOAD_WORD: u8 = 0x61;
const JUMP_IF_NOT: u8 = 0x55;
const JUMP_IF: u8 = 0x15;
const EXIT: u8 = 0x95;

fn instruction(code: u8, to: u8, from: u8, offset: i16, immediate: i32) -> Instruction {
    Instruction { code, registers: to | from << 4, offset, immediate }
}

/// Take `struct bpf_cgroup_dev_ctx` apart: kind in the low half of the first word, access in the high one, then the numbers.
fn prologue() -> Vec<Instruction> {
    vec![
        instruction(LOAD_WORD, KIND, 1, 0, 0),
        instruction(MOVE, ACCESS, KIND, 0, 0),
        instruction(AND_IMMEDIATE, KIND, 0, 0, 0xffff),
        instruction(SHIFT_RIGHT_IMMEDIATE, ACCESS, 0, 0, 16),
        instruction(LOAD_WORD, MAJOR, 1, 4, 0),
        instruction(LOAD_WORD, MINOR, 1, 8, 0),
    ]
}

fn answer(allowed: i32) -> [Instruction; 2] {
    [instruction(MOVE_IMMEDIATE, 0, 0, 0, allowed), instruction(EXIT, 0, 0, 0, 0)]
}

/// Add one rule, written as cgroup v1 writes it: `a`, or `c 1:3 rwm`.
fn push_rule(program: &mut Vec<Instruction>, allow: bool, text: &str) -> Result<()> {
    let words: Vec<&str> = text.split([' ', ':']).collect();
    let (kind, major, minor, access) = match words.as_slice() {
        ["a"] => ("a", "*", "*", "rwm"),
        [kind, major, minor, access] => (*kind, *major, *minor, *access),
        _ => return Err(Error::invalid(format!("device rule `{text}`"))),
    };
    let mut tests = Vec::new();
    match kind {
        "b" => tests.push((KIND, 1)),
        "c" => tests.push((KIND, 2)),
        _ => {}
    }
    for (register, number) in [(MAJOR, major), (MINOR, minor)] {
        if number != "*" {
            tests.push((register, number.parse().map_err(|_| Error::invalid(format!("device rule `{text}`")))?));
        }
    }
    let bit = |letter| match letter {
        'm' => 1,
        'r' => 2,
        _ => 4,
    };
    let mask: i32 = access.chars().map(bit).sum();
    // Past the rest of this rule's tests, the two that look at the access, the jump and the answer.
    let mut left = tests.len() as i16 + 4;
    for (register, number) in tests {
        program.push(instruction(JUMP_IF_NOT, register, 0, left, number));
        left -= 1;
    }
    program.push(instruction(MOVE, SCRATCH, ACCESS, 0, 0));
    program.push(instruction(AND_IMMEDIATE, SCRATCH, 0, 0, if allow { !mask } else { mask }));
    program.push(instruction(if allow { JUMP_IF_NOT } else { JUMP_IF }, SCRATCH, 0, 2, 0));
    program.extend(answer(i32::from(allow)));
    Ok(())
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

    /// Run a program as the kernel would, for the instructions that are used here.
    fn decide(program: &[Instruction], kind: u32, access: u32, major: u32, minor: u32) -> i64 {
        let context = [access << 16 | kind, major, minor];
        let mut registers = [0_i64; 11];
        let mut at = 0;
        loop {
            let Instruction { code, registers: pair, offset, immediate } = program[at];
            let (to, from) = (usize::from(pair & 15), usize::from(pair >> 4));
            at += 1;
            match code {
                LOAD_WORD => registers[to] = i64::from(context[offset as usize / 4]),
                MOVE => registers[to] = registers[from],
                MOVE_IMMEDIATE => registers[to] = immediate.into(),
                AND_IMMEDIATE => registers[to] &= i64::from(immediate),
                SHIFT_RIGHT_IMMEDIATE => registers[to] >>= immediate,
                JUMP_IF if registers[to] == i64::from(immediate) => at += offset as usize,
                JUMP_IF_NOT if registers[to] != i64::from(immediate) => at += offset as usize,
                JUMP_IF | JUMP_IF_NOT => {}
                EXIT => return registers[0],
                other => panic!("unknown instruction {other:#x}"),
            }
        }
    }

    #[test]
    fn the_program_of_v2_decides_as_the_list_of_v1() {
        let rules = [
            rule(r#"{"allow":false,"access":"rwm"}"#),
            rule(r#"{"allow":true,"type":"b","major":8,"access":"r"}"#),
            rule(r#"{"allow":false,"type":"b","major":8,"minor":1,"access":"rwm"}"#),
        ];
        let program = v2_program(&rules).expect("valid").expect("there is a refusal");
        const MKNOD: u32 = 1;
        const READ: u32 = 2;
        const WRITE: u32 = 4;
        for (kind, access, major, minor, allowed) in [
            (2, READ | WRITE, 1, 3, 1),
            (2, READ, 136, 77, 1),
            (2, READ, 10, 229, 0),
            (1, READ, 8, 0, 1),
            (1, READ | WRITE, 8, 0, 0),
            (1, READ, 8, 1, 0),
            (1, READ, 9, 0, 0),
            (1, MKNOD, 9, 0, 1),
        ] {
            assert_eq!(decide(&program, kind, access, major, minor), allowed, "{kind} {access} {major}:{minor}");
        }
        assert!(v2_program(&[rule(r#"{"allow":true}"#)]).expect("valid").is_none());
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
