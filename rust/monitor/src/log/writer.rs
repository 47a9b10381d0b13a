//! Writing the log: every chunk of output becomes one write, before any client sees it.

use super::{Stream, is_null};
use crate::clock::{Moment, Stamp};
use crate::document::{LogChoice, LogDriver};
use libpod_sys::file::{Durability, Replacement, open_regular_at};
use rustix::fs::{CWD, Mode, OFlags};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Where a container's output is kept.
#[derive(Debug)]
pub enum LogWriter {
    /// Nowhere.
    None,
    /// In a `k8s-file` log.
    File(FileLog),
}

/// An open `k8s-file` log.
#[derive(Debug)]
pub struct FileLog {
    path: PathBuf,
    file: File,
    size_bytes: u64,
    max_size_bytes: Option<u64>,
    stamp: Stamp,
    prefix: String,
    entries: Vec<u8>,
}

impl LogWriter {
    /// Open the log that was chosen; an existing one is continued. What is no regular file is an error, `/dev/null` excepted:
    /// a FIFO would have the container wait for its reader.
    pub fn open(choice: &LogChoice) -> io::Result<Self> {
        match (choice.driver, &choice.path) {
            (LogDriver::None, _) => Ok(Self::None),
            (LogDriver::K8sFile, Some(path)) if is_null(path) => Ok(Self::None),
            (LogDriver::K8sFile, Some(path)) => Ok(Self::File(FileLog::open(path, choice.max_size)?)),
            (LogDriver::K8sFile, None) => Err(io::Error::new(io::ErrorKind::InvalidInput, "the log has no path")),
        }
    }

    /// Keep `data`, which came from `stream` now.
    pub fn write(&mut self, stream: Stream, data: &[u8]) -> io::Result<()> {
        match self {
            Self::None => Ok(()),
            Self::File(log) => log.write(stream, data, Moment::now()),
        }
    }

    /// Give the memory of the last entries back.
    pub fn release(&mut self) {
        if let Self::File(log) = self {
            log.entries = Vec::new();
        }
    }
}

impl FileLog {
    fn open(path: &Path, max_size_bytes: Option<u64>) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE;
        let mut file = open_regular_at(CWD, path, flags, Mode::from_raw_mode(0o600))?;
        let mut size_bytes = file.metadata()?.len();
        let mut last = [b'\n'];
        if size_bytes > 0 {
            file.read_exact_at(&mut last, size_bytes - 1)?;
        }
        if last != *b"\n" {
            // A crash has cut the last entry short; the next one does not continue it.
            file.write_all(b"\n")?;
            size_bytes += 1;
        }
        Ok(Self {
            path: path.to_owned(),
            size_bytes,
            file,
            max_size_bytes: max_size_bytes.filter(|size| *size > 0),
            stamp: Stamp::default(),
            prefix: String::new(),
            entries: Vec::new(),
        })
    }

    fn write(&mut self, stream: Stream, data: &[u8], moment: Moment) -> io::Result<()> {
        self.prefix.clear();
        self.stamp.write(moment, &mut self.prefix);
        self.prefix.push(' ');
        self.prefix.push_str(stream.word());
        self.entries.clear();
        for line in data.split_inclusive(|byte| *byte == b'\n') {
            let (tag, end): (&[u8], &[u8]) = if line.ends_with(b"\n") { (b" F ", b"") } else { (b" P ", b"\n") };
            self.make_room(self.prefix.len() + tag.len() + line.len() + end.len())?;
            for part in [self.prefix.as_bytes(), tag, line, end] {
                self.entries.extend_from_slice(part);
            }
        }
        self.flush()
    }

    /// Write the entries that wait. Where the disk gets full in the middle, no part of them stays: later ones would continue it.
    fn flush(&mut self) -> io::Result<()> {
        if let Err(error) = self.file.write_all(&self.entries) {
            let _ = self.file.set_len(self.size_bytes);
            return Err(error);
        }
        self.size_bytes += self.entries.len() as u64;
        self.entries.clear();
        Ok(())
    }

    /// Start the file anew where `length` more bytes are too many. Readers of the old file keep it, as with conmon.
    fn make_room(&mut self, length: usize) -> io::Result<()> {
        let size = self.size_bytes + (self.entries.len() + length) as u64;
        if self.max_size_bytes.is_none_or(|max| size <= max) {
            return Ok(());
        }
        self.flush()?;
        let mut replacement = Replacement::create(&self.path, Mode::from_raw_mode(0o600))?;
        rustix::fs::fcntl_setfl(replacement.file(), OFlags::APPEND)?;
        let file = replacement.file().try_clone()?;
        replacement.publish(Durability::Volatile)?;
        self.file = file;
        self.size_bytes = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("libpod-log-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    #[test]
    fn lines_are_full_and_the_rest_is_partial() {
        let path = scratch("lines");
        let mut log = FileLog::open(&path, None).expect("open");
        let moment = Moment(1_795_700_476_123_456_789);
        log.write(Stream::Stdout, b"one\n\nthree", moment).expect("write");
        log.write(Stream::Stderr, b"\n", moment).expect("write");
        log.write(Stream::Stdout, b"", moment).expect("write");
        let at = moment.local();
        let expected = format!("{at} stdout F one\n{at} stdout F \n{at} stdout P three\n{at} stderr F \n");
        assert_eq!(std::fs::read_to_string(&path).expect("log"), expected);
        std::fs::remove_file(&path).expect("remove");
    }

    #[test]
    fn a_full_log_starts_anew() {
        let path = scratch("rotate");
        let mut log = FileLog::open(&path, Some(200)).expect("open");
        for number in 0..50 {
            log.write(Stream::Stdout, format!("line {number}\n").as_bytes(), Moment(0)).expect("write");
            assert!(path.metadata().expect("log").len() <= 200);
        }
        let text = std::fs::read_to_string(&path).expect("log");
        assert!(text.ends_with(" stdout F line 49\n"), "{text}");
        assert!(!text.contains("line 1\n"));
        std::fs::remove_file(&path).expect("remove");
    }

    #[test]
    fn an_entry_that_was_cut_short_is_not_continued() {
        let path = scratch("torn");
        std::fs::write(&path, "2026-11-24T12:00:00.000000001+00:00 std").expect("write");
        FileLog::open(&path, None).expect("open").write(Stream::Stdout, b"next\n", Moment(0)).expect("write");
        let text = std::fs::read_to_string(&path).expect("log");
        assert!(
            text.starts_with("2026-11-24T12:00:00.000000001+00:00 std\n") && text.ends_with(" stdout F next\n"),
            "{text}"
        );
        std::fs::remove_file(&path).expect("remove");
    }

    #[test]
    fn only_a_regular_file_or_nothing_is_a_log() {
        let path = scratch("fifo");
        rustix::fs::mknodat(CWD, &path, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("mkfifo");
        for path in [path.as_path(), Path::new("/dev/zero"), Path::new("/dev")] {
            FileLog::open(path, None).expect_err("not a regular file");
        }
        std::fs::remove_file(&path).expect("remove");
        let choice = LogChoice { driver: LogDriver::K8sFile, path: Some("/dev/null".into()), max_size: Some(1) };
        assert!(matches!(LogWriter::open(&choice).expect("open"), LogWriter::None));
    }

    #[test]
    fn an_existing_log_is_continued() {
        let path = scratch("continue");
        for text in ["a\n", "b\n"] {
            FileLog::open(&path, None).expect("open").write(Stream::Stdout, text.as_bytes(), Moment(0)).expect("write");
        }
        assert_eq!(std::fs::read_to_string(&path).expect("log").lines().count(), 2);
        std::fs::remove_file(&path).expect("remove");
    }
}
