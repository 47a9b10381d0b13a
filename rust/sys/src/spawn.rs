//! Starting a program that outlives us, from a process that may have any number of threads.
//!
//! Python is such a process. Its memory is not copied: both steps below share it, as `vfork` does, and what runs in them
//! allocates nothing, takes no lock and calls nothing but the kernel. The first child only starts the second one and ends, so
//! the program's parent is init (or the nearest subreaper) and the caller has no child to wait for afterwards.

use crate::signal::AllBlocked;
use crate::{Error, Result};
use rustix::io::Errno;
use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr;

/// A program with what it is given; nothing else is inherited, not even the caller's session.
pub struct Program<'a> {
    /// The program's file, open; executed with `execveat`. It may be closed on `execve`.
    pub file: BorrowedFd<'a>,
    /// Arguments, the program's name first.
    pub argv: &'a [CString],
    /// Environment, `NAME=value` each.
    pub envp: &'a [CString],
    /// Become descriptors 0, 1, 2, …
    pub fds: &'a [BorrowedFd<'a>],
}

/// Enough for the two functions below, which call the kernel and nothing else, with room for a C library's wrappers.
const STACK_BYTES: usize = 32 * 1024;

/// Everything that the children need, made beforehand by [`detached`].
struct Plan {
    file: RawFd,
    argv: Vec<*const libc::c_char>,
    envp: Vec<*const libc::c_char>,
    fds: Vec<OwnedFd>,
    inner_stack: *mut libc::c_void,
    failure: (&'static str, i32),
}

/// Start `program` in a session of its own, as nobody's child; returns once it executes, or with the error that prevented it.
///
/// All its signals are blocked: it is expected to choose its own mask.
pub fn detached(program: &Program<'_>) -> Result<()> {
    let first_free = RawFd::try_from(program.fds.len()).unwrap_or(RawFd::MAX) + 1;
    let high = |fd: &BorrowedFd<'_>| {
        rustix::io::fcntl_dupfd_cloexec(fd, first_free).map_err(|errno| Error::new("fcntl", "F_DUPFD_CLOEXEC", errno))
    };
    let file = high(&program.file)?;
    let fds = program.fds.iter().map(high).collect::<Result<Vec<_>>>()?;
    let mut stacks = vec![0u128; 2 * STACK_BYTES / size_of::<u128>()];
    let middle = stacks.len() / 2;
    let inner_stack = ptr::from_mut(&mut stacks[middle]).cast::<libc::c_void>();
    let outer_stack = stacks.as_mut_ptr_range().end.cast::<libc::c_void>();
    let mut plan = Plan {
        file: file.as_raw_fd(),
        argv: program.argv.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect(),
        envp: program.envp.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect(),
        fds,
        inner_stack,
        failure: ("clone", 0),
    };
    let blocked = AllBlocked::new();
    // SAFETY: CLONE_VFORK suspends this thread until the child has ended, so `plan` and the stack, which grows down from
    // `outer_stack`, stay alive and untouched; the mask keeps this process's handlers from running in the child; `outer`
    // calls only the kernel. Without an exit signal the process's own handling of children never sees it.
    let child =
        unsafe { libc::clone(outer, outer_stack, libc::CLONE_VM | libc::CLONE_VFORK, ptr::from_mut(&mut plan).cast()) };
    drop(blocked);
    if child < 0 {
        return Err(Error::last("clone", "CLONE_VM|CLONE_VFORK"));
    }
    reap(child);
    match plan.failure {
        (_, 0) => Ok(()),
        (call, errno) => Err(Error::new(call, "of the program to start", Errno::from_raw_os_error(errno))),
    }
}

fn reap(child: libc::pid_t) {
    loop {
        // SAFETY: waits for one process that only this function knows; no status is asked for.
        let answer = unsafe { libc::waitpid(child, ptr::null_mut(), libc::__WCLONE) };
        if answer == child || Error::last("waitpid", "").errno() != Errno::INTR {
            return;
        }
    }
}

/// First child: start the second and end. Runs in the caller's memory; calls only the kernel.
extern "C" fn outer(plan: *mut libc::c_void) -> libc::c_int {
    let plan = plan.cast::<Plan>();
    // SAFETY: as in `detached`, one level down: this process is suspended until the inner one executes or ends.
    unsafe {
        if libc::clone(inner, (*plan).inner_stack, libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD, plan.cast()) < 0
        {
            (*plan).failure = ("clone", *libc::__errno_location());
        }
        libc::_exit(0)
    }
}

/// Second child: become the program. Runs in the caller's memory; calls only the kernel.
extern "C" fn inner(plan: *mut libc::c_void) -> libc::c_int {
    // SAFETY: `plan` is alive and nobody else touches it while this process shares the memory; every pointer in it is
    // followed by null at the end of its list. The descriptor table is this process's own copy.
    unsafe {
        let plan = &mut *plan.cast::<Plan>();
        let call = become_program(plan);
        plan.failure = (call, *libc::__errno_location());
        libc::_exit(127)
    }
}

/// Returns the name of the call that failed, whose number is in `errno`.
unsafe fn become_program(plan: &Plan) -> &'static str {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: see `inner`.
    unsafe {
        libc::setsid();
        let mut target = 0;
        for fd in &plan.fds {
            if libc::dup2(fd.as_raw_fd(), target) < 0 {
                return "dup2";
            }
            target += 1;
        }
        if libc::syscall(libc::SYS_close_range, target, u32::MAX, CLOSE_RANGE_CLOEXEC) < 0 {
            close_on_exec_from(target);
        }
        libc::syscall(
            libc::SYS_execveat,
            plan.file,
            c"".as_ptr(),
            plan.argv.as_ptr(),
            plan.envp.as_ptr(),
            libc::AT_EMPTY_PATH,
        );
        "execveat"
    }
}

/// `close_range` for a kernel before 5.11: one call per possible descriptor.
unsafe fn close_on_exec_from(first: libc::c_int) {
    // SAFETY: getrlimit fills the structure; fcntl and open numbers that are not in use answer EBADF.
    unsafe {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        for fd in first..limit.rlim_cur.min(1 << 20) as libc::c_int {
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::AsFd;

    fn strings(texts: &[&str]) -> Vec<CString> {
        texts.iter().map(|text| CString::new(*text).expect("no null byte")).collect()
    }

    #[test]
    fn the_program_gets_its_descriptors_and_is_nobodys_child() {
        let shell = File::open("/bin/sh").expect("a shell");
        let null = File::open("/dev/null").expect("null device");
        let (mut reader, writer) = std::io::pipe().expect("pipe");
        let argv = strings(&["sh", "-c", "echo \"$A\"; ls /proc/$$/fd | wc -l; read -r s < /proc/$$/stat; echo $s"]);
        let envp = strings(&["A=text", "PATH=/usr/bin:/bin"]);
        let fds = [null.as_fd(), writer.as_fd(), null.as_fd()];
        detached(&Program { file: shell.as_fd(), argv: &argv, envp: &envp, fds: &fds }).expect("starts");
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("output");
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("text"));
        let count: i32 = lines.next().and_then(|line| line.trim().parse().ok()).expect("number of descriptors");
        assert!(count <= 4, "stdio and at most the shell's own: {text}");
        let stat: Vec<&str> = lines.next().expect("stat").split(' ').collect();
        assert_ne!(stat[3], std::process::id().to_string(), "the parent is not this process");
        assert_eq!(stat[0], stat[5], "leader of its own session");
    }

    #[test]
    fn a_file_that_cannot_be_executed_is_an_error() {
        let file = File::open("/etc/passwd").expect("a file");
        let program = Program { file: file.as_fd(), argv: &strings(&["x"]), envp: &[], fds: &[] };
        assert_eq!(detached(&program).expect_err("no program").errno(), Errno::ACCESS);
    }
}
