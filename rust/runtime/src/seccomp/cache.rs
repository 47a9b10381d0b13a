//! Compiled filters on disk, so that a container's start neither parses nor compiles a profile.
//!
//! The name of an entry is the digest of everything that decides the program; a bad entry is compiled anew and
//! replaced. The directory must belong to the caller and be closed to others: an entry is a security decision.
//!
//! An entry is `HEADER`, the flags and the number of instructions (both u32, little-endian), the instructions as the
//! kernel reads them, and the sha256 of all that.

use super::abi::Abi;
use super::compile::{compile, compile_default};
use super::default::{SYSTEM_PROFILE, default_profile, read, resolve};
use super::profile::LinuxSeccomp;
use super::{Error, Program, Result};
use libpod_digest::{Digest, Hasher};
use libpod_sys::bpf::{Instruction, MAX_INSTRUCTIONS};
use libpod_sys::file::{open_regular_at, read_open, replace_at};
use rustix::fs::{Mode, OFlags};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// The last digit changes with the compiler's output: entries of another version are not found.
const HEADER: &[u8; 16] = b"libpod seccomp 2";
const SIZE_OF_DIGEST: usize = 32;
const SIZE_OF_INSTRUCTION: usize = 8;
const MAX_ENTRY: usize = HEADER.len() + 8 + MAX_INSTRUCTIONS * SIZE_OF_INSTRUCTION + SIZE_OF_DIGEST;

/// Where a container's profile comes from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// The host's default profile, or the built-in one.
    Default,
    /// A file of the same format (`--security-opt seccomp=FILE`).
    File(&'a Path),
    /// The object of the runtime specification.
    Spec(&'a LinuxSeccomp),
}

/// The program of `source` for a container whose bounding set is `capabilities`, from `cache` or compiled and kept there.
///
/// A directory that cannot be made or trusted only costs the time to compile.
pub fn program(source: Source<'_>, capabilities: &[String], cache: Option<&Path>) -> Result<Program> {
    let text = text(source)?;
    let build = || match (source, &text) {
        (Source::Spec(profile), _) => compile(profile),
        (Source::Default, Some(json)) => compile_default(&resolve(json, capabilities)?),
        (_, Some(json)) => compile(&resolve(json, capabilities)?),
        (_, None) => compile_default(&default_profile(capabilities)?),
    };
    let Some(directory) = cache.and_then(open_directory) else { return build() };
    let name = key(matches!(source, Source::Default), text.as_deref(), capabilities);
    if let Some(program) = load(&directory, &name) {
        return Ok(program);
    }
    let program = build()?;
    let _ = keep(&directory, &name, &program);
    Ok(program)
}

/// The profile's bytes; None for the built-in one.
fn text(source: Source<'_>) -> Result<Option<Vec<u8>>> {
    match source {
        Source::Spec(profile) => Ok(Some(serde_json::to_vec(profile)?)),
        Source::Default => read(Path::new(SYSTEM_PROFILE)),
        Source::File(path) => match read(path)? {
            Some(json) => Ok(Some(json)),
            None => Err(Error::Read { path: path.to_path_buf(), source: std::io::ErrorKind::NotFound.into() }),
        },
    }
}

/// Hex digest over version, processor, kernel, capabilities, origin and profile, each with its length.
fn key(is_default: bool, text: Option<&[u8]>, capabilities: &[String]) -> String {
    let mut sorted: Vec<&str> = capabilities.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let release = rustix::system::uname();
    let (audit, capabilities) = (Abi::NATIVE.audit().to_le_bytes(), sorted.join(" "));
    let origin: &[u8] = if is_default { b"default" } else { b"chosen" };
    let text = text.unwrap_or(b"built-in");
    let parts: [&[u8]; 6] = [HEADER, &audit, release.release().to_bytes(), capabilities.as_bytes(), origin, text];
    let mut hasher = Hasher::default();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finish().0.hex()
}

/// The directory, made where it is missing; None where somebody else could write into it.
fn open_directory(path: &Path) -> Option<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    let directory = rustix::fs::open(path, flags, Mode::empty()).or_else(|_| {
        std::fs::create_dir_all(path.parent().unwrap_or(path)).ok();
        match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => rustix::fs::open(path, flags, Mode::empty()),
            Err(error) => Err(error),
        }
    });
    let directory = directory.ok()?;
    is_private(&directory).then_some(directory)
}

fn is_private(file: impl AsFd) -> bool {
    rustix::fs::fstat(file).is_ok_and(|stat| {
        stat.st_uid == rustix::process::geteuid().as_raw()
            && Mode::from_raw_mode(stat.st_mode) & (Mode::WGRP | Mode::WOTH) == Mode::empty()
    })
}

fn load(directory: &OwnedFd, name: &str) -> Option<Program> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW;
    let file = open_regular_at(directory, Path::new(name), flags, Mode::empty()).ok()?;
    if !is_private(&file) {
        return None;
    }
    Program::from_bytes(&read_open(&file, MAX_ENTRY as u64).ok()?)
}

/// Write beside, then rename: a reader sees a whole entry or none.
fn keep(directory: &OwnedFd, name: &str, program: &Program) -> std::io::Result<()> {
    replace_at(directory.as_fd(), name, &program.as_bytes(), Mode::RUSR | Mode::WUSR)
}

impl Program {
    /// The program as a cache entry.
    pub fn as_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAX_ENTRY.min(64 + self.instructions.len() * SIZE_OF_INSTRUCTION));
        bytes.extend_from_slice(HEADER);
        bytes.extend_from_slice(&self.flags.to_le_bytes());
        bytes.extend_from_slice(&(self.instructions.len() as u32).to_le_bytes());
        for Instruction { code, jt, jf, k } in &self.instructions {
            bytes.extend_from_slice(&code.to_le_bytes());
            bytes.extend_from_slice(&[*jt, *jf]);
            bytes.extend_from_slice(&k.to_le_bytes());
        }
        let digest = Digest::of(&bytes);
        bytes.extend_from_slice(digest.as_bytes());
        bytes
    }

    /// Read a cache entry back; None where a bit, the length or the format is not as written.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (body, digest) = bytes.split_at_checked(bytes.len().checked_sub(SIZE_OF_DIGEST)?)?;
        let rest = body.strip_prefix(HEADER)?;
        let (flags, rest) = rest.split_first_chunk::<4>()?;
        let (count, code) = rest.split_first_chunk::<4>()?;
        let count = u32::from_le_bytes(*count) as usize;
        if count == 0 || count > MAX_INSTRUCTIONS || code.len() != count * SIZE_OF_INSTRUCTION {
            return None;
        }
        if Digest::of(body).as_bytes() != digest {
            return None;
        }
        let instructions = code.chunks_exact(SIZE_OF_INSTRUCTION).map(|chunk| Instruction {
            code: u16::from_le_bytes([chunk[0], chunk[1]]),
            jt: chunk[2],
            jf: chunk[3],
            k: u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]),
        });
        Some(Self { flags: u32::from_le_bytes(*flags), instructions: instructions.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    /// A directory of this test's own, removed at its end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("libpod-seccomp-{name}-{}", std::process::id()));
            std::fs::create_dir(&path).expect("fresh");
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn profile(name: &str) -> LinuxSeccomp {
        let json = format!(
            r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{{"names": ["{name}"], "action": "SCMP_ACT_KILL"}}]}}"#
        );
        serde_json::from_str(&json).expect("valid")
    }

    fn entries(path: &Path) -> Vec<PathBuf> {
        std::fs::read_dir(path).expect("there").map(|entry| entry.expect("entry").path()).collect()
    }

    #[test]
    fn an_entry_is_kept_once_and_read_back() {
        let scratch = Scratch::new("kept");
        let (cache, profile) = (scratch.0.join("a/b"), profile("read"));
        let first = program(Source::Spec(&profile), &[], Some(&cache)).expect("compiles");
        assert_eq!(first, compile(&profile).expect("compiles"));
        assert_eq!(std::fs::metadata(&cache).expect("made").permissions().mode() & 0o777, 0o700);
        let [entry] = &entries(&cache)[..] else { panic!("one entry") };
        let other = compile(&self::profile("write")).expect("compiles");
        std::fs::write(entry, other.as_bytes()).expect("writable");
        let second = program(Source::Spec(&profile), &[], Some(&cache)).expect("compiles");
        assert_eq!(second, other, "the entry is what is loaded");
    }

    #[test]
    fn a_damaged_entry_is_replaced() {
        let scratch = Scratch::new("damaged");
        let profile = profile("read");
        std::fs::set_permissions(&scratch.0, std::fs::Permissions::from_mode(0o700)).expect("own");
        let wanted = program(Source::Spec(&profile), &[], Some(&scratch.0)).expect("compiles");
        let [entry] = &entries(&scratch.0)[..] else { panic!("one entry") };
        let whole = std::fs::read(entry).expect("there");
        for at in (0..whole.len()).step_by(7) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            assert_eq!(Program::from_bytes(&bytes), None, "bit flipped at {at}");
            assert_eq!(Program::from_bytes(&whole[..at]), None, "cut at {at}");
        }
        std::fs::write(entry, &whole[..40]).expect("writable");
        assert_eq!(program(Source::Spec(&profile), &[], Some(&scratch.0)).expect("compiles"), wanted);
        std::fs::remove_file(entry).expect("there");
        rustix::fs::mknodat(rustix::fs::CWD, entry, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .expect("mkfifo");
        assert_eq!(program(Source::Spec(&profile), &[], Some(&scratch.0)).expect("not waited for"), wanted);
        assert_eq!(std::fs::read(entry).expect("there"), whole);
    }

    #[test]
    fn a_directory_open_to_others_is_not_used() {
        let scratch = Scratch::new("open");
        std::fs::set_permissions(&scratch.0, std::fs::Permissions::from_mode(0o777)).expect("own");
        program(Source::Spec(&profile("read")), &[], Some(&scratch.0)).expect("compiles");
        assert!(entries(&scratch.0).is_empty());
    }

    #[test]
    fn the_key_tells_every_input_apart() {
        let caps = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let base = key(false, Some(b"{}"), &caps(&["A", "B"]));
        assert_eq!(base, key(false, Some(b"{}"), &caps(&["B", "A", "A"])));
        assert_ne!(base, key(false, Some(b"{}"), &caps(&["A"])));
        assert_ne!(base, key(false, Some(b"{} "), &caps(&["A", "B"])));
        assert_ne!(base, key(true, Some(b"{}"), &caps(&["A", "B"])), "the default has rules of its own");
        assert_ne!(base, key(false, None, &caps(&["A", "B"])));
    }
}
