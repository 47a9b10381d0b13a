//! libseccomp as the judge: our filter and its filter must answer alike, for every number and at the edges of arguments.

use super::abi::{Abi, Entry, X32_BIT};
use super::compile::{Origin, action, compile_default, compile_for};
use super::default::{SYSTEM_PROFILE, read, resolve};
use super::kernel::is_int;
use super::profile::{LinuxSeccomp, LinuxSeccompArg, LinuxSyscall};
use super::simulate::{Call, run};
use super::{Error, Instruction, compile, default_profile};
use rustix::net::{AddressFamily, SocketType, socket};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A process that builds filters with libseccomp, one per line of JSON.
struct Oracle {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    /// None, with the reason printed, where libseccomp is not installed; a failure where `LIBPOD_TEST_REQUIRE_ALL` is set.
    fn start() -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/seccomp/oracle.py");
        let probe = Command::new("python3").arg(&script).stdin(Stdio::null()).output();
        if !probe.is_ok_and(|output| output.status.success()) {
            assert!(std::env::var_os("LIBPOD_TEST_REQUIRE_ALL").is_none(), "libseccomp.so.2 and python3 are needed");
            eprintln!("skipped: libseccomp.so.2 cannot be loaded by python3");
            return None;
        }
        let mut child =
            Command::new("python3").arg(&script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("probed");
        let requests = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Some(Self { child, requests, answers })
    }

    fn build(&mut self, native: &str, profile: &LinuxSeccomp) -> Result<Vec<Instruction>, i32> {
        let request = serde_json::json!({ "native": native, "profile": profile });
        writeln!(self.requests, "{request}").expect("alive");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("alive");
        let count: i32 = line.trim().parse().expect("a count");
        let count = usize::try_from(count).map_err(|_| -count)?;
        let mut bytes = vec![0; count * 8];
        self.answers.read_exact(&mut bytes).expect("whole");
        let decode = |chunk: &[u8]| Instruction {
            code: u16::from_le_bytes([chunk[0], chunk[1]]),
            jt: chunk[2],
            jf: chunk[3],
            k: u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]),
        };
        Ok(bytes.chunks_exact(8).map(decode).collect())
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// xorshift64: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[(self.next() % choices.len() as u64) as usize]
    }
}

/// Values at which some comparison of the profile turns, and their neighbours in either half.
fn edges(profile: &LinuxSeccomp) -> Vec<u64> {
    let mut edges = vec![0, 1, u64::from(u32::MAX), 1 << 32, u64::MAX];
    for arg in profile.syscalls.iter().flat_map(|call| &call.args) {
        for value in [arg.value, arg.value_two] {
            edges.extend([value, value.wrapping_add(1), value.wrapping_sub(1), !value]);
            edges.extend([value ^ (1 << 32), value & 0xffff_ffff, value.rotate_left(32)]);
        }
    }
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// The call with each argument cut to 32 bits that the kernel reads as 32 bits: libseccomp compares all 64.
fn as_the_kernel_sees(mut call: Call) -> Call {
    let abis = [Abi::X86_64, Abi::X86, Abi::X32, Abi::Aarch64].into_iter().filter(|abi| abi.audit() == call.arch);
    let numbered =
        |name: &str| abis.clone().any(|abi| abi.entries(name).any(|entry| entry == Entry::Direct(call.number)));
    let Some(name) = NAMES.iter().find(|name| numbered(name)) else { return call };
    for index in 0..6 {
        if is_int(name, index) {
            call.arguments[usize::from(index)] &= 0xffff_ffff;
        }
    }
    call
}

/// Whether a call comes after every call of a profile that is not permissive: libseccomp leaves it to the default action.
fn is_newer(profile: &LinuxSeccomp, arch: u32, number: u32) -> bool {
    let permissive = matches!(profile.default_action.as_str(), "SCMP_ACT_ALLOW" | "SCMP_ACT_LOG" | "SCMP_ACT_TRACE");
    if permissive || profile.default_errno_ret == Some(38) || number == u32::MAX {
        return false;
    }
    let admitted = |abi: &Abi| {
        let listed = profile.architectures.iter().any(|name| Abi::parse(name).expect("known") == Some(*abi));
        abi.audit() == arch && (listed || *abi == Abi::X86_64) && (*abi == Abi::X32) == (number >= X32_BIT)
    };
    [Abi::X86_64, Abi::X86, Abi::X32].iter().filter(|abi| admitted(abi)).any(|abi| {
        let entries = profile.syscalls.iter().flat_map(|call| &call.names).flat_map(|name| abi.entries(name));
        let numbers = entries.map(|(Entry::Direct(number) | Entry::Multiplexed { number, .. })| number);
        numbers.max().is_some_and(|newest| number > newest)
    })
}

const X86_ARCHES: [Abi; 2] = [Abi::X86_64, Abi::X86];

/// Ask both filters about every number of every ABI, with `samples` drawn argument lists each.
fn compare(theirs: &[Instruction], ours: &[Instruction], profile: &LinuxSeccomp, samples: usize, random: &mut Random) {
    let edges = &edges(profile);
    let numbers =
        (0..=520).chain(X32_BIT - 2..=X32_BIT + 560).chain([0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX]);
    let arches = X86_ARCHES.map(Abi::audit).into_iter().chain([Abi::Aarch64.audit(), 0x4000_0028, 0]);
    for arch in arches {
        for number in numbers.clone() {
            for _ in 0..samples {
                let mut arguments = [0; 6].map(|_: u64| random.pick(edges));
                if random.next() % 2 == 0 {
                    arguments[0] = random.next() % 26;
                }
                if arch == Abi::X86.audit() {
                    arguments = arguments.map(|value| value & 0xffff_ffff);
                }
                let call = Call { arch, number, arguments };
                if is_newer(profile, arch, number) {
                    assert_eq!(
                        run(ours, &call),
                        0x0005_0000 | 38,
                        "newer than the profile: {call:x?} under {profile:x?}"
                    );
                    continue;
                }
                assert_eq!(
                    run(ours, &call),
                    run(theirs, &as_the_kernel_sees(call)),
                    "ours and libseccomp's verdict on {call:x?} under {profile:x?}"
                );
            }
        }
    }
}

fn check(oracle: &mut Oracle, native: (&str, Abi), profile: &LinuxSeccomp, samples: usize) {
    let theirs = oracle.build(native.0, profile).expect("libseccomp builds the filter");
    let ours = compile_for(native.1, profile, Origin::Chosen).expect("our filter").instructions;
    compare(&theirs, &ours, profile, samples, &mut Random(0x9e37_79b9_7f4a_7c15));
}

const X86_64: (&str, Abi) = ("X86_64", Abi::X86_64);
const AARCH64: (&str, Abi) = ("AARCH64", Abi::Aarch64);

fn capabilities(names: &str) -> Vec<String> {
    names.split_whitespace().map(|name| format!("CAP_{name}")).collect()
}

#[test]
fn default_profile_judges_as_libseccomp() {
    let Some(mut oracle) = Oracle::start() else { return };
    let podman =
        capabilities("CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT");
    let privileged = capabilities(
        "AUDIT_WRITE DAC_READ_SEARCH SYS_ADMIN SYS_CHROOT SYS_MODULE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_TIME SYS_TTY_CONFIG",
    );
    for capabilities in [podman, privileged, Vec::new()] {
        let profile = default_profile(&capabilities).expect("resolves");
        check(&mut oracle, X86_64, &profile, 12);
        let alone = LinuxSeccomp { architectures: Vec::new(), ..profile.clone() };
        check(&mut oracle, X86_64, &alone, 4);
        check(&mut oracle, AARCH64, &alone, 4);
    }
}

#[test]
fn installed_profile_judges_as_libseccomp() {
    let Some(mut oracle) = Oracle::start() else { return };
    let Some(json) = read(Path::new(SYSTEM_PROFILE)).expect("readable") else {
        assert!(std::env::var_os("LIBPOD_TEST_REQUIRE_ALL").is_none(), "{SYSTEM_PROFILE} is missing");
        return;
    };
    check(&mut oracle, X86_64, &resolve(&json, &[]).expect("resolves"), 12);
}

fn argument(index: u32, op: &str, value: u64, value_two: u64) -> LinuxSeccompArg {
    LinuxSeccompArg { index, value, value_two, op: format!("SCMP_CMP_{op}") }
}

fn rule(names: &[&str], action: &str, args: Vec<LinuxSeccompArg>) -> LinuxSyscall {
    let names = names.iter().map(|&name| name.to_owned()).collect();
    LinuxSyscall { names, action: format!("SCMP_ACT_{action}"), errno_ret: None, args }
}

const OPERATORS: [&str; 7] = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];
const NAMES: [&str; 12] = [
    "read",
    "write",
    "openat",
    "personality",
    "clone",
    "socket",
    "accept",
    "connect",
    "semop",
    "shmat",
    "ioctl",
    "futex",
];

/// `rules` rules over calls of [`NAMES`], with any operator and any number of conditions.
fn random_profile(random: &mut Random, values: &[u64], rules: usize) -> LinuxSeccomp {
    let actions = ["ERRNO", "ALLOW", "TRAP", "KILL_PROCESS", "LOG", "KILL"];
    let syscalls = (0..rules).map(|_| {
        let mut indices: Vec<u32> = (0..6).filter(|_| random.next() % 3 == 0).collect();
        if rules > 1 && random.next() % 6 == 0 {
            indices.push(random.pick(&[0, 1, 5]));
        }
        let args = indices.into_iter().map(|index| {
            let op = random.pick(&OPERATORS);
            let mask = random.pick(values);
            let value_two = if op == "MASKED_EQ" { random.pick(values) & mask } else { 0 };
            argument(index, op, mask, value_two)
        });
        let args = args.collect();
        rule(&[random.pick(&NAMES), random.pick(&NAMES)], random.pick(&actions), args)
    });
    let syscalls = syscalls.collect();
    let architectures = ["SCMP_ARCH_X86", "SCMP_ARCH_X32"].map(str::to_owned).into_iter();
    let architectures = architectures.filter(|_| random.next() % 2 == 0).collect();
    let default_action = format!("SCMP_ACT_{}", random.pick(&actions));
    LinuxSeccomp { default_action, architectures, syscalls, ..LinuxSeccomp::default() }
}

const VALUES: [u64; 9] = [1, 2, 3, 7, 8, 0xff, 0x7e02_0000, 0x8000_0000, 0xffff_fffe];
const WIDE_VALUES: [u64; 6] = [5, 0x1_0000_0000, 0x7_0000_0007, 0xffff_ffff_0000_0000, !0 - (1 << 40), 1 << 63];

/// One rule at a time. Where several rules with arguments meet, libseccomp 2.5.4 is no judge: it admits calls that no
/// rule admits (it merges the conditions of different rules into one tree). The test after this one covers that.
#[test]
fn random_rules_judge_as_libseccomp() {
    let Some(mut oracle) = Oracle::start() else { return };
    let mut random = Random(0x1234_5678_9abc_def1);
    for round in 0..100 {
        let wide = round % 2 == 1;
        let mut profile = random_profile(&mut random, if wide { &WIDE_VALUES } else { &VALUES }, 1);
        if wide {
            profile.architectures.clear();
        }
        let theirs = oracle.build("X86_64", &profile).expect("libseccomp builds the filter");
        let ours = compile_for(Abi::X86_64, &profile, Origin::Chosen).expect("our filter").instructions;
        compare(&theirs, &ours, &profile, 6, &mut random);
    }
}

/// What the specification says of one native call, read off the profile itself.
fn model(profile: &LinuxSeccomp, name: &str, arguments: &[u64; 6]) -> String {
    let holds = |arg: &LinuxSeccompArg| {
        let seen = arguments[arg.index as usize];
        let actual = if is_int(name, arg.index as u8) { seen & 0xffff_ffff } else { seen };
        match arg.op.as_str() {
            "SCMP_CMP_NE" => actual != arg.value,
            "SCMP_CMP_LT" => actual < arg.value,
            "SCMP_CMP_LE" => actual <= arg.value,
            "SCMP_CMP_EQ" => actual == arg.value,
            "SCMP_CMP_GE" => actual >= arg.value,
            "SCMP_CMP_GT" => actual > arg.value,
            _ => actual & arg.value == arg.value_two,
        }
    };
    let named = profile.syscalls.iter().filter(|call| call.names.iter().any(|other| other == name));
    let rules: Vec<_> = named.filter(|call| call.action != profile.default_action).collect();
    let plain = rules.iter().find(|rule| rule.args.is_empty());
    let matching = rules.iter().find(|rule| {
        let repeated = (0..6).any(|index| rule.args.iter().filter(|arg| arg.index == index).count() > 1);
        if repeated { rule.args.iter().any(holds) } else { rule.args.iter().all(holds) }
    });
    plain.or(matching).map_or_else(|| profile.default_action.clone(), |rule| rule.action.clone())
}

#[test]
fn several_rules_for_a_call_judge_as_the_specification() {
    let mut random = Random(0x0f1e_2d3c_4b5a_6978);
    for _ in 0..200 {
        let values = [&VALUES[..], &WIDE_VALUES[..]].concat();
        let profile = random_profile(&mut random, &values, 8);
        let edges = edges(&profile);
        let program = compile_for(Abi::X86_64, &profile, Origin::Chosen).expect("our filter").instructions;
        for name in NAMES {
            let Some(Entry::Direct(number)) = Abi::X86_64.entries(name).next() else { panic!("{name} is native") };
            for _ in 0..60 {
                let arguments = [0; 6].map(|_: u64| random.pick(&edges));
                let call = Call { arch: Abi::X86_64.audit(), number, arguments };
                let wanted = match is_newer(&profile, call.arch, number) {
                    true => 0x0005_0000 | 38,
                    false => action(&model(&profile, name, &arguments), None).expect("known"),
                };
                assert_eq!(run(&program, &call), wanted, "{name} {arguments:x?} under {profile:x?}");
            }
        }
    }
}

/// The kernel's own checker and interpreter: `chroot` to nowhere is `ENOENT` without a filter.
#[test]
fn the_kernel_takes_the_default_filter() {
    let answers = std::thread::spawn(|| {
        let before = rustix::process::chroot("/no/such/directory");
        let profile = default_profile(&[]).expect("resolves");
        let program = compile_default(&profile).expect("our filter");
        rustix::thread::set_no_new_privs(true).expect("always allowed");
        libpod_sys::bpf::load(&program.instructions, program.flags).expect("the kernel takes it");
        let family = |number| socket(AddressFamily::from_raw(number), SocketType::SEQPACKET, None).map(drop);
        let sockets = [family(38), family(40), socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).map(drop)];
        (before, rustix::process::chroot("/no/such/directory"), sockets)
    });
    let answers = answers.join().expect("the thread lives under the filter");
    let refused = Err(rustix::io::Errno::PERM);
    assert_eq!(answers, (Err(rustix::io::Errno::NOENT), refused, [refused, refused, Ok(())]));
}

#[test]
fn what_cannot_work_is_refused() {
    let one = |rule: LinuxSyscall| {
        let profile =
            LinuxSeccomp { default_action: "SCMP_ACT_ALLOW".into(), syscalls: vec![rule], ..LinuxSeccomp::default() };
        compile_for(Abi::X86_64, &profile, Origin::Chosen).expect_err("refused").to_string()
    };
    assert_eq!(one(rule(&["read"], "BLESS", vec![])), "seccomp: unknown action `SCMP_ACT_BLESS`");
    assert_eq!(one(rule(&["read"], "KILL", vec![argument(6, "EQ", 0, 0)])), "seccomp: `read` has no argument 6");
    assert_eq!(
        one(rule(&["read"], "KILL", vec![argument(0, "LIKE", 0, 0)])),
        "seccomp: unknown operator `SCMP_CMP_LIKE` on an argument of `read`"
    );
    assert_eq!(
        one(rule(&["read"], "NOTIFY", vec![])),
        "seccomp: SCMP_ACT_NOTIFY needs a listener: `listenerPath` is empty"
    );
    let errno = LinuxSyscall { errno_ret: Some(4096), ..rule(&["read"], "ERRNO", vec![]) };
    assert_eq!(one(errno), "seccomp: no such error number `4096`");
    let profile = |json: &str| compile_for(Abi::X86_64, &serde_json::from_str(json).expect("JSON"), Origin::Chosen);
    let notify = r#"{"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/run/l"}"#;
    assert!(matches!(profile(notify), Err(Error::Notify("cannot be the default action"))));
    let arch = r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_VAX"]}"#;
    assert!(matches!(profile(arch), Err(Error::Architecture(name)) if name == "SCMP_ARCH_VAX"));
    let flag = r#"{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_ODD"]}"#;
    assert!(matches!(profile(flag), Err(Error::Flag(_))));
}

#[test]
fn a_profile_past_the_kernel_s_limit_is_refused() {
    let rules = (0..1000).map(|value| rule(&["read"], "KILL", vec![argument(0, "EQ", value, 0)]));
    let profile =
        LinuxSeccomp { default_action: "SCMP_ACT_ALLOW".into(), syscalls: rules.collect(), ..LinuxSeccomp::default() };
    assert!(matches!(compile_for(Abi::X86_64, &profile, Origin::Chosen), Err(Error::TooLarge(size)) if size > 4096));
}

const SOCKET: u32 = 41;

fn verdict(program: &[Instruction], number: u32, arguments: [u64; 6]) -> u32 {
    run(program, &Call { arch: Abi::X86_64.audit(), number, arguments })
}

/// With and without the capability whose rule for `socket` has no condition, and under the installed profile's own rules.
#[test]
fn the_default_refuses_af_alg_and_af_vsock_as_the_kernel_reads_them() {
    for capabilities in [Vec::new(), capabilities("AUDIT_WRITE")] {
        let profile = default_profile(&capabilities).expect("resolves");
        let default = compile_default(&profile).expect("our filter").instructions;
        let chosen = compile(&profile).expect("our filter").instructions;
        for high in [0, 1 << 32, 0xffff_ffff << 32] {
            for family in [38, 40] {
                let call = [family | high, 5, 0, 0, 0, 0];
                assert_eq!(verdict(&default, SOCKET, call), 0x0005_0001, "{family} {high:x}");
                assert_eq!(verdict(&chosen, SOCKET, call), 0x7fff_0000, "a chosen profile is followed");
            }
            for family in [1, 2, 10, 37, 39, 41] {
                assert_eq!(verdict(&default, SOCKET, [family | high, 1, 0, 0, 0, 0]), 0x7fff_0000, "{family} {high:x}");
            }
        }
    }
}

/// The rule against audit messages, with a bit above the 32 that the kernel reads in either argument.
#[test]
fn arguments_of_32_bits_are_compared_as_the_kernel_reads_them() {
    let profile = default_profile(&[]).expect("resolves");
    let program = compile(&profile).expect("our filter").instructions;
    for call in [[16, 3, 9], [16 | 1 << 32, 3, 9], [16, 3, 9 | 1 << 63], [16 | 1 << 40, 3 | 1 << 32, 9 | 1 << 32]] {
        assert_eq!(verdict(&program, SOCKET, [call[0], call[1], call[2], 0, 0, 0]), 0x0005_0000 | 22, "{call:x?}");
    }
    let minus_one = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["socket"], "action": "SCMP_ACT_ERRNO",
        "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": 18446744073709551615}]}]}"#;
    let negative = compile(&serde_json::from_str(minus_one).expect("JSON")).expect("our filter").instructions;
    for (family, expected) in [(u64::MAX, 0x0005_0001), (0xffff_ffff, 0x0005_0001), (1, 0x7fff_0000)] {
        assert_eq!(verdict(&negative, SOCKET, [family, 0, 0, 0, 0, 0]), expected, "{family:x}");
    }
    let personality = 135;
    assert_eq!(verdict(&program, personality, [1 << 32, 0, 0, 0, 0, 0]), 0x7fff_0000, "the kernel sees personality(0)");
    assert_eq!(verdict(&program, personality, [0x0004_0000 | 1 << 32, 0, 0, 0, 0, 0]), 0x0005_0000 | 38);
}

#[test]
fn a_call_newer_than_the_profile_does_not_exist() {
    let profile = |json: &str| compile(&serde_json::from_str(json).expect("JSON")).expect("our filter").instructions;
    let rules = r#""syscalls": [{"names": ["read", "openat2"], "action": "SCMP_ACT_ALLOW"}]"#;
    let openat2 = 437;
    for (default, unknown, newer) in [
        (r#""defaultAction": "SCMP_ACT_ERRNO""#, 0x0005_0001, 0x0005_0000 | 38),
        (r#""defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 13"#, 0x0005_0000 | 13, 0x0005_0000 | 38),
        (r#""defaultAction": "SCMP_ACT_KILL""#, 0, 0x0005_0000 | 38),
        (r#""defaultAction": "SCMP_ACT_LOG""#, 0x7ffc_0000, 0x7ffc_0000),
    ] {
        let program = profile(&format!("{{{default}, {rules}}}"));
        assert_eq!(verdict(&program, openat2 - 1, [0; 6]), unknown, "{default}");
        assert_eq!(verdict(&program, openat2, [0; 6]), 0x7fff_0000, "{default}");
        assert_eq!(verdict(&program, openat2 + 1, [0; 6]), newer, "{default}");
    }
}
