//! Where errors and warnings go: stderr, or the file of `--log`, in logrus' text or JSON form, which engines parse.

use libpod_monitor::clock::Moment;
use libpod_sys::io_text;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

/// An open log.
pub struct Log {
    file: Option<File>,
    json: bool,
    debug: bool,
}

impl Log {
    /// Log to stderr, as text.
    pub fn stderr() -> Self {
        Self { file: None, json: false, debug: false }
    }

    /// Open the log that the global flags name.
    pub fn open(path: Option<&str>, format: Option<&str>, debug: bool) -> Result<Self, String> {
        let json = match format.unwrap_or("text") {
            "" | "text" => false,
            "json" => true,
            other => return Err(format!("invalid log-format: {other}")),
        };
        let open = |path: &str| {
            OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o644)
                .open(path)
                .map_err(|error| format!("open {path}: {}", io_text(&error)))
        };
        let file = path.filter(|path| !path.is_empty()).map(open).transpose()?;
        Ok(Self { file, json, debug })
    }

    /// Write a warning.
    pub fn warn(&self, text: &str) {
        self.write("warning", text);
    }

    /// Write what is of interest with `--debug` only.
    pub fn debug(&self, text: &str) {
        if self.debug {
            self.write("debug", text);
        }
    }

    /// Whether [`Log::debug`] writes.
    pub fn is_debug(&self) -> bool {
        self.debug
    }

    /// Write an error, to stderr as well, and return `code`.
    pub fn fail(&self, text: &str, code: u8) -> u8 {
        self.write("error", text);
        if self.file.is_some() {
            // Nobody can be told that stderr is closed.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
        code
    }

    fn write(&self, level: &str, text: &str) {
        let time = Moment::now().local_or_z();
        let quoted = serde_json::Value::from(text).to_string();
        let line = if self.json {
            format!("{{\"level\":\"{level}\",\"msg\":{quoted},\"time\":\"{time}\"}}\n")
        } else {
            format!("time=\"{time}\" level={level} msg={quoted}\n")
        };
        // A log that cannot be written must not stop the command.
        let _ = match &self.file {
            Some(file) => (&*file).write_all(line.as_bytes()),
            None => std::io::stderr().write_all(line.as_bytes()),
        };
    }
}

/// Print to stdout; a closed one is no error.
pub fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
