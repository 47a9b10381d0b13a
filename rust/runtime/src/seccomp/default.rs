//! The profile format of containers/common, resolved for one container; and the default profile itself.
//!
//! Start with [`default_profile`]. The built-in copy is used where no profile is installed: the same calls and
//! arguments as Podman's, told as groups.

use super::abi::Abi;
use super::builtin;
use super::format::{Profile, Syscall};
use super::profile::{LinuxSeccomp, LinuxSyscall};
use super::{Error, Result};
use std::path::{Path, PathBuf};

/// Where distributions put the default profile.
pub const SYSTEM_PROFILE: &str = "/usr/share/containers/seccomp.json";

/// What a profile is resolved for.
struct Host<'a> {
    capabilities: &'a [String],
    abi: Abi,
    kernel: (u32, u32),
}

/// The default profile for a container whose bounding set is `capabilities`, from [`SYSTEM_PROFILE`] where it exists.
pub fn default_profile(capabilities: &[String]) -> Result<LinuxSeccomp> {
    match read(Path::new(SYSTEM_PROFILE))? {
        Some(json) => resolve(&json, capabilities),
        None => builtin::profile().resolve(&Host::this(capabilities)),
    }
}

/// A profile of that format as the object of the runtime specification, for the bounding set `capabilities`.
pub fn resolve(json: &[u8], capabilities: &[String]) -> Result<LinuxSeccomp> {
    libpod_json::from_slice::<Profile>(json)?.resolve(&Host::this(capabilities))
}

/// Longest profile that is read, in bytes.
const PROFILE_MAX: u64 = 4 << 20;

/// A file's bytes; None where it does not exist.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match libpod_sys::file::read(path, PROFILE_MAX) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Read { path: PathBuf::from(path), source }),
    }
}

impl<'a> Host<'a> {
    fn this(capabilities: &'a [String]) -> Self {
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        Self { capabilities, abi: Abi::NATIVE, kernel: kernel_version(&release) }
    }

    /// The name of the processor in the includes and excludes: Go's.
    fn arch(&self) -> &'static str {
        match self.abi {
            Abi::Aarch64 => "arm64",
            _ => "amd64",
        }
    }

    fn scmp_arch(&self) -> &'static str {
        match self.abi {
            Abi::Aarch64 => "SCMP_ARCH_AARCH64",
            _ => "SCMP_ARCH_X86_64",
        }
    }

    fn admits(&self, syscall: &Syscall) -> bool {
        let has = |name: &String| self.capabilities.contains(name);
        let arch = |names: &[String]| names.iter().any(|name| name == self.arch());
        let new_enough = |version: &str| self.kernel >= kernel_version(version);
        let (includes, excludes) = (&syscall.includes, &syscall.excludes);
        let excluded = arch(&excludes.arches)
            || excludes.caps.iter().any(has)
            || !excludes.min_kernel.is_empty() && new_enough(&excludes.min_kernel);
        let included = (includes.arches.is_empty() || arch(&includes.arches))
            && includes.caps.iter().all(has)
            && (includes.min_kernel.is_empty() || new_enough(&includes.min_kernel));
        included && !excluded
    }
}

/// Major and minor number of `6.1.0-18-amd64`.
fn kernel_version(release: &str) -> (u32, u32) {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

impl Profile {
    fn resolve(self, host: &Host<'_>) -> Result<LinuxSeccomp> {
        if !self.architectures.is_empty() && !self.arch_map.is_empty() {
            return Err(Error::Both("architectures", "archMap"));
        }
        let mut architectures = self.architectures;
        for entry in self.arch_map.into_iter().filter(|entry| entry.architecture == host.scmp_arch()) {
            architectures.push(entry.architecture);
            architectures.extend(entry.sub_architectures);
        }
        let mut syscalls = Vec::new();
        for call in self.syscalls.into_iter().filter(|call| host.admits(call)) {
            let names = match (call.name.is_empty(), call.names.is_empty()) {
                (false, false) => return Err(Error::Both("name", "names")),
                (false, true) => vec![call.name],
                _ => call.names,
            };
            let errno_ret = errno(&call.errno, call.errno_ret)?;
            syscalls.push(LinuxSyscall { names, action: call.action, errno_ret, args: call.args });
        }
        Ok(LinuxSeccomp {
            default_action: self.default_action,
            default_errno_ret: errno(&self.default_errno, self.default_errno_ret)?,
            architectures,
            flags: self.flags,
            listener_path: self.listener_path,
            listener_metadata: self.listener_metadata,
            syscalls,
        })
    }
}

/// The number behind an errno given as name or digits, which stands before the numeric field.
fn errno(name: &str, number: Option<u32>) -> Result<Option<u32>> {
    if name.is_empty() {
        return Ok(number);
    }
    if let Ok(value) = name.parse() {
        return Ok(Some(value));
    }
    let at = ERRNO_NAMES.split(' ').position(|known| known == name).or(match name {
        "EDEADLOCK" => Some(34),
        "EWOULDBLOCK" => Some(10),
        "ENOTSUP" => Some(94),
        _ => None,
    });
    at.map(|at| Some(at as u32 + 1)).ok_or_else(|| Error::Errno(name.to_owned()))
}

/// Names of the numbers 1 to 133. Source: include/uapi/asm-generic/errno-base.h and errno.h.
const ERRNO_NAMES: &str = "EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT \
     ENOTBLK EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS \
     EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC \
     EL3HLT EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT - EBFONT ENOSTR ENODATA \
     ETIME ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ \
     EBADFD EREMCHG ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ \
     EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE \
     EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN \
     ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL \
     EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD \
     ENOTRECOVERABLE ERFKILL EHWPOISON";

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Host<'static> = Host { capabilities: &[], abi: Abi::X86_64, kernel: (6, 1) };

    fn names(profile: &LinuxSeccomp) -> Vec<&str> {
        profile.syscalls.iter().flat_map(|call| &call.names).map(String::as_str).collect()
    }

    fn resolve_on(host: &Host<'_>, json: &str) -> Result<LinuxSeccomp> {
        libpod_json::from_slice::<Profile>(json.as_bytes())?.resolve(host)
    }

    #[test]
    fn built_in_profile_equals_the_installed_one() {
        let Some(json) = read(Path::new(SYSTEM_PROFILE)).expect("readable") else {
            assert!(std::env::var_os("LIBPOD_TEST_REQUIRE_ALL").is_none(), "{SYSTEM_PROFILE} is missing");
            eprintln!("skipped: no {SYSTEM_PROFILE}");
            return;
        };
        let installed: Profile = serde_json::from_slice(&json).expect("valid");
        assert_eq!(builtin::profile(), installed);
    }

    #[test]
    fn capabilities_open_their_calls() {
        let without = builtin::profile().resolve(&HOST).expect("valid");
        let caps = ["CAP_SYS_CHROOT".to_owned()];
        let with = builtin::profile().resolve(&Host { capabilities: &caps, ..HOST }).expect("valid");
        let action = |profile: &LinuxSeccomp| {
            let call = profile.syscalls.iter().find(|call| call.names.iter().any(|name| name == "chroot"));
            call.map(|call| call.action.clone())
        };
        assert_eq!(action(&without).as_deref(), Some("SCMP_ACT_ERRNO"));
        assert_eq!(action(&with).as_deref(), Some("SCMP_ACT_ALLOW"));
        assert_eq!(with.architectures, ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
    }

    #[test]
    fn architecture_and_kernel_select_rules() {
        let json = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"name": "one", "action": "SCMP_ACT_KILL", "includes": {"arches": ["amd64"], "minKernel": "4.8"}},
            {"name": "two", "action": "SCMP_ACT_KILL", "excludes": {"minKernel": "6.1"}, "args": null},
            {"name": "three", "action": "SCMP_ACT_KILL", "includes": {"minKernel": "6.2"}, "excludes": {}},
            {"name": "four", "action": "SCMP_ACT_KILL", "excludes": {"arches": ["amd64"]}}]}"#;
        let arm = Host { abi: Abi::Aarch64, kernel: (6, 0), ..HOST };
        assert_eq!(names(&resolve_on(&HOST, json).expect("valid")), ["one"]);
        assert_eq!(names(&resolve_on(&arm, json).expect("valid")), ["two", "four"]);
        assert_eq!(kernel_version("5.10.0-18-amd64"), (5, 10));
    }

    #[test]
    fn error_numbers_have_names() {
        for (name, number) in [("EPERM", 1), ("EDEADLK", 35), ("ENOSYS", 38), ("ENOMSG", 42), ("EHWPOISON", 133)] {
            assert_eq!(errno(name, Some(7)).expect("known"), Some(number), "{name}");
        }
        assert_eq!(errno("95", None).expect("digits"), errno("ENOTSUP", None).expect("known"));
        assert!(matches!(errno("ENONSENSE", None), Err(Error::Errno(name)) if name == "ENONSENSE"));
    }

    #[test]
    fn contradictory_fields_are_refused() {
        let both = r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"],
            "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": null}]}"#;
        assert!(matches!(resolve_on(&HOST, both), Err(Error::Both("architectures", "archMap"))));
        let names = r#"{"defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"name": "a", "names": ["b"], "action": "SCMP_ACT_KILL"}]}"#;
        assert!(matches!(resolve_on(&HOST, names), Err(Error::Both("name", "names"))));
    }
}
