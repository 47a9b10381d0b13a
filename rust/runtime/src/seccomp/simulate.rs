//! A classic BPF machine for tests: what a filter answers for one call, as the kernel would run it.

use libpod_sys::bpf::Instruction;

/// `struct seccomp_data` without the instruction pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    pub arch: u32,
    pub number: u32,
    pub arguments: [u64; 6],
}

/// Run `program` on `call`; every operation that libseccomp or our assembler emits is known here.
pub fn run(program: &[Instruction], call: &Call) -> u32 {
    let mut accumulator = 0u32;
    let mut memory = [0u32; 16];
    let mut at = 0;
    loop {
        let Instruction { code, jt, jf, k } = program[at];
        at += 1;
        let mut branch = |holds: bool| at += usize::from(if holds { jt } else { jf });
        match code {
            0x20 => accumulator = word(call, k),
            0x60 => accumulator = memory[k as usize],
            0x02 => memory[k as usize] = accumulator,
            0x54 => accumulator &= k,
            0x05 => at += k as usize,
            0x15 => branch(accumulator == k),
            0x25 => branch(accumulator > k),
            0x35 => branch(accumulator >= k),
            0x06 => return k,
            other => panic!("unknown BPF operation {other:#x}"),
        }
    }
}

fn word(call: &Call, offset: u32) -> u32 {
    match offset {
        0 => call.number,
        4 => call.arch,
        16..64 => {
            let argument = call.arguments[(offset as usize - 16) / 8];
            if offset % 8 == 0 { argument as u32 } else { (argument >> 32) as u32 }
        }
        other => panic!("no such word in seccomp_data: {other}"),
    }
}
