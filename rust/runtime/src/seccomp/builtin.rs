//! The default profile, for hosts on which no package has installed one: Podman's calls and arguments, as groups.

use super::format::{Architecture, Filter, Profile, Syscall};
use super::profile::LinuxSeccompArg;
use Action::{Allow, Errno};
use Test::{Is, IsNot};

/// Calls that share a condition and an action.
struct Group {
    when: When,
    action: Action,
    /// Index and comparison; all must hold.
    arguments: &'static [(u32, Test)],
    names: &'static str,
}

enum When {
    Always,
    /// On these processors, by Go's names.
    Arch(&'static [&'static str]),
    /// With this capability in the bounding set.
    With(&'static str),
    /// Without it.
    Without(&'static str),
}

enum Action {
    Allow,
    Errno(&'static str, u32),
}

enum Test {
    Is(u64),
    IsNot(u64),
}

/// Processor and the other ABIs of its kernel.
const ARCHITECTURES: &[&[&str]] = &[
    &["X86_64", "X86", "X32"],
    &["AARCH64", "ARM"],
    &["MIPS64", "MIPS", "MIPS64N32"],
    &["MIPS64N32", "MIPS", "MIPS64"],
    &["MIPSEL64", "MIPSEL", "MIPSEL64N32"],
    &["MIPSEL64N32", "MIPSEL", "MIPSEL64"],
    &["S390X", "S390"],
];

/// The profile in the shape in which a file of that format is read.
pub(super) fn profile() -> Profile {
    let scmp = |name: &&str| format!("SCMP_ARCH_{name}");
    Profile {
        default_action: "SCMP_ACT_ERRNO".to_owned(),
        default_errno_ret: Some(38),
        default_errno: "ENOSYS".to_owned(),
        architectures: Vec::new(),
        arch_map: ARCHITECTURES
            .iter()
            .map(|names| Architecture {
                architecture: scmp(&names[0]),
                sub_architectures: names[1..].iter().map(scmp).collect(),
            })
            .collect(),
        flags: Vec::new(),
        listener_path: String::new(),
        listener_metadata: String::new(),
        syscalls: GROUPS.iter().map(Group::rule).collect(),
    }
}

impl Group {
    fn rule(&self) -> Syscall {
        let caps = |name: &str| Filter { caps: vec![name.to_owned()], ..Filter::default() };
        let (includes, excludes) = match self.when {
            When::Always => (Filter::default(), Filter::default()),
            When::Arch(names) => {
                let arches = names.iter().map(|&name| name.to_owned()).collect();
                (Filter { arches, ..Filter::default() }, Filter::default())
            }
            When::With(name) => (caps(name), Filter::default()),
            When::Without(name) => (Filter::default(), caps(name)),
        };
        let (action, errno, errno_ret) = match self.action {
            Allow => ("SCMP_ACT_ALLOW", "", None),
            Errno(name, number) => ("SCMP_ACT_ERRNO", name, Some(number)),
        };
        let args = self.arguments.iter().map(|(index, test)| {
            let (op, value) = match test {
                Is(value) => ("SCMP_CMP_EQ", *value),
                IsNot(value) => ("SCMP_CMP_NE", *value),
            };
            LinuxSeccompArg { index: *index, value, value_two: 0, op: op.to_owned() }
        });
        Syscall {
            name: String::new(),
            names: self.names.split(' ').map(str::to_owned).collect(),
            action: action.to_owned(),
            args: args.collect(),
            includes,
            excludes,
            errno_ret,
            errno: errno.to_owned(),
        }
    }
}

const GROUPS: &[Group] = &[
    Group {
        when: When::Always,
        action: Errno("EPERM", 1),
        arguments: &[],
        names: "bdflush io_pgetevents kexec_file_load kexec_load migrate_pages move_pages nfsservctl nice oldfstat \
         oldlstat oldolduname oldstat olduname pciconfig_iobase pciconfig_read pciconfig_write sgetmask \
         ssetmask swapcontext swapoff swapon sysfs uselib userfaultfd ustat vm86 vm86old vmsplice",
    },
    Group {
        when: When::Always,
        action: Allow,
        arguments: &[],
        names: "_llseek _newselect accept accept4 access adjtimex alarm bind brk capget capset chdir chmod chown \
         chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 \
         clock_nanosleep clock_nanosleep_time64 clone clone3 close close_range connect copy_file_range creat \
         dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait \
         epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 \
         fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchown fchown32 fchownat fcntl fcntl64 \
         fdatasync fgetxattr flistxattr flock fork fremovexattr fsconfig fsetxattr fsmount fsopen fspick \
         fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_time64 futimesat \
         get_mempolicy get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 \
         geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid \
         getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid \
         getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init \
         inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_setup io_submit ioctl ioprio_get \
         ioprio_set ipc keyctl kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown \
         lchown32 lgetxattr link linkat listen listxattr llistxattr lremovexattr lseek lsetxattr lstat \
         lstat64 madvise mbind membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock \
         mlock2 mlockall mmap mmap2 mount mount_setattr move_mount mprotect mq_getsetattr mq_notify mq_open \
         mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap msgctl \
         msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat open \
         open_tree openat openat2 pause pidfd_getfd pidfd_open pidfd_send_signal pipe pipe2 pivot_root \
         pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 \
         process_mrelease process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev \
         pwritev2 read readahead readdir readlink readlinkat readv reboot recv recvfrom recvmmsg \
         recvmmsg_time64 recvmsg remap_file_pages removexattr rename renameat renameat2 restart_syscall rmdir \
         rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend \
         rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max \
         sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler \
         sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam \
         sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop semtimedop_time64 send \
         sendfile sendfile64 sendmmsg sendmsg sendto set_mempolicy set_robust_list set_thread_area \
         set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 \
         setitimer setns setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 \
         setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr shmat shmctl shmdt shmget \
         shutdown sigaction sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend \
         socketcall socketpair splice stat stat64 statfs statfs64 statx symlink symlinkat sync \
         sync_file_range syncfs syscall sysinfo syslog tee tgkill time timer_create timer_delete \
         timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd timerfd_create \
         timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate truncate64 \
         ugetrlimit umask umount umount2 uname unlink unlinkat unshare utime utimensat utimensat_time64 \
         utimes vfork wait4 waitid waitpid write writev",
    },
    Group { when: When::Always, action: Allow, arguments: &[(0, Is(0))], names: "personality" },
    Group { when: When::Always, action: Allow, arguments: &[(0, Is(8))], names: "personality" },
    Group { when: When::Always, action: Allow, arguments: &[(0, Is(131072))], names: "personality" },
    Group { when: When::Always, action: Allow, arguments: &[(0, Is(131080))], names: "personality" },
    Group { when: When::Always, action: Allow, arguments: &[(0, Is(4294967295))], names: "personality" },
    Group { when: When::Arch(&["ppc64le"]), action: Allow, arguments: &[], names: "sync_file_range2" },
    Group {
        when: When::Arch(&["arm", "arm64"]),
        action: Allow,
        arguments: &[],
        names: "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2",
    },
    Group { when: When::Arch(&["amd64", "x32"]), action: Allow, arguments: &[], names: "arch_prctl" },
    Group { when: When::Arch(&["amd64", "x32", "x86"]), action: Allow, arguments: &[], names: "modify_ldt" },
    Group {
        when: When::Arch(&["s390", "s390x"]),
        action: Allow,
        arguments: &[],
        names: "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr",
    },
    Group { when: When::With("CAP_DAC_READ_SEARCH"), action: Allow, arguments: &[], names: "open_by_handle_at" },
    Group {
        when: When::Without("CAP_DAC_READ_SEARCH"),
        action: Errno("EPERM", 1),
        arguments: &[],
        names: "open_by_handle_at",
    },
    Group {
        when: When::With("CAP_SYS_ADMIN"),
        action: Allow,
        arguments: &[],
        names: "bpf fanotify_init lookup_dcookie perf_event_open quotactl setdomainname sethostname setns",
    },
    Group {
        when: When::Without("CAP_SYS_ADMIN"),
        action: Errno("EPERM", 1),
        arguments: &[],
        names: "bpf fanotify_init lookup_dcookie perf_event_open quotactl setdomainname sethostname setns",
    },
    Group { when: When::With("CAP_SYS_CHROOT"), action: Allow, arguments: &[], names: "chroot" },
    Group { when: When::Without("CAP_SYS_CHROOT"), action: Errno("EPERM", 1), arguments: &[], names: "chroot" },
    Group {
        when: When::With("CAP_SYS_MODULE"),
        action: Allow,
        arguments: &[],
        names: "delete_module finit_module init_module query_module",
    },
    Group {
        when: When::Without("CAP_SYS_MODULE"),
        action: Errno("EPERM", 1),
        arguments: &[],
        names: "delete_module finit_module init_module query_module",
    },
    Group { when: When::With("CAP_SYS_PACCT"), action: Allow, arguments: &[], names: "acct" },
    Group { when: When::Without("CAP_SYS_PACCT"), action: Errno("EPERM", 1), arguments: &[], names: "acct" },
    Group { when: When::With("CAP_SYS_PTRACE"), action: Allow, arguments: &[], names: "kcmp process_madvise" },
    Group {
        when: When::Without("CAP_SYS_PTRACE"),
        action: Errno("EPERM", 1),
        arguments: &[],
        names: "kcmp process_madvise",
    },
    Group { when: When::With("CAP_SYS_RAWIO"), action: Allow, arguments: &[], names: "ioperm iopl" },
    Group { when: When::Without("CAP_SYS_RAWIO"), action: Errno("EPERM", 1), arguments: &[], names: "ioperm iopl" },
    Group {
        when: When::With("CAP_SYS_TIME"),
        action: Allow,
        arguments: &[],
        names: "clock_settime clock_settime64 settimeofday stime",
    },
    Group {
        when: When::Without("CAP_SYS_TIME"),
        action: Errno("EPERM", 1),
        arguments: &[],
        names: "clock_settime clock_settime64 settimeofday stime",
    },
    Group { when: When::With("CAP_SYS_TTY_CONFIG"), action: Allow, arguments: &[], names: "vhangup" },
    Group { when: When::Without("CAP_SYS_TTY_CONFIG"), action: Errno("EPERM", 1), arguments: &[], names: "vhangup" },
    Group {
        when: When::Without("CAP_AUDIT_WRITE"),
        action: Errno("EINVAL", 22),
        arguments: &[(0, Is(16)), (2, Is(9))],
        names: "socket",
    },
    Group { when: When::Without("CAP_AUDIT_WRITE"), action: Allow, arguments: &[(2, IsNot(9))], names: "socket" },
    Group { when: When::Without("CAP_AUDIT_WRITE"), action: Allow, arguments: &[(0, IsNot(16))], names: "socket" },
    Group { when: When::Without("CAP_AUDIT_WRITE"), action: Allow, arguments: &[(2, IsNot(9))], names: "socket" },
    Group { when: When::With("CAP_AUDIT_WRITE"), action: Allow, arguments: &[], names: "socket" },
];
