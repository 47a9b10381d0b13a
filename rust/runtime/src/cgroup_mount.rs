//! `/sys/fs/cgroup` inside the container.
//!
//! v1 and hybrid hosts show a tmpfs with one directory per controller: binds of the container's own cgroups, or fresh cgroup
//! mounts where the container has a cgroup namespace. v2 shows the one tree. A hybrid host's unified hierarchy is not shown, as
//! other runtimes do not.

use crate::cgroup::{Cgroup, Hierarchy};
use crate::error::{Error, Result};
use crate::mount_options::{Bind, MountOptions};
use crate::mounting::Target;
use crate::rootdir::{Missing, RootDir};
use crate::stage::Stage;
use libpod_sys::mount::RDONLY;
use rustix::fs::symlinkat;
use rustix::io::Errno;
use std::path::PathBuf;

/// The mount of one container's cgroup tree.
#[derive(Debug)]
pub struct CgroupMount {
    /// Place inside the container.
    pub path: PathBuf,
    /// Flags.
    pub options: MountOptions,
    /// Whether the host has only the unified hierarchy.
    pub unified: bool,
    /// Whether the container has a cgroup namespace of its own.
    pub private_view: bool,
    /// Each hierarchy with the container's directory on the host.
    pub views: Vec<(Hierarchy, PathBuf)>,
}

impl CgroupMount {
    /// Plan the mount for `cgroup`.
    pub fn new(path: PathBuf, mut options: MountOptions, private_view: bool, cgroup: &Cgroup) -> Self {
        options.data.clear();
        options.superblock_readonly = false;
        let views = cgroup.views().map(|(hierarchy, directory)| (hierarchy.clone(), directory)).collect();
        Self { path, options, unified: cgroup.is_unified(), private_view, views }
    }

    /// Mount it.
    pub fn execute(&self, stage: &Stage) -> Result<()> {
        let root = stage.root()?;
        let target = self.target(root, self.path.clone())?;
        if self.unified {
            return match self.views.first() {
                Some((hierarchy, directory)) => self.show(stage, hierarchy, directory, target),
                None => Ok(()),
            };
        }
        let mut frame = self.options.clone();
        frame.attributes.set &= !RDONLY;
        frame.data = vec!["mode=755".into()];
        stage.mounter.mount_new(root, &target, "tmpfs", "tmpfs", &frame)?;
        for (hierarchy, directory) in &self.views {
            let place = self.path.join(hierarchy.file_name());
            let target = self.target(root, place)?;
            self.show(stage, hierarchy, directory, target)?;
            self.link(root, hierarchy)?;
        }
        Ok(())
    }

    fn target(&self, root: &RootDir, path: PathBuf) -> Result<Target> {
        let fd = root
            .resolve_or_make(&path, Missing::Directory)
            .map_err(|errno| Error::step("make mount point of cgroup", &path, errno))?;
        Ok(Target { path, fd })
    }

    fn show(&self, stage: &Stage, hierarchy: &Hierarchy, directory: &std::path::Path, target: Target) -> Result<()> {
        let root = stage.root()?;
        if self.private_view {
            let kind = if self.unified { "cgroup2" } else { "cgroup" };
            let options = MountOptions { data: hierarchy.mount_data(), ..self.options.clone() };
            return stage.mounter.mount_new(root, &target, kind, "cgroup", &options);
        }
        let tree = stage
            .mounter
            .open_tree(directory, Bind::Plain)
            .map_err(|errno| Error::step("open cgroup", directory, errno))?;
        let options = MountOptions { bind: Some(Bind::Plain), ..self.options.clone() };
        stage.mounter.bind(root, tree, &target, &options)
    }

    /// Controllers that share a directory are also found by their own names.
    fn link(&self, root: &RootDir, hierarchy: &Hierarchy) -> Result<()> {
        for name in hierarchy.link_names() {
            let fail = |errno| Error::step("link cgroup", self.path.join(name), errno);
            let frame = root.resolve(&self.path).map_err(fail)?;
            match symlinkat(hierarchy.file_name(), &frame, name) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(fail(errno)),
            }
        }
        Ok(())
    }
}
