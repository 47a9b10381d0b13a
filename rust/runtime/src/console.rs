//! The container's terminal.
//!
//! It is made in the container's own devpts, so that its name there is true. The child takes it as its controlling terminal and as
//! stdin, stdout and stderr; the master end goes to the parent.

use crate::error::{Error, Result};
use crate::mount_options::{Bind, MountOptions};
use crate::mounting::Target;
use crate::rootdir::{Missing, RootDir};
use crate::spec::ConsoleSize;
use crate::stage::Stage;
use libpod_sys::process::place_fd;
use rustix::fs::{Mode, OFlags, fchown, fstatfs};
use rustix::io::Errno;
use rustix::process::{Uid, ioctl_tiocsctty};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix::termios::{OptionalActions, OutputModes, Winsize, tcgetattr, tcsetattr, tcsetwinsize};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

const DEVPTS_SUPER_MAGIC: u64 = 0x1cd1;

/// Make the terminal, bind it to `/dev/console` and put it into the stage.
pub fn attach(stage: &mut Stage, size: Option<ConsoleSize>, uid: u32, plain: bool) -> Result<()> {
    let (master, slave) = open(stage.root()?, size, uid, plain)?;
    let fail = |errno| Error::step("bind the terminal to", "/dev/console", errno);
    let root = stage.root()?;
    let copy = rustix::io::fcntl_dupfd_cloexec(&slave, 0).map_err(fail)?;
    let tree = stage.mounter.clone_tree(copy, Bind::Plain).map_err(fail)?;
    let own = |place: BorrowedFd<'_>| stage.is_own(place);
    match root.resolve_or_make_if(Path::new("/dev/console"), Missing::File, &own) {
        // A `/dev` of the host without a console stays without one.
        Err(Errno::XDEV) => {}
        other => {
            let target = Target { path: "/dev/console".into(), fd: other.map_err(fail)? };
            let options = MountOptions { bind: Some(Bind::Plain), ..MountOptions::default() };
            stage.mounter.bind(root, tree, &target, &options)?;
        }
    }
    control(&slave)?;
    stage.terminal = Some(master);
    Ok(())
}

/// Make a terminal in the devpts of `root`; its master and slave ends. `plain`: newlines pass as they are.
///
/// All is set before the program can write or ask: later would be a race.
pub fn open(root: &RootDir, size: Option<ConsoleSize>, uid: u32, plain: bool) -> Result<(OwnedFd, OwnedFd)> {
    let fail = |errno| Error::step("make a terminal in", "/dev/pts", errno);
    let master =
        root.open_at(Path::new("/dev/pts/ptmx"), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).map_err(fail)?;
    if fstatfs(&master).map_err(fail)?.f_type as u64 != DEVPTS_SUPER_MAGIC {
        let reason = "does not lie in a devpts file system, where terminals are made".into();
        return Err(Error::UnsafePath { path: "/dev/pts/ptmx".into(), reason });
    }
    unlockpt(&master).map_err(fail)?;
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let slave = ioctl_tiocgptpeer(&master, flags).map_err(fail)?;
    if let Some(size) = size.filter(|size| size.width != 0 || size.height != 0) {
        let size = Winsize { ws_row: size.height, ws_col: size.width, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).map_err(fail)?;
    }
    if plain {
        let mut mode = tcgetattr(&slave).map_err(fail)?;
        mode.output_modes.remove(OutputModes::ONLCR);
        tcsetattr(&slave, OptionalActions::Now, &mode).map_err(fail)?;
    }
    match fchown(&slave, Some(Uid::from_raw(uid)), None) {
        // An id that the user namespace does not map: the terminal stays with its maker.
        Ok(()) | Err(Errno::INVAL | Errno::PERM) => Ok((master, slave)),
        Err(errno) => Err(fail(errno)),
    }
}

/// Make `slave` the controlling terminal and the three standard descriptors. The process leads its session.
pub fn control(slave: &OwnedFd) -> Result<()> {
    ioctl_tiocsctty(slave).map_err(|errno| Error::pathless("take the terminal as the controlling one", errno))?;
    for number in 0..3 {
        place_fd(slave.as_fd(), number).map_err(|error| Error::call("place the terminal", &error))?;
    }
    Ok(())
}
