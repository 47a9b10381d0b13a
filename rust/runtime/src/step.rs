//! The steps of a container's set-up, as data.
//!
//! A step is checked when it is planned, so here only the kernel can refuse. [`Step::describe`] says in a few words what
//! will be done; [`Step::execute`] does it. The order is the business of [`crate::plan`].

use crate::cgroup::Cgroup;
use crate::devices::{self, Node};
use crate::error::{Error, Result};
use crate::foreign::Foreign;
use crate::hooks;
use crate::mount_options::{Bind, MountOptions};
use crate::mounting::{Mounter, NewMount, Target, Tree};
use crate::namespaces::NamespacePlan;
use crate::rlimits::set_oom_score;
use crate::root_change::RootChange;
use crate::rootdir::{Missing, RootDir};
use crate::rootfs::{self, Rootfs};
use crate::spec::{ConsoleSize, Hook, Spec};
use crate::stage::{Source, Stage};
use crate::{cgroup_mount, console, copy_up, protect};
use libpod_sys::netlink::{Message, Socket};
use libpod_sys::process::{Namespaces, unshare};
use rustix::fs::{CWD, FileType, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, UnmountFlags, unmount};
use rustix::process::{Gid, Uid, chdir, fchdir, pivot_root};
use rustix::thread::{set_thread_res_gid, set_thread_res_uid};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// One step.
#[derive(Debug)]
pub enum Step<'a> {
    /// Set the out-of-memory score adjustment, while the host's /proc is in sight.
    OomScore(i32),
    /// Join the cgroup in every v1 hierarchy, while the host's are in sight.
    JoinCgroup(&'a Cgroup),
    /// Join existing namespaces.
    Join(&'a NamespacePlan),
    /// Wait for the id mappings.
    AwaitReady,
    /// Become root of the user namespace.
    BecomeRoot,
    /// Make the cgroup we are in the root of the view.
    NewCgroupView,
    /// Keep mounts of the container from reaching the host.
    DetachPropagation(MountPropagationFlags),
    /// Open the source of a bind, and copy it at once where a reach is given.
    OpenSource(PathBuf, Option<Bind>),
    /// Copy the source of a bind from another process's mount namespace.
    CopyForeign(Foreign, Bind),
    /// Take the source of a bind that the parent has opened ([`open_for_child`]).
    TakeSource(PathBuf, Bind, MountPropagationFlags),
    /// Bring the loopback of a new network namespace up.
    Loopback,
    /// Mount the root. `beside_host`: the mounts around it still propagate to the host.
    MountRoot {
        /// Where it comes from.
        rootfs: &'a Rootfs,
        /// Whether its surroundings must be made private first.
        beside_host: bool,
    },
    /// Change the root's own files.
    Change(&'a RootChange),
    /// Mount a new file system.
    Mount(NewMount),
    /// Bind source number `.0`.
    Bind(usize, PathBuf, MountOptions),
    /// Show the cgroup tree.
    MountCgroup(cgroup_mount::CgroupMount),
    /// Make a device node, or bind the host's.
    Device(Node, bool),
    /// Make the links of /dev.
    DeviceLinks,
    /// Make the terminal, and /dev/console of it, for a user; whether newlines pass as they are.
    Console(Option<ConsoleSize>, u32, bool),
    /// Let the parent run its hooks.
    Midway,
    /// Run hooks in the container's namespaces; `.0` is their moment.
    Hooks(&'static str, &'a [Hook], HookContext<'a>),
    /// Make the root the root, and take the old one away. `beside_host`: its mounts still propagate to the host.
    Pivot {
        /// Whether the host must be kept from losing them too.
        beside_host: bool,
    },
    /// Set the host name.
    Hostname(&'a str),
    /// Set the NIS domain name.
    Domainname(&'a str),
    /// Write a kernel parameter.
    Sysctl(PathBuf, &'a str),
    /// Make a path read-only.
    ReadonlyPath(PathBuf),
    /// Make a mount point read-only, after what had to be written below it.
    ReadonlyMount(PathBuf),
    /// Hide a path.
    MaskedPath(PathBuf),
    /// Make the working directory where it is missing.
    MakeDirectory(PathBuf),
    /// Give the root mount its propagation.
    RootPropagation(MountPropagationFlags, bool),
    /// Set the execution domain.
    Personality(u64),
}

/// What a hook's state is made of, besides the process id.
#[derive(Debug, Clone, Copy)]
pub struct HookContext<'a> {
    /// The specification.
    pub spec: &'a Spec,
    /// The container.
    pub id: &'a str,
    /// The bundle.
    pub bundle: &'a Path,
}

impl HookContext<'_> {
    /// Run hooks with the container's state on their stdin.
    ///
    /// `environment` is that of a hook without one of its own.
    pub fn run(&self, moment: &str, hooks: &[Hook], status: &str, pid: i32, environment: &[String]) -> Result<()> {
        if hooks.is_empty() {
            return Ok(());
        }
        let state = hooks::State {
            oci_version: &self.spec.oci_version,
            id: self.id,
            status,
            pid,
            bundle: hooks::absolute(self.bundle),
            annotations: &self.spec.annotations,
        };
        hooks::run(moment, hooks, &state, environment)
    }
}

impl Step<'_> {
    /// Say what the step does.
    pub fn describe(&self) -> String {
        match self {
            Self::OomScore(score) => format!("set oom_score_adj to {score}"),
            Self::JoinCgroup(cgroup) => format!("join cgroup {}", cgroup.path().display()),
            Self::Join(plan) => format!("join {} namespaces", plan.joined.len()),
            Self::AwaitReady => "wait for id mappings".into(),
            Self::BecomeRoot => "become root of the user namespace".into(),
            Self::NewCgroupView => "make a cgroup namespace".into(),
            Self::DetachPropagation(kind) => format!("set propagation of all mounts to {kind:?}"),
            Self::OpenSource(path, _) => format!("open {}", path.display()),
            Self::CopyForeign(source, _) => format!("copy {source:?}"),
            Self::TakeSource(path, ..) => format!("take {} from the parent", path.display()),
            Self::Loopback => "bring lo up".into(),
            Self::MountRoot { rootfs, .. } => format!("mount root {rootfs:?}"),
            Self::Change(change) => change.describe(),
            Self::Mount(mount) => format!("mount {} on {}", mount.kind, mount.path.display()),
            Self::Bind(index, path, _) => format!("bind source {index} to {}", path.display()),
            Self::MountCgroup(mount) => format!("mount cgroup on {}", mount.path.display()),
            Self::Device(node, bind) => format!("{} {}", if *bind { "bind" } else { "make" }, node.path.display()),
            Self::DeviceLinks => "make links in /dev".into(),
            Self::Console(..) => "make the terminal and /dev/console".into(),
            Self::Midway => "let the parent run its hooks".into(),
            Self::Hooks(moment, hooks, _) => format!("run {} {moment} hooks", hooks.len()),
            Self::Pivot { .. } => "change the root".into(),
            Self::Hostname(name) => format!("set hostname to {name}"),
            Self::Domainname(name) => format!("set domainname to {name}"),
            Self::Sysctl(path, value) => format!("write {value:?} to {}", path.display()),
            Self::ReadonlyPath(path) | Self::ReadonlyMount(path) => format!("make {} read-only", path.display()),
            Self::MaskedPath(path) => format!("mask {}", path.display()),
            Self::MakeDirectory(path) => format!("make directory {}", path.display()),
            Self::RootPropagation(kind, _) => format!("set propagation of the root to {kind:?}"),
            Self::Personality(domain) => format!("set personality {domain:#x}"),
        }
    }

    /// Do it.
    pub fn execute(&self, stage: &mut Stage) -> Result<()> {
        match self {
            Self::OomScore(score) => {
                set_oom_score(*score)?.into_iter().for_each(|text| stage.warn(text));
                Ok(())
            }
            Self::JoinCgroup(cgroup) => cgroup.join_v1(),
            Self::Join(plan) => plan.join().and_then(|()| stage.withdraw(&[])),
            Self::AwaitReady => stage.await_ready(),
            Self::BecomeRoot => become_root(),
            Self::NewCgroupView => {
                unshare(Namespaces::CGROUP).map_err(|error| Error::call("make a cgroup namespace", &error))
            }
            Self::DetachPropagation(kind) => detach_propagation(*kind),
            Self::OpenSource(path, copy) => open_source(stage, path, *copy),
            Self::CopyForeign(source, bind) => {
                stage.sources.push(Some(Source::Copy(source.copy(stage.mounter, *bind)?)));
                Ok(())
            }
            Self::TakeSource(..) => stage.take_source(),
            Self::Loopback => bring_loopback_up(),
            Self::MountRoot { rootfs, beside_host } => {
                stage.set_root(rootfs::mount_root(stage.mounter, rootfs, *beside_host)?)
            }
            Self::Change(change) => change.execute(stage.root()?),
            Self::Mount(mount) => mount_new(stage, mount),
            Self::Bind(index, path, options) => bind(stage, *index, path, options),
            Self::MountCgroup(mount) => mount.execute(stage),
            Self::Device(node, bind) => devices::make(stage, node, *bind),
            Self::DeviceLinks => devices::make_links(stage),
            Self::Console(size, uid, plain) => console::attach(stage, *size, *uid, *plain),
            Self::Midway => stage.pause_midway(),
            Self::Hooks(moment, hooks, context) => {
                stage.withdraw(&[])?;
                // As other runtimes do it: in the root that is about to become the container's.
                fchdir(stage.root()?).map_err(|errno| Error::step("enter", "/", errno))?;
                context.run(moment, hooks, "creating", rustix::process::getpid().as_raw_nonzero().get(), &[])
            }
            Self::Pivot { beside_host } => pivot(stage, *beside_host),
            Self::Hostname(name) => rustix::system::sethostname(name.as_bytes())
                .map_err(|errno| Error::pathless(format!("set hostname {name:?}"), errno)),
            Self::Domainname(name) => rustix::system::setdomainname(name.as_bytes())
                .map_err(|errno| Error::pathless(format!("set domainname {name:?}"), errno)),
            Self::Sysctl(path, value) => protect::write_sysctl(stage, path, value),
            Self::ReadonlyPath(path) => protect::make_readonly(stage, path),
            Self::ReadonlyMount(path) => protect::remount_readonly(stage, path),
            Self::MaskedPath(path) => protect::mask(stage, path),
            Self::MakeDirectory(path) => stage
                .root()?
                .resolve_or_make(path, Missing::Directory)
                .map(drop)
                .map_err(|errno| Error::step("make working directory", path, errno)),
            Self::RootPropagation(kind, recursive) => stage
                .mounter
                .set_propagation(stage.root()?.as_fd(), *kind, *recursive)
                .map_err(|errno| Error::step("set propagation of", "/", errno)),
            Self::Personality(domain) => {
                libpod_sys::process::set_personality(*domain).map_err(|error| Error::call("set personality", &error))
            }
        }
    }
}

fn become_root() -> Result<()> {
    let fail = |errno| Error::pathless("become root of the user namespace", errno);
    set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT).map_err(fail)?;
    set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT).map_err(fail)
}

/// The loopback is the first link of every network namespace; it is made down, and programs expect it up.
fn bring_loopback_up() -> Result<()> {
    const NEWLINK: u16 = 16;
    const LOOPBACK: u32 = 1;
    const UP: u32 = 1;
    let fail = |error: &libpod_sys::Error| Error::call("bring lo up", error);
    // `struct ifinfomsg`: family and type, index, flags, and the mask of those that change.
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&LOOPBACK.to_ne_bytes());
    header[8..12].copy_from_slice(&UP.to_ne_bytes());
    header[12..16].copy_from_slice(&UP.to_ne_bytes());
    let mut socket = Socket::route().map_err(|error| fail(&error))?;
    match socket.transact(vec![Message::new(NEWLINK, 0).fixed(&header)]).map_err(|error| fail(&error))? {
        Ok(()) => Ok(()),
        Err(refused) => Err(Error::pathless("bring lo up", refused.errno)),
    }
}

/// Open the sources of the binds that a child in a user namespace takes: it may lack the right to reach them. Each is a copy of the
/// mounts there, which gets the propagation that the child's own mounts have.
pub fn open_for_child(steps: &[Step<'_>], mounter: Mounter) -> Result<Vec<Tree>> {
    let taken = steps.iter().filter_map(|step| match step {
        Step::TakeSource(path, bind, kind) => Some((path, *bind, *kind)),
        _ => None,
    });
    taken
        .map(|(path, bind, kind)| {
            if let Some(foreign) = Foreign::parse(path) {
                return foreign.copy(mounter, bind);
            }
            let fail = |errno| Error::step("open bind source", path, errno);
            let tree = mounter.open_tree(path, bind).map_err(fail)?;
            mounter.set_propagation(tree.as_fd(), kind, true).map_err(fail)?;
            Ok(tree)
        })
        .collect()
}

fn detach_propagation(kind: MountPropagationFlags) -> Result<()> {
    rustix::mount::mount_change("/", kind | MountPropagationFlags::REC)
        .map_err(|errno| Error::step("set propagation of all mounts below", "/", errno))
}

/// Most are only opened now, and copied when they are bound: so mounts are numbered in the order of the list.
fn open_source(stage: &mut Stage, path: &Path, copy: Option<Bind>) -> Result<()> {
    let fail = |errno| Error::step("open bind source", path, errno);
    let place = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(fail)?;
    stage.sources.push(Some(match copy {
        Some(bind) => Source::Copy(stage.mounter.clone_tree(place, bind).map_err(fail)?),
        None => Source::Place(place),
    }));
    Ok(())
}

fn mount_new(stage: &mut Stage, mount: &NewMount) -> Result<()> {
    let root = stage.root()?;
    let fail = |errno| Error::step(format!("make mount point of {}", mount.kind), &mount.path, errno);
    let (fd, made) = if mount.plain {
        (root.resolve_plain(&mount.path, Missing::Directory)?, false)
    } else {
        match root.resolve(&mount.path) {
            Err(Errno::NOENT) => (root.resolve_or_make(&mount.path, Missing::Directory).map_err(fail)?, true),
            other => (other.map_err(fail)?, false),
        }
    };
    let target = Target { path: mount.path.clone(), fd };
    check_target(root, &target, true)?;
    let mut options = mount.options.clone();
    if mount.kind == "tmpfs" {
        // As with runc, this mount alone is read-only: another container may show the same file system.
        options.superblock_readonly = false;
    }
    // A tmpfs has the mode of the directory that it hides; over a new directory it has the kernel's default, 1777.
    if mount.kind == "tmpfs" && !made && !options.data.iter().any(|word| word.starts_with("mode=")) {
        let stat = rustix::fs::fstat(&target.fd).map_err(fail)?;
        options.data.push(format!("mode={:o}", stat.st_mode & 0o7777));
    }
    if options.copy_up {
        copy_up::mount(stage.mounter, root, &target, &mount.kind, &mount.source, &options)?;
    } else {
        stage.mounter.mount_new(root, &target, &mount.kind, &mount.source, &options)?;
    }
    if matches!(mount.kind.as_str(), "proc" | "sysfs" | "devpts" | "mqueue") {
        return Ok(());
    }
    let mounted = root.resolve(&mount.path).map_err(fail)?;
    stage.own(mounted.as_fd()).map_err(fail)
}

/// Refuse a place that a link of the image leads to, and where a mount would take the container's root or a part of its /proc away.
/// What the names alone say was checked when the steps were planned. A directory goes on a directory, and a file on anything else:
/// the kernel says only that the argument is invalid.
fn check_target(root: &RootDir, target: &Target, is_directory: bool) -> Result<()> {
    let fail = |errno| Error::step("mount on", &target.path, errno);
    let refuse = |reason: &str| Err(Error::UnsafePath { path: target.path.clone(), reason: reason.into() });
    let (top, place) = (rustix::fs::fstat(root).map_err(fail)?, rustix::fs::fstat(&target.fd).map_err(fail)?);
    if (top.st_dev, top.st_ino) == (place.st_dev, place.st_ino) {
        return refuse("leads to the container's root, which a mount cannot take the place of");
    }
    match (is_directory, FileType::from_raw_mode(place.st_mode) == FileType::Directory) {
        (true, false) => return Err(fail(Errno::NOTDIR)),
        (false, true) => return Err(fail(Errno::ISDIR)),
        _ => {}
    }
    let in_proc = rustix::fs::fstatfs(&target.fd).map_err(fail)?.f_type as u64 == protect::PROC_SUPER_MAGIC;
    if in_proc && !target.path.starts_with("/proc") {
        return refuse("leads into /proc, where nothing can be mounted");
    }
    Ok(())
}

fn bind(stage: &mut Stage, index: usize, path: &Path, options: &MountOptions) -> Result<()> {
    let fail = |errno| Error::step("bind", path, errno);
    let source = stage.sources.get_mut(index).and_then(Option::take);
    let tree = match source.ok_or_else(|| Error::invalid("a bind without its source"))? {
        Source::Copy(tree) => tree,
        Source::Place(place) => {
            stage.mounter.clone_tree(place, options.bind.unwrap_or(Bind::Recursive)).map_err(fail)?
        }
    };
    let missing = if tree.is_directory { Missing::Directory } else { Missing::File };
    let root = stage.root()?;
    let fd = root.resolve_or_make(path, missing).map_err(|errno| Error::step("make mount point", path, errno))?;
    let target = Target { path: path.into(), fd };
    check_target(root, &target, tree.is_directory)?;
    stage.mounter.bind(root, tree, &target, options)
}

/// Put the new root in the place of the old one, and the old one away.
fn pivot(stage: &Stage, beside_host: bool) -> Result<()> {
    let fail = |what: &'static str| move |errno| Error::step(what, "/", errno);
    let old = openat(CWD, "/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(fail("open old root"))?;
    fchdir(stage.root()?).map_err(fail("enter new root"))?;
    pivot_root(".", ".").map_err(fail("pivot_root"))?;
    // Both roots are stacked at `/` now: stand in the old one to take it away.
    fchdir(&old).map_err(fail("enter old root"))?;
    if beside_host {
        let kind = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
        rustix::mount::mount_change(".", kind).map_err(fail("detach old root"))?;
    }
    unmount(".", UnmountFlags::DETACH).map_err(fail("unmount old root"))?;
    chdir("/").map_err(fail("enter new root"))
}
