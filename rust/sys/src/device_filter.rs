//! eBPF programs that decide about devices, and their place at a cgroup v2 directory.
//!
//! Only what such a program needs: an instruction, loading, attaching. The kernel verifies a program before it takes it.

use crate::{Error, Result};
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// One instruction: `struct bpf_insn`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Instruction {
    /// Operation.
    pub code: u8,
    /// Destination register in the low half, source register in the high one.
    pub registers: u8,
    /// Offset of a jump or of a load.
    pub offset: i16,
    /// Operand.
    pub immediate: i32,
}

/// The head of `union bpf_attr` for `BPF_PROG_LOAD`; the rest of the union is zero for the kernel.
#[repr(C)]
struct LoadAttributes {
    program_type: u32,
    count: u32,
    instructions: u64,
    license: u64,
}

/// `union bpf_attr` for `BPF_PROG_ATTACH`.
#[repr(C)]
struct AttachAttributes {
    target: u32,
    program: u32,
    attach_type: u32,
    flags: u32,
}

fn bpf<T>(command: libc::c_int, attributes: &T) -> libc::c_long {
    // SAFETY: the attributes are as long as stated, live across the call and are only read; pointers in them are to slices
    // that the callers below keep alive.
    unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<T>()) }
}

/// Load `program` and let it decide about every open and mknod of a device in `cgroup`, a directory of cgroup v2, together with
/// the programs of its ancestors. It stays as long as the directory.
pub fn attach(cgroup: BorrowedFd<'_>, program: &[Instruction]) -> Result<()> {
    const BPF_PROG_LOAD: libc::c_int = 5;
    const BPF_PROG_ATTACH: libc::c_int = 8;
    const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
    const BPF_CGROUP_DEVICE: u32 = 6;
    const BPF_F_ALLOW_MULTI: u32 = 2;
    let load = LoadAttributes {
        program_type: BPF_PROG_TYPE_CGROUP_DEVICE,
        count: program.len() as u32,
        instructions: program.as_ptr() as u64,
        license: c"Apache-2.0".as_ptr() as u64,
    };
    let number = bpf(BPF_PROG_LOAD, &load);
    if number < 0 {
        return Err(Error::last("bpf", "BPF_PROG_LOAD, BPF_PROG_TYPE_CGROUP_DEVICE"));
    }
    // SAFETY: a loaded program is a new descriptor that nobody else owns.
    let loaded = unsafe { OwnedFd::from_raw_fd(number as i32) };
    let attach = AttachAttributes {
        target: cgroup.as_raw_fd() as u32,
        program: loaded.as_raw_fd() as u32,
        attach_type: BPF_CGROUP_DEVICE,
        flags: BPF_F_ALLOW_MULTI,
    };
    match bpf(BPF_PROG_ATTACH, &attach) {
        0 => Ok(()),
        _ => Err(Error::last("bpf", "BPF_PROG_ATTACH, BPF_CGROUP_DEVICE")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_has_the_layout_of_the_kernel() {
        assert_eq!((size_of::<Instruction>(), align_of::<Instruction>()), (8, 4));
    }
}
