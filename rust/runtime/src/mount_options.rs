//! Mount options, from the words of mount(8) to what the kernel takes.
//!
//! A word is a flag of the mount, a request for propagation, a bind, or else data for the file system. Nothing is resolved
//! and nothing is mounted here.

use crate::error::{Error, Result};
use libpod_sys::mount::{
    ATIME, Attributes, NOATIME, NODEV, NODIRATIME, NOEXEC, NOSUID, NOSYMFOLLOW, RDONLY, RELATIME, STRICTATIME,
};
use rustix::mount::{MountFlags, MountPropagationFlags};

/// Parsed options of one mount.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// Attributes of this mount alone.
    pub attributes: Attributes,
    /// Attributes of this mount and of all below it (`rro`, `rnosuid`, …).
    pub recursive: Attributes,
    /// A bind, and whether it takes the mounts below its source along.
    pub bind: Option<Bind>,
    /// Propagation given to the mount once it stands, and whether to all below it.
    pub propagation: Option<(MountPropagationFlags, bool)>,
    /// Whether the file system itself is made read-only, not just the mount.
    pub superblock_readonly: bool,
    /// What the file system reads: `size=64k`, `mode=755`.
    pub data: Vec<String>,
    /// `tmpcopyup`: fill a tmpfs with what its place held.
    pub copy_up: bool,
}

/// How far a bind reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bind {
    /// One mount.
    Plain,
    /// A tree of mounts.
    Recursive,
}

/// Word, bits to set, bits to clear.
const ATTRIBUTES: &[(&str, u64, u64)] = &[
    ("ro", RDONLY, 0),
    ("rw", 0, RDONLY),
    ("nosuid", NOSUID, 0),
    ("suid", 0, NOSUID),
    ("nodev", NODEV, 0),
    ("dev", 0, NODEV),
    ("noexec", NOEXEC, 0),
    ("exec", 0, NOEXEC),
    ("noatime", NOATIME, ATIME),
    ("atime", RELATIME, ATIME),
    ("relatime", RELATIME, ATIME),
    ("norelatime", STRICTATIME, ATIME),
    ("strictatime", STRICTATIME, ATIME),
    ("nostrictatime", RELATIME, ATIME),
    ("nodiratime", NODIRATIME, 0),
    ("diratime", 0, NODIRATIME),
    ("nosymfollow", NOSYMFOLLOW, 0),
    ("symfollow", 0, NOSYMFOLLOW),
];

const PROPAGATION: &[(&str, MountPropagationFlags, bool)] = &[
    ("private", MountPropagationFlags::PRIVATE, false),
    ("rprivate", MountPropagationFlags::PRIVATE, true),
    ("slave", MountPropagationFlags::DOWNSTREAM, false),
    ("rslave", MountPropagationFlags::DOWNSTREAM, true),
    ("shared", MountPropagationFlags::SHARED, false),
    ("rshared", MountPropagationFlags::SHARED, true),
    ("unbindable", MountPropagationFlags::UNBINDABLE, false),
    ("runbindable", MountPropagationFlags::UNBINDABLE, true),
];

/// Words that are defaults, or that concern mount(8) alone.
const IGNORED: &[&str] = &[
    "defaults",
    "remount",
    "async",
    "nomand",
    "silent",
    "loud",
    "nolazytime",
    "noiversion",
    "auto",
    "noauto",
    "nofail",
];

/// Parse the options of one mount.
pub fn parse(words: &[String]) -> Result<MountOptions> {
    let mut options = MountOptions::default();
    for word in words {
        options.add(word)?;
    }
    Ok(options)
}

/// The propagation that a word asks for, and whether it reaches all mounts below.
pub fn propagation(word: &str) -> Option<(MountPropagationFlags, bool)> {
    PROPAGATION.iter().find(|(name, ..)| *name == word).map(|(_, flags, recursive)| (*flags, *recursive))
}

impl MountOptions {
    fn add(&mut self, word: &str) -> Result<()> {
        if let Some(&(_, set, clear)) = ATTRIBUTES.iter().find(|(name, ..)| *name == word) {
            change(&mut self.attributes, set, clear);
            self.superblock_readonly = self.attributes.set & RDONLY != 0;
            return Ok(());
        }
        let below = word.strip_prefix('r').and_then(|rest| ATTRIBUTES.iter().find(|(name, ..)| *name == rest));
        if let Some(&(_, set, clear)) = below {
            change(&mut self.recursive, set, clear);
            return Ok(());
        }
        if let Some(found) = propagation(word) {
            self.propagation = Some(found);
            return Ok(());
        }
        match word {
            "bind" => self.bind = self.bind.or(Some(Bind::Plain)),
            "rbind" => self.bind = Some(Bind::Recursive),
            "tmpcopyup" => self.copy_up = true,
            // The kernel takes these only on a file system, where they are data, or names them as flags of mount(2).
            "sync" | "dirsync" | "mand" | "lazytime" | "iversion" => self.data.push(word.into()),
            "idmap" | "ridmap" => return Err(Error::unsupported(format!("mount option `{word}`"), None)),
            // Where labels would go, SELinux is off or refused elsewhere.
            "z" | "Z" | "U" => return Err(Error::invalid(format!("mount option `{word}` belongs to the engine"))),
            word if word.is_empty() || IGNORED.contains(&word) => {}
            word => self.data.push(word.into()),
        }
        Ok(())
    }

    /// The flags of mount(2) that say the same as [`MountOptions::attributes`].
    pub fn classic_flags(&self) -> MountFlags {
        const FLAGS: &[(u64, MountFlags)] = &[
            (RDONLY, MountFlags::RDONLY),
            (NOSUID, MountFlags::NOSUID),
            (NODEV, MountFlags::NODEV),
            (NOEXEC, MountFlags::NOEXEC),
            (NOATIME, MountFlags::NOATIME),
            (STRICTATIME, MountFlags::STRICTATIME),
            (NODIRATIME, MountFlags::NODIRATIME),
        ];
        let mut flags = MountFlags::empty();
        for (bit, flag) in FLAGS {
            if self.attributes.set & bit != 0 {
                flags |= *flag;
            }
        }
        if flags.contains(MountFlags::NOATIME) || flags.contains(MountFlags::STRICTATIME) {
            flags
        } else {
            flags | MountFlags::RELATIME
        }
    }
}

/// Later words win over earlier ones.
fn change(attributes: &mut Attributes, set: u64, clear: u64) {
    attributes.set = attributes.set & !clear | set;
    attributes.clear = attributes.clear & !set | clear;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn sorts_words_into_flags_propagation_and_data() {
        let options = parse(&words("nosuid,strictatime,mode=755,rprivate,size=65536k,ro")).expect("valid");
        assert_eq!(options.attributes.set, NOSUID | STRICTATIME | RDONLY);
        assert_eq!(options.attributes.clear, ATIME);
        assert_eq!(options.data, ["mode=755", "size=65536k"]);
        assert_eq!(options.propagation, Some((MountPropagationFlags::PRIVATE, true)));
        assert!(options.superblock_readonly && options.bind.is_none());
    }

    #[test]
    fn the_last_word_wins() {
        let options = parse(&words("ro,rw,bind,rbind,noatime,relatime")).expect("valid");
        assert_eq!(options.attributes.set, 0);
        assert_eq!(options.attributes.clear & RDONLY, RDONLY);
        assert_eq!(options.bind, Some(Bind::Recursive));
        assert!(!options.superblock_readonly);
    }

    #[test]
    fn an_r_before_a_flag_reaches_all_mounts_below() {
        let options = parse(&words("rbind,rro,rnosuid")).expect("valid");
        assert_eq!(options.recursive.set, RDONLY | NOSUID);
        assert_eq!(options.attributes, Attributes::default());
    }

    #[test]
    fn an_empty_word_says_nothing() {
        assert_eq!(parse(&words("")).expect("valid"), MountOptions::default());
        assert_eq!(parse(&words("nosuid,,mode=755,")).expect("valid").data, ["mode=755"]);
    }

    #[test]
    fn refuses_what_the_engine_should_have_consumed() {
        assert!(matches!(parse(&words("bind,z")), Err(Error::Invalid { .. })));
        assert!(matches!(parse(&words("idmap")), Err(Error::Unsupported { .. })));
    }
}
