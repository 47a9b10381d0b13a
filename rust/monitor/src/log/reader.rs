//! Reading a log: what `podman logs` prints, from the end backwards for `--tail`, and on and on for `--follow`.

use super::lines::{Header, Lines, Piece};
use super::{Stream, is_null};
use crate::client::session::{Error, Interrupted, SLICE, Stop};
use crate::clock::Moment;
use crate::process::HeldProcess;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

/// Which entries are wanted, and how they are printed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query {
    /// Only so many lines at the end; a part of a line after them comes with them, but for none.
    pub tail: Option<u64>,
    /// Not earlier.
    pub since: Option<Moment>,
    /// Earlier.
    pub until: Option<Moment>,
    /// Print the time before each entry.
    pub timestamps: bool,
    /// Nobody writes to the log any more: what its end lacks will not come.
    pub is_complete: bool,
}

/// What of a log could not be printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Damage {
    /// How many lines are no entries.
    pub lines: u64,
    /// Where the first of them begins, in bytes.
    pub offset: u64,
    /// Its beginning.
    pub text: Vec<u8>,
}

/// Where entries are printed.
struct Printer<'a> {
    query: Query,
    ends: [Option<BorrowedFd<'a>>; 2],
    interrupted: Interrupted<'a>,
    prefix: &'a [u8],
    /// Whether the next entry of a stream begins a line.
    begins: [bool; 2],
    batch: Vec<u8>,
    stream: Stream,
    /// Whether the entry that has begun is printed.
    is_wanted: bool,
    damage: Damage,
}

impl Printer<'_> {
    const BATCH_BYTES: usize = 64 * 1024;

    fn print(&mut self, piece: Piece<'_>) -> Result<(), Error> {
        match piece {
            Piece::Entry { header, text, is_first, is_last } => {
                if is_first {
                    self.begin(header)?;
                }
                if !self.is_wanted {
                    return Ok(());
                }
                self.batch.extend_from_slice(text);
                if is_last && !header.partial {
                    self.batch.push(b'\n');
                }
                if self.batch.len() > Self::BATCH_BYTES { self.flush() } else { Ok(()) }
            }
            Piece::Malformed { offset, text } => {
                if self.damage.lines == 0 {
                    self.damage = Damage { lines: 0, offset, text: text.to_vec() };
                }
                self.damage.lines += 1;
                Ok(())
            }
        }
    }

    /// An entry begins: what stands before its text.
    fn begin(&mut self, header: Header) -> Result<(), Error> {
        let Query { since, until, .. } = self.query;
        self.is_wanted =
            since.is_none_or(|since| header.moment >= since) && until.is_none_or(|until| header.moment < until);
        if !self.is_wanted {
            return Ok(());
        }
        if header.stream != self.stream {
            self.flush()?;
            self.stream = header.stream;
        }
        let begins = &mut self.begins[usize::from(header.stream == Stream::Stderr)];
        if std::mem::replace(begins, !header.partial) {
            self.batch.extend_from_slice(self.prefix);
        }
        if self.query.timestamps {
            self.batch.extend_from_slice(header.moment.local_or_z().as_bytes());
            self.batch.push(b' ');
        }
        Ok(())
    }

    /// Among several logs, end a line that its writer did not end: the next one begins with its own prefix.
    fn end_lines(&mut self) -> Result<(), Error> {
        for (begins, stream) in self.begins.into_iter().zip([Stream::Stdout, Stream::Stderr]) {
            if !begins && !self.prefix.is_empty() {
                self.stream = stream;
                self.batch.push(b'\n');
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let end = self.ends[usize::from(self.stream == Stream::Stderr)];
        let mut rest = &self.batch[..];
        while let Some(end) = end.filter(|_| !rest.is_empty()) {
            match rustix::io::write(end, rest) {
                Ok(count) => rest = &rest[count..],
                Err(Errno::INTR) => (self.interrupted)()?,
                Err(errno) => return Err(Error::io("write the log", errno)),
            }
        }
        self.batch.clear();
        Ok(())
    }
}

/// What writes to a log that is followed: one process, and when it is gone the next, where there is one.
pub struct Follow<'a> {
    /// The first.
    pub process: HeldProcess,
    /// Asked when a process is gone and all that it wrote is printed; it may wait.
    pub next: &'a mut (dyn FnMut() -> Result<Option<HeldProcess>, Stop> + Send),
}

/// Print the log at `path`. With `follow`, go on until its processes are gone; without, end at the end of the file.
///
/// prefix: stands before every line, the name of a container among several. Following ends at `query.until`, too. Answers which
/// lines are no entries; they are left out. However long a line is, a part of it is held at a time.
pub fn read_log(
    path: &Path,
    query: Query,
    prefix: &[u8],
    ends: [Option<BorrowedFd<'_>>; 2],
    mut follow: Option<Follow<'_>>,
    interrupted: Interrupted<'_>,
) -> Result<Damage, Error> {
    let failed = |error| Error::io(format!("read log {}", path.display()), error);
    let mut printer = Printer {
        query,
        ends,
        interrupted,
        prefix,
        begins: [true; 2],
        batch: Vec::new(),
        stream: Stream::Stdout,
        is_wanted: false,
        damage: Damage::default(),
    };
    let mut watch = follow.as_ref().map(|_| Watch::new(path)).transpose().map_err(failed)?;
    if is_null(path) {
        return Ok(Damage::default());
    }
    let mut lines = Lines::open(path).map_err(failed)?;
    if let Some(count) = query.tail {
        lines.seek_to_tail(count).map_err(failed)?;
    }
    let is_complete = loop {
        let last_round = follow.as_ref().is_none_or(|follow| !follow.process.exists());
        while let Some(piece) = lines.next().map_err(failed)? {
            printer.print(piece)?;
        }
        printer.flush()?;
        if let Some(next) = lines.successor(path).map_err(failed)? {
            // What was written to the old file between our last look and the change.
            while let Some(piece) = lines.next().map_err(failed)? {
                printer.print(piece)?;
            }
            lines = next;
            watch = Some(Watch::new(path).map_err(failed)?);
            continue;
        }
        let late = query.until.is_some_and(|until| Moment::now() >= until);
        let Some(follow) = follow.as_mut().filter(|_| !late) else { break query.is_complete };
        if last_round {
            let Some(process) = (follow.next)()? else { break true };
            follow.process = process;
        } else if let Some(watch) = &mut watch {
            watch.wait(&follow.process).map_err(failed)?;
        }
        (printer.interrupted)()?;
    };
    if let Some(piece) = is_complete.then(|| lines.end()).flatten() {
        printer.print(piece)?;
    }
    printer.flush()?;
    printer.end_lines()?;
    Ok(printer.damage)
}

/// Tells when a log has grown or was replaced.
struct Watch(OwnedFd);

impl Watch {
    fn new(path: &Path) -> io::Result<Self> {
        let fd = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        add_watch(
            &fd,
            path,
            WatchFlags::MODIFY | WatchFlags::MOVE_SELF | WatchFlags::DELETE_SELF | WatchFlags::ATTRIB,
        )?;
        Ok(Self(fd))
    }

    /// Wait for news of the file or the end of `process`, at most [`SLICE`].
    fn wait(&mut self, process: &HeldProcess) -> io::Result<()> {
        const ZOMBIE_PAUSE: Duration = Duration::from_millis(2);
        let timeout = Timespec { tv_sec: 0, tv_nsec: SLICE.subsec_nanos().into() };
        let mut fds = [PollFd::new(&self.0, PollFlags::IN), PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let (news, ended) = (!fds[0].revents().is_empty(), !fds[1].revents().is_empty());
        if news {
            let mut events = [0; 4096];
            while rustix::io::read(&self.0, &mut events).is_ok_and(|count| count > 0) {}
        } else if ended {
            std::thread::sleep(ZOMBIE_PAUSE);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{BufRead, Read, Write};

    const LOG: &str = "2026-11-24T12:00:00.000000001+00:00 stdout F one\n\
        2026-11-24T12:00:01.000000001+00:00 stdout P tw\n\
        2026-11-24T12:00:02.000000001+00:00 stderr F err or\n\
        2026-11-24T12:00:03.000000001+00:00 stdout F o\n\
        2026-11-24T12:00:04.000000001+00:00 stdout F \n\
        2026-11-24T12:00:05.000000001+00:00 stdout P end\n";

    fn scratch(name: &str, text: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("libpod-reader-{}-{name}", std::process::id()));
        std::fs::write(&path, text).expect("scratch file");
        path
    }

    fn printed(path: &Path, query: Query, follow: Option<Follow<'_>>) -> (String, String) {
        let (mut stdout, out) = std::io::pipe().expect("pipe");
        let (mut stderr, err) = std::io::pipe().expect("pipe");
        drop(
            read_log(path, query, b"", [Some(out.as_fd()), Some(err.as_fd())], follow, &mut || Ok(()))
                .expect("readable"),
        );
        drop((out, err));
        let (mut first, mut second) = (String::new(), String::new());
        stdout.read_to_string(&mut first).expect("text");
        stderr.read_to_string(&mut second).expect("text");
        (first, second)
    }

    #[test]
    fn prints_each_stream_to_its_end_and_joins_parts() {
        let path = scratch("plain", LOG);
        assert_eq!(printed(&path, Query::default(), None), ("one\ntwo\n\nend".into(), "err or\n".into()));
        std::fs::remove_file(path).expect("remove");
    }

    #[test]
    fn a_prefix_stands_before_lines_and_not_before_their_parts() {
        let path = scratch("prefix", LOG);
        let (mut stdout, out) = std::io::pipe().expect("pipe");
        read_log(&path, Query::default(), b"web ", [Some(out.as_fd()), None], None, &mut || Ok(())).expect("readable");
        drop(out);
        let mut text = String::new();
        stdout.read_to_string(&mut text).expect("text");
        assert_eq!(text, "web one\nweb two\nweb \nweb end\n");
        std::fs::remove_file(path).expect("remove");
    }

    #[test]
    fn counts_lines_from_the_end() {
        let path = scratch("tail", LOG);
        let tail = |count| printed(&path, Query { tail: Some(count), ..Query::default() }, None);
        assert_eq!(tail(0), (String::new(), String::new()));
        assert_eq!(tail(1), ("\nend".into(), String::new()));
        assert_eq!(tail(2), ("o\n\nend".into(), String::new()));
        assert_eq!(tail(3), ("two\n\nend".into(), "err or\n".into()), "a part belongs to the next end");
        assert_eq!(tail(4), ("one\ntwo\n\nend".into(), "err or\n".into()));
        assert_eq!(tail(99), ("one\ntwo\n\nend".into(), "err or\n".into()));
        std::fs::remove_file(path).expect("remove");
    }

    #[test]
    fn finds_the_tail_of_a_long_log() {
        let text: String = (0..20_000).map(|n| format!("2026-11-24T12:00:00.000000001+00:00 stdout F {n}\n")).collect();
        let path = scratch("long", &text);
        let (stdout, _) = printed(&path, Query { tail: Some(5_000), ..Query::default() }, None);
        let expected: String = (15_000..20_000).map(|n| format!("{n}\n")).collect();
        assert_eq!(stdout, expected);
        std::fs::remove_file(path).expect("remove");
    }

    #[test]
    fn keeps_to_a_span_of_time() {
        let path = scratch("span", LOG);
        let query = Query {
            since: Moment::parse("2026-11-24T12:00:03.000000001Z"),
            until: Moment::parse("2026-11-24T12:00:05.000000001Z"),
            timestamps: true,
            ..Query::default()
        };
        let (stdout, stderr) = printed(&path, query, None);
        let stamp = |second: i128| {
            Moment::parse("2026-11-24T12:00:00.000000001Z").map(|m| Moment(m.0 + second * 1_000_000_000).local_or_z())
        };
        assert_eq!(stdout, format!("{} o\n{} \n", stamp(3).expect("valid"), stamp(4).expect("valid")));
        assert_eq!(stderr, "");
        std::fs::remove_file(path).expect("remove");
    }

    #[test]
    fn lines_that_are_no_entries_are_left_out_and_told() {
        let stamp = "2026-11-24T12:00:00.000000001+00:00";
        let path = scratch(
            "torn",
            &format!(
                "garbage\n2026 stdout F a\n{stamp} stdin F b\n{stamp} stdout F kept\n\n{stamp} stdout X more\n2026-"
            ),
        );
        let damage = |is_complete, tail| {
            let query = Query { is_complete, tail, ..Query::default() };
            read_log(&path, query, b"", [None, None], None, &mut || Ok(())).expect("readable")
        };
        assert_eq!(printed(&path, Query::default(), None).0, "kept\nmore\n");
        assert_eq!(damage(false, None), Damage { lines: 4, offset: 0, text: b"garbage".to_vec() });
        assert_eq!(damage(true, None).lines, 5, "nobody ends the last line any more");
        assert_eq!(damage(true, Some(1)).lines, 2, "what stands before the tail is not judged");
        let tail = Query { tail: Some(2), ..Query::default() };
        assert_eq!(printed(&path, tail, None).0, "kept\nmore\n", "they do not count as lines");
        std::fs::remove_file(path).expect("remove");
    }

    #[test]
    fn the_end_of_a_line_that_nobody_will_write_is_its_end() {
        let path = scratch("unended", "2026-11-24T12:00:00.000000001+00:00 stdout F torn");
        let complete = Query { is_complete: true, ..Query::default() };
        assert_eq!(printed(&path, Query::default(), None).0, "", "it may come yet");
        assert_eq!(printed(&path, complete, None).0, "torn\n");
        std::fs::remove_file(path).expect("remove");
    }

    #[test]
    fn lines_longer_than_what_is_read_at_once_are_whole() {
        let stamp = "2026-11-24T12:00:00.000000001+00:00";
        for length in [65_000, 65_536, 65_600, 131_072, 200_001] {
            let (long, junk) = ("x".repeat(length), "y".repeat(length));
            let log = format!(
                "{junk}\n{stamp} stdout F {long}\n{stamp} stderr F e\n{stamp} stdout P {long}\n{junk}\n{stamp} stdout F b\n"
            );
            let path = scratch("longer", &log);
            let (stdout, out) = std::io::pipe().expect("pipe");
            let reader = std::thread::spawn(move || io::read_to_string(stdout).expect("text"));
            let damage = read_log(&path, Query::default(), b"", [Some(out.as_fd()), None], None, &mut || Ok(()));
            drop(out);
            assert_eq!(reader.join().expect("no panic"), format!("{long}\n{long}b\n"), "{length}");
            let damage = damage.expect("readable");
            assert_eq!((damage.lines, damage.offset, damage.text.len()), (2, 0, 60));
            let text: String = ["a", "b"].map(|text| format!("{stamp} stdout F {text}\n")).concat();
            std::fs::write(&path, format!("{log}{text}")).expect("write");
            let tail = |count| printed(&path, Query { tail: Some(count), ..Query::default() }, None).0;
            assert_eq!((tail(1), tail(2)), ("b\n".to_owned(), "a\nb\n".to_owned()), "{length}");
            std::fs::remove_file(path).expect("remove");
        }
    }

    #[test]
    fn follows_growth_and_replacement_until_the_process_is_gone() {
        let path = scratch("follow", LOG);
        let (mut child, held) = sleeper();
        let (stdout, out) = std::io::pipe().expect("pipe");
        let query = Query { tail: Some(0), ..Query::default() };
        let mut looks = 0;
        // Asked after each look for news: what is written there is after the end of the log that was found.
        let mut asked = || {
            looks += 1;
            if looks == 1 {
                append(&path, "6", "\u{e9}");
                replace(&path, "7", "new");
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut lines = io::BufReader::new(stdout).lines();
                let two: Vec<_> = lines.by_ref().take(2).map(|line| line.expect("text")).collect();
                child.kill().and_then(|()| child.wait()).expect("killed and reaped");
                (two, lines.count())
            });
            let follow = Follow { process: held, next: &mut || Ok(None) };
            read_log(&path, query, b"", [Some(out.as_fd()), None], Some(follow), &mut asked).expect("readable");
            drop(out);
            assert_eq!(reader.join().expect("no panic"), (vec!["\u{e9}".to_owned(), "new".to_owned()], 0));
        });
        std::fs::remove_file(path).expect("remove");
    }

    #[test]
    fn goes_on_with_the_next_process_where_the_last_one_ended() {
        let path = scratch("next", LOG);
        let (mut child, process) = sleeper();
        let (mut other, second) = sleeper();
        child.kill().and_then(|()| child.wait()).expect("killed and reaped");
        let mut left = vec![second];
        let mut next = || {
            let held = left.pop();
            if held.is_some() {
                append(&path, "8", "again");
                other.kill().and_then(|()| other.wait()).expect("killed and reaped");
            }
            Ok(held)
        };
        let follow = Follow { process, next: &mut next };
        let printed = printed(&path, Query { tail: Some(0), ..Query::default() }, Some(follow));
        assert_eq!(printed, ("again\n".to_owned(), String::new()));
        std::fs::remove_file(path).expect("remove");
    }

    #[test]
    fn what_is_written_just_before_the_replacement_is_followed() {
        let long = "x".repeat(100_000);
        let path = scratch("just-before", &format!("2026-11-24T12:00:00.000000001+00:00 stdout F {long}\n"));
        let (mut child, held) = sleeper();
        let (mut stdout, out) = std::io::pipe().expect("pipe");
        std::thread::scope(|scope| {
            let follower = scope.spawn(|| {
                let follow = Follow { process: held, next: &mut || Ok(None) };
                read_log(&path, Query::default(), b"", [Some(out.as_fd()), None], Some(follow), &mut || Ok(()))
                    .expect("readable");
                drop(out);
            });
            // More than the pipe holds: when a byte of it is here, the file was read to its end, and the rest waits.
            stdout.read_exact(&mut [0]).expect("read");
            append(&path, "1", "late");
            replace(&path, "2", "new");
            child.kill().and_then(|()| child.wait()).expect("killed and reaped");
            let mut text = String::new();
            stdout.read_to_string(&mut text).expect("text");
            assert_eq!(text.trim_start_matches('x'), "\nlate\nnew\n");
            follower.join().expect("no panic");
        });
        std::fs::remove_file(path).expect("remove");
    }

    fn sleeper() -> (std::process::Child, HeldProcess) {
        let child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep");
        let pid = rustix::process::Pid::from_child(&child);
        let start = crate::process::start_time(pid).expect("stat");
        let held = HeldProcess::open(pid.as_raw_nonzero().get(), start).expect("open").expect("alive");
        (child, held)
    }

    fn append(path: &Path, second: &str, text: &str) {
        let mut file = File::options().append(true).create(true).open(path).expect("log");
        file.write_all(format!("2026-11-24T12:00:0{second}.000000001+00:00 stdout F {text}\n").as_bytes())
            .expect("write");
    }

    fn replace(path: &Path, second: &str, text: &str) {
        let next = path.with_extension("tmp");
        append(&next, second, text);
        std::fs::rename(&next, path).expect("rename");
    }
}
