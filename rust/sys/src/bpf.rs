//! Classic BPF as a system call filter: the instruction, and loading a program with `seccomp(2)`.
//!
//! Nothing here allocates on success: a child may call [`load`] between `clone` and `execve`.

use crate::{Error, Result};
use rustix::io::Errno;
use std::os::fd::{FromRawFd, OwnedFd};

/// The kernel takes no longer program (`BPF_MAXINSNS`).
pub const MAX_INSTRUCTIONS: usize = 4096;

/// Log every action but `allow` (`SECCOMP_FILTER_FLAG_LOG`).
pub const FLAG_LOG: u32 = 1 << 1;
/// Leave speculative store bypass alone (`SECCOMP_FILTER_FLAG_SPEC_ALLOW`).
pub const FLAG_SPEC_ALLOW: u32 = 1 << 2;
/// Answer with a descriptor on which the `notify` action is served (`SECCOMP_FILTER_FLAG_NEW_LISTENER`).
pub const FLAG_NEW_LISTENER: u32 = 1 << 3;
/// Apply to all threads of the caller (`SECCOMP_FILTER_FLAG_TSYNC`).
pub const FLAG_TSYNC: u32 = 1;
/// A notified call waits unless a fatal signal comes (`SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`).
pub const FLAG_WAIT_KILLABLE_RECV: u32 = 1 << 5;

/// One instruction: `struct sock_filter`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Instructions to skip when the comparison holds.
    pub jt: u8,
    /// Instructions to skip when it does not.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

/// Filter the calling thread's system calls by `program` until it ends, through `execve` too.
///
/// The caller has `CAP_SYS_ADMIN` in its user namespace or has set `no_new_privs`; else `EACCES`.
/// With [`FLAG_NEW_LISTENER`] the listener is returned, close-on-exec.
pub fn load(program: &[Instruction], flags: u32) -> Result<Option<OwnedFd>> {
    let len =
        u16::try_from(program.len()).map_err(|_| Error::new("seccomp", "SECCOMP_SET_MODE_FILTER", Errno::INVAL))?;
    let prog = libc::sock_fprog { len, filter: program.as_ptr().cast_mut().cast::<libc::sock_filter>() };
    // SAFETY: `Instruction` has the layout of `sock_filter`; the kernel copies `len` of them and writes nothing.
    let answer = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const prog) };
    if answer < 0 {
        return Err(Error::last("seccomp", "SECCOMP_SET_MODE_FILTER"));
    }
    if flags & FLAG_TSYNC != 0 && flags & FLAG_NEW_LISTENER == 0 && answer > 0 {
        return Err(Error::new("seccomp", "SECCOMP_SET_MODE_FILTER, TSYNC", Errno::SRCH));
    }
    if flags & FLAG_NEW_LISTENER == 0 {
        return Ok(None);
    }
    let number = i32::try_from(answer).map_err(|_| Error::new("seccomp", "NEW_LISTENER", Errno::BADF))?;
    // SAFETY: with NEW_LISTENER a non-negative answer is a new descriptor that nobody else owns.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(number) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instruction_has_the_layout_of_the_kernel() {
        assert_eq!(size_of::<Instruction>(), size_of::<libc::sock_filter>());
        assert_eq!(align_of::<Instruction>(), align_of::<libc::sock_filter>());
    }

    #[test]
    fn a_loaded_filter_decides_the_thread_s_calls() {
        let answer = std::thread::spawn(|| {
            let program = [
                Instruction { code: 0x20, jt: 0, jf: 0, k: 0 },
                Instruction { code: 0x15, jt: 0, jf: 1, k: libc::SYS_getppid as u32 },
                Instruction { code: 0x06, jt: 0, jf: 0, k: 0x0005_0000 | libc::EXDEV as u32 },
                Instruction { code: 0x06, jt: 0, jf: 0, k: 0x7fff_0000 },
            ];
            // SAFETY: prctl with integers only.
            assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
            load(&program, 0).map(|listener| {
                assert!(listener.is_none());
                // SAFETY: getppid takes nothing and touches nothing.
                let answer = unsafe { libc::syscall(libc::SYS_getppid) };
                (answer, std::io::Error::last_os_error().raw_os_error())
            })
        })
        .join();
        assert_eq!(answer.expect("the thread lives"), Ok((-1, Some(libc::EXDEV))));
    }

    #[test]
    fn an_invalid_program_names_the_call() {
        let error = load(&[Instruction { code: 0x15, jt: 9, jf: 9, k: 0 }], 0).expect_err("jump out of the program");
        assert_eq!((error.call(), error.errno()), ("seccomp", Errno::INVAL));
    }
}
