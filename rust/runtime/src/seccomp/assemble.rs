//! From ranges of numbers with their verdicts to BPF instructions.
//!
//! A filter is a dispatch on the audit number, and below it one balanced tree of comparisons over the system call
//! number whose leaves return: some ten instructions are executed for a call, whatever the profile.

use super::{Error, Result};
use libpod_sys::bpf::{Instruction, MAX_INSTRUCTIONS};

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const JEQ: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JGT: u16 = 0x25;
const JGE: u16 = 0x35;
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

// Offsets in `struct seccomp_data`, little-endian.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGUMENTS: u32 = 16;

/// A comparison of one argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// `!=`
    NotEqual(u64),
    /// `<`
    Less(u64),
    /// `<=`
    LessOrEqual(u64),
    /// `(argument & mask) == value`; plain equality has all bits in its mask.
    Masked {
        /// Bits that count.
        mask: u64,
        /// What they are compared with.
        value: u64,
    },
    /// `>=`
    GreaterOrEqual(u64),
    /// `>`
    Greater(u64),
}

/// `test` on argument `index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// Which argument, 0 to 5.
    pub index: u8,
    /// The comparison.
    pub test: Test,
    /// Compare the lower 32 bits only.
    pub low_only: bool,
}

/// All conditions hold: the action is returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Joined by "and".
    pub conditions: Vec<Condition>,
    /// The kernel's return value.
    pub action: u32,
}

/// What a range of numbers answers: the first rule that holds, else the action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// In order.
    pub rules: Vec<Rule>,
    /// Where no rule holds.
    pub otherwise: u32,
}

/// All numbers from `first` to the next range's `first`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Lowest number.
    pub first: u32,
    /// What it answers.
    pub verdict: Verdict,
}

/// Where a comparison goes.
#[derive(Clone, Copy)]
enum To {
    /// The next instruction.
    Next,
    /// The condition holds.
    Holds,
    /// The rule fails.
    Fails,
}

/// Write the whole filter. Each part is an audit number with ranges that begin at 0; any other audit number answers
/// `bad_arch`.
pub fn assemble(parts: &[(u32, Vec<Range>)], bad_arch: u32) -> Result<Vec<Instruction>> {
    let mut code = vec![plain(LOAD, ARCH)];
    for (audit, ranges) in parts {
        let mut body = vec![plain(LOAD, NUMBER)];
        body.extend(tree(ranges));
        code.push(jump(JEQ, *audit, 1, 0));
        code.push(plain(JUMP, length(&body)));
        code.extend(body);
    }
    code.push(plain(RETURN, bad_arch));
    if code.len() > MAX_INSTRUCTIONS {
        return Err(Error::TooLarge(code.len()));
    }
    Ok(code)
}

/// Balanced search: numbers below the middle range's first go left.
fn tree(ranges: &[Range]) -> Vec<Instruction> {
    let [one] = ranges else {
        let (left, right) = ranges.split_at(ranges.len() / 2);
        let pivot = right[0].first;
        let (left, right) = (tree(left), tree(right));
        let mut code = match u8::try_from(left.len()) {
            Ok(distance) => vec![jump(JGE, pivot, distance, 0)],
            Err(_) => vec![jump(JGE, pivot, 0, 1), plain(JUMP, length(&left))],
        };
        code.extend(left);
        code.extend(right);
        return code;
    };
    leaf(&one.verdict)
}

fn leaf(verdict: &Verdict) -> Vec<Instruction> {
    let mut code = Vec::new();
    for rule in &verdict.rules {
        code.extend(test_rule(rule));
        code.push(plain(RETURN, rule.action));
    }
    code.push(plain(RETURN, verdict.otherwise));
    code
}

/// Code that falls through to the rule's `return` where all conditions hold and jumps over it otherwise.
fn test_rule(rule: &Rule) -> Vec<Instruction> {
    let steps: Vec<Vec<_>> = rule.conditions.iter().map(test_condition).collect();
    let total: usize = steps.iter().map(Vec::len).sum();
    let mut code = Vec::with_capacity(total);
    for condition in steps {
        let end = code.len() + condition.len();
        for (operation, k, holds, fails) in condition {
            let here = code.len() + 1;
            let distance = |to| match to {
                To::Next => 0,
                To::Holds => end - here,
                To::Fails => total + 1 - here,
            };
            code.push(jump(operation, k, short(distance(holds)), short(distance(fails))));
        }
    }
    code
}

type Step = (u16, u32, To, To);

fn test_condition(condition: &Condition) -> Vec<Step> {
    use To::{Fails, Holds, Next};
    let low = ARGUMENTS + 8 * u32::from(condition.index);
    let load = |offset| (LOAD, offset, Next, Next);
    let (high_steps, low_steps): (Vec<Step>, Vec<Step>) = match condition.test {
        Test::NotEqual(value) => (vec![(JEQ, high(value), Next, Holds)], vec![(JEQ, value as u32, Fails, Holds)]),
        Test::Masked { mask, value } => (
            vec![(AND, high(mask), Next, Next), (JEQ, high(value), Next, Fails)],
            vec![(AND, mask as u32, Next, Next), (JEQ, value as u32, Holds, Fails)],
        ),
        Test::Greater(value) => (above(value, Holds, Fails), vec![(JGT, value as u32, Holds, Fails)]),
        Test::GreaterOrEqual(value) => (above(value, Holds, Fails), vec![(JGE, value as u32, Holds, Fails)]),
        Test::Less(value) => (above(value, Fails, Holds), vec![(JGE, value as u32, Fails, Holds)]),
        Test::LessOrEqual(value) => (above(value, Fails, Holds), vec![(JGT, value as u32, Fails, Holds)]),
    };
    let mut steps = Vec::new();
    if !condition.low_only {
        steps.push(load(low + 4));
        steps.extend(high_steps);
    }
    steps.push(load(low));
    steps.extend(low_steps);
    steps
}

/// Decide by the upper half unless it is equal.
fn above(value: u64, greater: To, smaller: To) -> Vec<Step> {
    vec![(JGT, high(value), greater, To::Next), (JEQ, high(value), To::Next, smaller)]
}

fn high(value: u64) -> u32 {
    (value >> 32) as u32
}

fn plain(code: u16, k: u32) -> Instruction {
    jump(code, k, 0, 0)
}

fn jump(code: u16, k: u32, jt: u8, jf: u8) -> Instruction {
    Instruction { code, jt, jf, k }
}

/// A rule has at most six conditions of at most six instructions.
fn short(distance: usize) -> u8 {
    u8::try_from(distance).expect("a rule is shorter than 256 instructions")
}

fn length(code: &[Instruction]) -> u32 {
    u32::try_from(code.len()).expect("a filter is shorter than 2^32 instructions")
}
