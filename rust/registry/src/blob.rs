//! The stream of one blob: proven while it is read, resumed where it broke.

use crate::http::{Headers, Method, Payload, Response};
use crate::{Client, Digest, Error, Hasher, budget};
use std::io::{self, Read};

/// A blob being read. At its end the size and the digest have been compared with what was asked for; a difference is an error
/// of the last read, so bytes must not be trusted before the end was reached.
///
/// Errors are `io::Error`s that hold an [`Error`].
pub struct Blob {
    client: Client,
    repository: String,
    digest: Digest,
    size: Option<u64>,
    body: Option<Box<dyn Read + Send>>,
    hasher: Option<Hasher>,
    offset: u64,
    /// Failures since the last byte.
    failures: u32,
    done: bool,
}

impl Blob {
    pub(crate) fn open(
        client: Client,
        repository: &str,
        digest: &Digest,
        size: Option<u64>,
        proven: bool,
    ) -> Result<Self, Error> {
        let hasher = proven.then(|| Hasher::new(digest.algorithm()));
        let repository = repository.to_owned();
        let mut blob =
            Self { client, repository, digest: *digest, size, body: None, hasher, offset: 0, failures: 0, done: false };
        let answer = blob.request()?;
        if let Some((wanted, got)) = size.zip(answer.length()).filter(|(wanted, got)| wanted != got) {
            return Err(Error::Size { what: blob.name(), wanted, got });
        }
        blob.size = size.or(answer.length());
        blob.body = Some(Box::new(answer.into_reader()));
        Ok(blob)
    }

    fn name(&self) -> String {
        format!("blob {} of {}/{}", self.digest, self.client.registry(), self.repository)
    }

    fn request(&self) -> Result<Response, Error> {
        let url = self.client.url(&self.repository, &format!("blobs/{}", self.digest))?;
        let mut headers = Headers::new();
        if self.offset > 0 {
            headers.push(("range", format!("bytes={}-", self.offset)));
        }
        self.client.call(Method::Get, url, &self.client.scopes(&self.repository), &headers, Payload::None)
    }

    /// Ask for the rest, after `cause` broke the stream.
    fn resume(&mut self, cause: Error) -> Result<(), Error> {
        self.body = None;
        if self.failures >= self.client.retries() {
            return Err(cause);
        }
        if self.client.pause(self.failures, &cause).is_err() {
            return Err(cause);
        }
        self.failures += 1;
        let answer = match self.request() {
            Ok(answer) => answer,
            Err(error) if error.is_temporary() => return Err(error),
            // What broke first says more than a refusal to repeat it.
            Err(_) => return Err(cause),
        };
        let starts_at = if answer.status() == 206 { range_start(&answer).unwrap_or(u64::MAX) } else { 0 };
        if starts_at > self.offset {
            let reason = "it sent another range of the blob than was asked for".to_owned();
            return Err(Error::Protocol { url: answer.url().redacted(), reason });
        }
        let mut body: Box<dyn Read + Send> = Box::new(answer.into_reader());
        let skip = self.offset - starts_at;
        // A registry without ranges sends all of it again. What comes again is not looked at: the digest covers what was read.
        if skip > 0 && io::copy(&mut (&mut body).take(skip), &mut io::sink()).is_ok_and(|count| count < skip) {
            return Err(cause);
        }
        self.body = Some(body);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Error> {
        if let Some(wanted) = self.size.filter(|wanted| *wanted != self.offset) {
            return Err(Error::Size { what: self.name(), wanted, got: self.offset });
        }
        self.done = true;
        self.body = None;
        let Some(hasher) = self.hasher.take() else { return Ok(()) };
        let (got, _) = hasher.finish();
        self.digest.compare(got).map_err(|mismatch| Error::Digest { what: self.name(), mismatch })
    }

    fn advance(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.offset += bytes.len() as u64;
        self.failures = 0;
        if let Some(wanted) = self.size.filter(|wanted| self.offset > *wanted) {
            return Err(Error::Size { what: self.name(), wanted, got: self.offset });
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        Ok(())
    }

    fn step(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Error> {
        let Some(body) = &mut self.body else {
            return Err(Error::Protocol { url: self.name(), reason: "the blob failed before".to_owned() });
        };
        let broken = match body.read(buffer) {
            Ok(0) if self.size.is_none_or(|size| self.offset >= size) => {
                self.finish()?;
                return Ok(Some(0));
            }
            Ok(0) => Error::Size { what: self.name(), wanted: self.size.unwrap_or(0), got: self.offset },
            Ok(count) => {
                self.advance(&buffer[..count])?;
                return Ok(Some(count));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
            // It had its time.
            Err(source) if budget::is_expired(&source) => {
                return Err(Error::Broken { what: self.name(), at: self.offset, source });
            }
            Err(error) => Error::Broken { what: self.name(), at: self.offset, source: error },
        };
        self.resume(broken)?;
        Ok(None)
    }
}

impl Client {
    /// Open a blob as a stream that proves its size and digest at its end, and mends broken connections on its way.
    ///
    /// `size`: from the descriptor; None where nobody told.
    pub fn blob(&self, repository: &str, digest: &Digest, size: Option<u64>) -> Result<Blob, Error> {
        Blob::open(self.clone(), repository, digest, size, true)
    }

    /// The same without hashing, for a consumer that hashes what it reads anyway and compares. Size and mending as in `blob`.
    pub fn blob_unproven(&self, repository: &str, digest: &Digest, size: Option<u64>) -> Result<Blob, Error> {
        Blob::open(self.clone(), repository, digest, size, false)
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.done {
            return Ok(0);
        }
        loop {
            match self.step(buffer) {
                Ok(Some(count)) => return Ok(count),
                Ok(None) => {}
                Err(error) => {
                    self.body = None;
                    return Err(io::Error::other(error));
                }
            }
        }
    }
}

/// First byte of `Content-Range: bytes 5-9/10`.
fn range_start(answer: &Response) -> Option<u64> {
    let range = answer.header("content-range")?.trim().strip_prefix("bytes")?.trim_start();
    range.split('-').next()?.trim().parse().ok()
}
