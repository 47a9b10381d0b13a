//! From the OCI object to verdicts per ABI and number.
//!
//! Two things are not the profile's to say. An argument that the kernel reads as 32 bits is compared as 32 bits ([`kernel`]). And a
//! call that is newer than every call of a restrictive profile answers `ENOSYS`, as runc has it: a program then falls back to the
//! older call, where `EPERM` would be an answer to believe.

use super::abi::{Abi, Entry, X32_BIT};
use super::assemble::{Condition, Range, Rule, Test, Verdict, assemble};
use super::kernel;
use super::profile::{LinuxSeccomp, LinuxSeccompArg, LinuxSyscall};
use super::{Error, Program, Result};
use libpod_sys::bpf;
use std::collections::BTreeMap;

const KILL_THREAD: u32 = 0;
const KILL_PROCESS: u32 = 0x8000_0000;
const TRAP: u32 = 0x0003_0000;
const ERRNO: u32 = 0x0005_0000;
const NOTIFY: u32 = 0x7fc0_0000;
const TRACE: u32 = 0x7ff0_0000;
const LOG: u32 = 0x7ffc_0000;
const ALLOW: u32 = 0x7fff_0000;

/// The kernel returns no larger error number.
const MAX_ERRNO: u32 = 4095;
const EPERM: u32 = 1;
const ENOSYS: u32 = 38;
const ARGUMENT_COUNT: u32 = 6;

/// What happens when a tracer has replaced the number by "skip": source seccomp(2), `SECCOMP_RET_TRACE`.
const SKIPPED: u32 = u32::MAX;

/// Whose profile it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A user, or another engine, has chosen it: it is followed.
    Chosen,
    /// The default: address families that no container needs are refused before its rules.
    Default,
}

/// Compile a profile for this host's processor.
pub fn compile(profile: &LinuxSeccomp) -> Result<Program> {
    compile_for(Abi::NATIVE, profile, Origin::Chosen)
}

/// Compile a default profile for this host's processor.
pub fn compile_default(profile: &LinuxSeccomp) -> Result<Program> {
    compile_for(Abi::NATIVE, profile, Origin::Default)
}

/// Compile for `native`; calls through an ABI that is neither that nor listed kill the thread.
pub(super) fn compile_for(native: Abi, profile: &LinuxSeccomp, origin: Origin) -> Result<Program> {
    let default = action(&profile.default_action, profile.default_errno_ret)?;
    if default == NOTIFY {
        return Err(Error::Notify("cannot be the default action"));
    }
    let mut abis = vec![native];
    for name in &profile.architectures {
        if let Some(abi) = Abi::parse(name)?.filter(|abi| !abis.contains(abi)) {
            abis.push(abi);
        }
    }
    let mut rules = Vec::with_capacity(profile.syscalls.len());
    for syscall in &profile.syscalls {
        let action = action(&syscall.action, syscall.errno_ret)?;
        check_notify(profile, syscall, action)?;
        if action != default {
            rules.push((syscall, action, alternatives(syscall)?));
        }
    }
    let flags = flags(profile, rules.iter().any(|(_, action, _)| *action == NOTIFY))?;
    let mut parts: Vec<(u32, Vec<Range>)> = Vec::new();
    for audit in audits(&abis) {
        let mut calls = BTreeMap::new();
        let mut newest = Newest::default();
        for abi in abis.iter().filter(|abi| abi.audit() == audit) {
            gather(*abi, default, &rules, &mut calls);
            if origin == Origin::Default {
                refuse_families(*abi, default, &mut calls);
            }
            newest.add(*abi, profile, default);
        }
        let x32_killed = audit == Abi::X86_64.audit() && !abis.contains(&Abi::X32);
        parts.push((audit, ranges(calls, default, x32_killed, newest)));
    }
    Ok(Program { flags, instructions: assemble(&parts, KILL_THREAD)? })
}

/// The highest number that a restrictive profile names, below and above [`X32_BIT`]; none where newer calls need no answer.
#[derive(Debug, Clone, Copy, Default)]
struct Newest {
    lower: Option<u32>,
    upper: Option<u32>,
}

impl Newest {
    fn add(&mut self, abi: Abi, profile: &LinuxSeccomp, default: u32) {
        // A tracer knows better itself what to do with a new call.
        let is_traced = default & !0xffff == TRACE;
        if is_traced || matches!(default, ALLOW | LOG) || default == ERRNO | ENOSYS {
            return;
        }
        let names = profile.syscalls.iter().flat_map(|syscall| &syscall.names);
        let entries = names.flat_map(|name| abi.entries(name));
        let numbers = entries.map(|(Entry::Direct(number) | Entry::Multiplexed { number, .. })| number);
        let Some(highest) = numbers.max() else { return };
        let half = if highest < X32_BIT { &mut self.lower } else { &mut self.upper };
        *half = (*half).max(Some(highest));
    }
}

type Compiled<'a> = (&'a LinuxSyscall, u32, Vec<Vec<Condition>>);

fn audits(abis: &[Abi]) -> Vec<u32> {
    let mut audits = Vec::new();
    for abi in abis {
        if !audits.contains(&abi.audit()) {
            audits.push(abi.audit());
        }
    }
    audits
}

fn check_notify(profile: &LinuxSeccomp, syscall: &LinuxSyscall, action: u32) -> Result<()> {
    if action != NOTIFY {
        return Ok(());
    }
    if profile.listener_path.is_empty() {
        return Err(Error::Notify("needs a listener: `listenerPath` is empty"));
    }
    if syscall.names.iter().any(|name| name == "write") {
        return Err(Error::Notify("cannot be used for `write`: the listener would wait for itself"));
    }
    Ok(())
}

/// Enter every rule into the numbers of one ABI.
fn gather(abi: Abi, default: u32, rules: &[Compiled<'_>], calls: &mut BTreeMap<u32, Verdict>) {
    for (syscall, action, alternatives) in rules {
        for name in &syscall.names {
            for entry in abi.entries(name) {
                let (number, call) = match entry {
                    Entry::Direct(number) => (number, None),
                    Entry::Multiplexed { number, call } => (number, Some(call)),
                };
                let verdict = calls.entry(number).or_insert_with(|| Verdict { rules: Vec::new(), otherwise: default });
                for conditions in alternatives {
                    add(verdict, default, *action, on_abi(abi, name, call, conditions));
                }
            }
        }
    }
}

/// The conditions as this ABI sees them: behind a multiplexer the first argument says which call it is.
fn on_abi(abi: Abi, name: &str, call: Option<u32>, conditions: &[Condition]) -> Vec<Condition> {
    let first = call.map(|call| Condition {
        index: 0,
        test: Test::Masked { mask: u64::MAX, value: call.into() },
        low_only: false,
    });
    let others = conditions.iter().filter(|condition| call.is_none() || condition.index != 0);
    let seen = others.map(|condition| kernel::as_seen(name, *condition));
    first.into_iter().chain(seen).map(|c| Condition { low_only: c.low_only || abi.is_32_bit(), ..c }).collect()
}

/// A rule without conditions is final; the first such rule wins.
fn add(verdict: &mut Verdict, default: u32, action: u32, conditions: Vec<Condition>) {
    if verdict.otherwise != default {
        return;
    }
    if conditions.is_empty() {
        verdict.rules.clear();
        verdict.otherwise = action;
    } else {
        let rule = Rule { conditions, action };
        if !verdict.rules.contains(&rule) {
            verdict.rules.push(rule);
        }
    }
}

/// Put the families that no container gets before every other rule for `socket`, one without conditions included.
///
/// `socketcall` has its arguments in memory, where no filter can look; it is left to the profile.
fn refuse_families(abi: Abi, default: u32, calls: &mut BTreeMap<u32, Verdict>) {
    for entry in abi.entries("socket") {
        let Entry::Direct(number) = entry else { continue };
        let verdict = calls.entry(number).or_insert_with(|| Verdict { rules: Vec::new(), otherwise: default });
        verdict.rules.splice(0..0, kernel::refused_families(ERRNO | EPERM));
    }
}

/// Cover all numbers with ranges; neighbours with the same verdict are one range.
fn ranges(mut calls: BTreeMap<u32, Verdict>, default: u32, x32_killed: bool, newest: Newest) -> Vec<Range> {
    let constant = |otherwise| Verdict { rules: Vec::new(), otherwise };
    let mut boundaries: BTreeMap<u32, Verdict> = BTreeMap::new();
    let mut fill = |first: u32, last: u32, otherwise: u32, calls: BTreeMap<u32, Verdict>, newest: Option<u32>| {
        let highest = calls.keys().next_back().copied();
        boundaries.insert(first, constant(otherwise));
        for (number, verdict) in calls {
            boundaries.insert(number, verdict);
            if number < last {
                boundaries.entry(number + 1).or_insert_with(|| constant(otherwise));
            }
        }
        if let Some(newest) = newest.max(newest.and(highest)).filter(|newest| *newest < last) {
            boundaries.insert(newest + 1, constant(ERRNO | ENOSYS));
        }
    };
    let upper = calls.split_off(&X32_BIT);
    fill(0, X32_BIT - 1, default, calls, newest.lower);
    fill(X32_BIT, SKIPPED - 1, if x32_killed { KILL_THREAD } else { default }, upper, newest.upper);
    fill(SKIPPED, SKIPPED, default, BTreeMap::new(), None);
    let mut ranges: Vec<Range> = Vec::with_capacity(boundaries.len());
    for (first, verdict) in boundaries {
        if ranges.last().is_none_or(|last| last.verdict != verdict) {
            ranges.push(Range { first, verdict });
        }
    }
    ranges
}

/// Lists of conditions, any of which admits the rule: several conditions on one argument are alternatives.
fn alternatives(syscall: &LinuxSyscall) -> Result<Vec<Vec<Condition>>> {
    let conditions = syscall.args.iter().map(|arg| condition(syscall, arg)).collect::<Result<Vec<Condition>>>()?;
    let repeated =
        conditions.iter().enumerate().any(|(at, c)| conditions[..at].iter().any(|other| other.index == c.index));
    Ok(if repeated { conditions.into_iter().map(|condition| vec![condition]).collect() } else { vec![conditions] })
}

fn condition(syscall: &LinuxSyscall, arg: &LinuxSeccompArg) -> Result<Condition> {
    let name = || syscall.names.first().cloned().unwrap_or_default();
    let index = u8::try_from(arg.index).ok().filter(|&index| u32::from(index) < ARGUMENT_COUNT);
    let index = index.ok_or_else(|| Error::Index { syscall: name(), index: arg.index })?;
    let test = match arg.op.as_str() {
        "SCMP_CMP_NE" => Test::NotEqual(arg.value),
        "SCMP_CMP_LT" => Test::Less(arg.value),
        "SCMP_CMP_LE" => Test::LessOrEqual(arg.value),
        "SCMP_CMP_EQ" => Test::Masked { mask: u64::MAX, value: arg.value },
        "SCMP_CMP_GE" => Test::GreaterOrEqual(arg.value),
        "SCMP_CMP_GT" => Test::Greater(arg.value),
        "SCMP_CMP_MASKED_EQ" => Test::Masked { mask: arg.value, value: arg.value_two },
        other => return Err(Error::Operator { syscall: name(), operator: other.to_owned() }),
    };
    Ok(Condition { index, test, low_only: false })
}

/// The kernel's return value for a named action. Source: runtime-spec config-linux.md, "Seccomp".
pub(super) fn action(name: &str, errno: Option<u32>) -> Result<u32> {
    Ok(match name {
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => KILL_THREAD,
        "SCMP_ACT_KILL_PROCESS" => KILL_PROCESS,
        "SCMP_ACT_TRAP" => TRAP,
        "SCMP_ACT_ERRNO" => ERRNO | errno_value(errno, MAX_ERRNO)?,
        "SCMP_ACT_TRACE" => TRACE | errno_value(errno, 0xffff)?,
        "SCMP_ACT_NOTIFY" => NOTIFY,
        "SCMP_ACT_LOG" => LOG,
        "SCMP_ACT_ALLOW" => ALLOW,
        other => return Err(Error::Action(other.to_owned())),
    })
}

fn errno_value(errno: Option<u32>, most: u32) -> Result<u32> {
    match errno.unwrap_or(EPERM) {
        value if value <= most => Ok(value),
        value => Err(Error::Errno(value.to_string())),
    }
}

fn flags(profile: &LinuxSeccomp, notify: bool) -> Result<u32> {
    let mut flags = if notify { bpf::FLAG_NEW_LISTENER } else { 0 };
    for flag in &profile.flags {
        flags |= match flag.as_str() {
            "SECCOMP_FILTER_FLAG_TSYNC" => bpf::FLAG_TSYNC,
            "SECCOMP_FILTER_FLAG_LOG" => bpf::FLAG_LOG,
            "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => bpf::FLAG_SPEC_ALLOW,
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" if notify => bpf::FLAG_WAIT_KILLABLE_RECV,
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" => 0,
            other => return Err(Error::Flag(other.to_owned())),
        };
    }
    Ok(flags)
}
