//! From a process of the runtime to the user's program: limits, user, capabilities, filter, `execve`.
//!
//! Shared by a container's first process and by `exec`. [`Command::plan`] checks everything that can be checked beforehand;
//! [`Command::prepare`] does what needs privileges and ends with the program found; [`Command::replace`] executes it. Between
//! the two the process may wait for as long as it likes.

use crate::capabilities::{self, Sets};
use crate::error::{Error, Result};
use crate::rlimits::{self, Limit};
use crate::rootdir::RootDir;
use crate::seccomp::Program;
use crate::spec::Process;
use crate::user;
use libpod_sys::process::{close_on_exec_from, execve, join_session_keyring};
use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags, accessat, fchown, fstat};
use rustix::io::Errno;
use rustix::process::{Gid, Uid, fchdir, umask};
use rustix::thread::{
    CapabilitySet, set_keep_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What loading a filter takes where `no_new_privs` is not set.
const FILTER_PRIVILEGE: CapabilitySet = CapabilitySet::SYS_ADMIN;
/// Where a program is looked for when the environment has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// One program to be executed.
#[derive(Debug)]
pub struct Command<'a> {
    process: &'a Process,
    limits: Vec<Limit>,
    sets: Option<Sets>,
    filter: Option<&'a Program>,
    keyring: CString,
    keep_fds: u32,
    /// Names in the specification that mean nothing here.
    pub warnings: Vec<String>,
}

/// A program found, with all that `execve` takes.
#[derive(Debug)]
pub struct Ready {
    path: CString,
    argv: Vec<CString>,
    envp: Vec<CString>,
    sets: Sets,
}

impl<'a> Command<'a> {
    /// Check `process`. `keyring` names its session keyring; descriptors up to 2 + `keep_fds` stay open.
    pub fn plan(process: &'a Process, filter: Option<&'a Program>, keyring: &str, keep_fds: u32) -> Result<Self> {
        if process.args.is_empty() {
            return Err(Error::invalid("process.args must not be empty"));
        }
        if !process.cwd.starts_with('/') {
            return Err(Error::invalid("Cwd must be an absolute path"));
        }
        for (name, label) in [("AppArmor", &process.apparmor_profile), ("SELinux", &process.selinux_label)] {
            if label.as_ref().is_some_and(|label| !label.is_empty() && label != "unconfined") {
                return Err(Error::unsupported(format!("an {name} label on a process"), None));
            }
        }
        if filter.is_some_and(|filter| filter.flags & libpod_sys::bpf::FLAG_NEW_LISTENER != 0) {
            return Err(Error::unsupported("a seccomp profile that notifies a listener", None));
        }
        let (sets, unknown) = process.capabilities.as_ref().map(Sets::parse).unzip();
        let unknown = unknown.unwrap_or_default();
        let warnings = unknown.iter().map(|name| format!("unknown capability `{name}` is ignored")).collect();
        Ok(Self {
            process,
            limits: rlimits::parse(&process.rlimits)?,
            sets,
            filter,
            keyring: c_string(&format!("_ses.{keyring}"))?,
            keep_fds,
            warnings,
        })
    }

    /// Give up privileges, enter the working directory and find the program. The process already stands in its root.
    pub fn prepare(&self, root: &RootDir, warn: &mut dyn FnMut(String)) -> Result<Ready> {
        self.warnings.iter().cloned().for_each(&mut *warn);
        self.join_keyring(warn)?;
        for limit in &self.limits {
            limit.apply()?.into_iter().for_each(&mut *warn);
        }
        let environment = self.environment(root);
        let entered = self.enter_directory(root);
        self.own_stdio();
        let sets = self.become_user(warn)?;
        if entered.is_err() {
            self.enter_directory(root)?;
        }
        let path = self.find_program(&environment)?;
        let argv = self.process.args.iter().map(|text| c_string(text)).collect::<Result<_>>()?;
        let envp = environment.iter().map(|text| c_string(text)).collect::<Result<_>>()?;
        Ok(Ready { path, argv, envp, sets })
    }

    /// Load the filter, and give up what loading it took. Hooks of the image run under it, too.
    pub fn load_filter(&self, ready: &Ready) -> Result<()> {
        close_on_exec_from(3 + self.keep_fds).map_err(|error| Error::call("close descriptors", &error))?;
        let Some(filter) = self.filter else { return Ok(()) };
        libpod_sys::bpf::load(&filter.instructions, filter.flags)
            .map_err(|error| Error::call("load the seccomp filter", &error))?;
        if !self.process.no_new_privileges && ready.sets.lacks(FILTER_PRIVILEGE) {
            capabilities::release(&ready.sets, FILTER_PRIVILEGE)
                .map_err(|errno| Error::pathless("drop CAP_SYS_ADMIN after the seccomp filter", errno))?;
        }
        Ok(())
    }

    /// Execute the program; returns only with an error.
    pub fn replace(&self, ready: &Ready) -> Error {
        let error = execve(&ready.path, &ready.argv, &ready.envp);
        self.explain(error.errno())
    }

    fn join_keyring(&self, warn: &mut dyn FnMut(String)) -> Result<()> {
        match join_session_keyring(&self.keyring) {
            Ok(_) => Ok(()),
            Err(error) if error.errno() == Errno::NOSYS => Ok(()),
            Err(error) if error.errno() == Errno::DQUOT => {
                warn("no session keyring of its own: the user's keyring quota is used up".into());
                Ok(())
            }
            Err(error) => Err(Error::call("join the session keyring", &error)),
        }
    }

    /// The environment: of several entries with one name the last counts, and `HOME` is from the container's passwd file when
    /// it is not given or empty.
    fn environment(&self, root: &RootDir) -> Vec<String> {
        let mut environment: Vec<String> = Vec::with_capacity(self.process.env.len() + 1);
        let mut places = BTreeMap::new();
        for entry in &self.process.env {
            let name = entry.split('=').next().unwrap_or_default();
            match places.get(name) {
                Some(place) => environment[*place] = entry.clone(),
                None => {
                    places.insert(name, environment.len());
                    environment.push(entry.clone());
                }
            }
        }
        let home = || format!("HOME={}", user::home(root, self.process.user.uid));
        match places.get("HOME") {
            None => environment.push(home()),
            Some(place) if environment[*place] == "HOME=" => environment[*place] = home(),
            Some(_) => {}
        }
        environment
    }

    fn enter_directory(&self, root: &RootDir) -> Result<()> {
        let path = Path::new(&self.process.cwd);
        let fail = |errno: Errno| Error::WorkingDirectory { path: path.into(), errno: errno.raw_os_error() };
        let directory = root.open_at(path, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).map_err(fail)?;
        fchdir(directory).map_err(fail)
    }

    /// Let the user open what it is handed: `/dev/stderr` of a pipe that belongs to root cannot be opened otherwise.
    fn own_stdio(&self) {
        let user = &self.process.user;
        for number in 0..3 {
            let fd: BorrowedFd<'_> = libpod_sys::fd::borrow(&number);
            let Ok(stat) = fstat(fd) else { continue };
            let kind = FileType::from_raw_mode(stat.st_mode);
            if stat.st_uid != user.uid && matches!(kind, FileType::Fifo | FileType::Socket) {
                // Refused for ids that the user namespace does not map: the pipe is usable all the same.
                let _ = fchown(fd, Some(Uid::from_raw(user.uid)), None);
            }
        }
    }

    fn become_user(&self, warn: &mut dyn FnMut(String)) -> Result<Sets> {
        let user = &self.process.user;
        let sets = match self.sets {
            Some(sets) => sets,
            None => capabilities::inherited(user.uid)?,
        };
        sets.limit_bounding()?;
        umask(Mode::from_raw_mode(user.umask.unwrap_or(0o022)));
        let fail = |what: &'static str| move |errno| Error::pathless(what, errno);
        set_keep_capabilities(true).map_err(fail("keep capabilities"))?;
        let gid = Gid::from_raw(user.gid);
        set_thread_res_gid(gid, gid, gid).map_err(fail("set the group"))?;
        let groups: Vec<Gid> = user.additional_gids.iter().map(|gid| Gid::from_raw(*gid)).collect();
        match set_thread_groups(&groups) {
            // A user namespace whose groups cannot be changed has none to lose.
            Err(Errno::PERM) if groups.is_empty() => {}
            other => other.map_err(fail("set the supplementary groups"))?,
        }
        let uid = Uid::from_raw(user.uid);
        set_thread_res_uid(uid, uid, uid).map_err(fail("set the user"))?;
        set_keep_capabilities(false).map_err(fail("keep capabilities"))?;
        let needs_privilege = self.filter.is_some() && !self.process.no_new_privileges;
        let kept = if needs_privilege { FILTER_PRIVILEGE } else { CapabilitySet::empty() };
        let missing = sets.apply(kept)?;
        if !missing.is_empty() {
            warn(format!("not available on this host, and not given: {}", missing.join(" ")));
        }
        if self.process.no_new_privileges {
            set_no_new_privs(true).map_err(fail("set no_new_privs"))?;
        }
        Ok(sets)
    }

    fn find_program(&self, environment: &[String]) -> Result<CString> {
        let name = self.process.args[0].as_str();
        if name.is_empty() {
            // Every directory of PATH would be one that can be searched.
            return Err(self.not_found("executable file not found in $PATH".into()));
        }
        if name.contains('/') {
            let reason = match is_executable(Path::new(name)) {
                Ok(()) => return c_string(name),
                Err(Errno::NOENT | Errno::NOTDIR) => format!("stat {name}: no such file or directory"),
                Err(errno) => return Err(self.not_executable(errno)),
            };
            return Err(self.not_found(reason));
        }
        let path = environment.iter().rev().find_map(|entry| entry.strip_prefix("PATH=")).unwrap_or(DEFAULT_PATH);
        for directory in path.split(':') {
            let candidate = Path::new(if directory.is_empty() { "." } else { directory }).join(name);
            if is_executable(&candidate).is_ok() {
                return c_string_of(candidate.as_os_str());
            }
        }
        Err(self.not_found("executable file not found in $PATH".into()))
    }

    /// Say what `execve` of a program that was there means.
    fn explain(&self, errno: Errno) -> Error {
        match errno {
            Errno::NOENT => self.not_found("no such file or directory".into()),
            Errno::ACCESS | Errno::NOEXEC | Errno::ISDIR => self.not_executable(errno),
            errno => Error::step("exec", PathBuf::from(&self.process.args[0]), errno),
        }
    }

    fn not_found(&self, reason: String) -> Error {
        Error::CommandNotFound { command: self.process.args[0].clone(), reason }
    }

    fn not_executable(&self, errno: Errno) -> Error {
        let reason = libpod_sys::errno_text(errno.raw_os_error());
        Error::CommandNotExecutable { command: self.process.args[0].clone(), reason }
    }
}

fn is_executable(path: &Path) -> rustix::io::Result<()> {
    let stat = rustix::fs::stat(path)?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        return Err(Errno::ISDIR);
    }
    if stat.st_mode & 0o111 == 0 {
        return Err(Errno::ACCESS);
    }
    accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS)
}

fn c_string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::invalid(format!("{text:?} holds a zero byte")))
}

fn c_string_of(text: &OsStr) -> Result<CString> {
    CString::new(text.as_bytes()).map_err(|_| Error::invalid(format!("{text:?} holds a zero byte")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(json: &str) -> Process {
        serde_json::from_str(json).expect("valid")
    }

    #[test]
    fn checks_before_anything_is_done() {
        for (json, text) in [
            (r#"{"args":[]}"#, "process.args must not be empty"),
            (r#"{"args":["a"],"cwd":"x"}"#, "Cwd must be an absolute path"),
            (r#"{"args":["a"],"apparmorProfile":"docker-default"}"#, "an AppArmor label on a process is not supported"),
        ] {
            let process = process(json);
            let error = Command::plan(&process, None, "x", 0).expect_err(json);
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn of_several_variables_with_one_name_the_last_counts() {
        let place = rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).expect("opens");
        let root = RootDir::new(place);
        for (given, expected) in [
            (r#"["A=1","HOME=/h","A=2","B=","A"]"#, &["A", "HOME=/h", "B="][..]),
            (r#"["HOME=/h","HOME=/i","AB=1","A=="]"#, &["HOME=/i", "AB=1", "A=="]),
            (r#"["HOME=/h","A=1","HOME="]"#, &["HOME=/root", "A=1"]),
            ("[]", &["HOME=/root"]),
        ] {
            let process = process(&format!(r#"{{"args":["a"],"env":{given}}}"#));
            let command = Command::plan(&process, None, "x", 0).expect("valid");
            assert_eq!(command.environment(&root), expected, "{given}");
        }
    }

    #[test]
    fn finds_programs_as_the_shell_would_and_says_why_not() {
        let environment = ["PATH=/nonexistent:/usr/bin:/bin".to_owned()];
        let find = |name: &str| {
            let process = process(&format!(r#"{{"args":[{name:?}]}}"#));
            let command = Command::plan(&process, None, "x", 0).expect("valid");
            command.find_program(&environment).map_err(|error| (error.exit_code(), error.to_string()))
        };
        assert!(find("sh").expect("there").as_bytes().ends_with(b"/sh"));
        let (code, text) = find("/nosuch").expect_err("absent");
        assert_eq!(code, 127);
        assert!(text.starts_with("exec: \"/nosuch\": stat /nosuch: no such file or directory"), "{text}");
        let (code, text) = find("/etc").expect_err("a directory");
        assert_eq!((code, text.as_str()), (126, "exec: \"/etc\": is a directory"));
        assert_eq!(find("nosuch").expect_err("absent").0, 127);
    }
}
