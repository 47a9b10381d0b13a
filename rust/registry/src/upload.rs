//! Bringing blobs and manifests into a registry.
//!
//! A blob is sent as one stream whose digest is computed on the way, so its compression need not be finished first. What fails
//! in the middle is cancelled at the registry. Upload URLs on another host are used without credentials.

use crate::http::{Headers, Method, Payload, Response};
use crate::{Client, Digest, Error, Hasher, Url, budget};
use std::io::{self, Read};

/// Giving an upload up is a courtesy, and takes no longer than this.
const CANCEL_TIME: std::time::Duration = std::time::Duration::from_secs(5);

/// A blob that the registry has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Answer to the wish for a blob of another repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mounted {
    /// It is there now.
    Yes,
    /// The registry did not, or may not: send it.
    No,
}

impl Client {
    /// Size of a blob that the registry has, or None.
    pub fn blob_size(&self, repository: &str, digest: &Digest) -> Result<Option<u64>, Error> {
        let url = self.url(repository, &format!("blobs/{digest}"))?;
        match self.call(Method::Head, url, &self.scopes(repository), &Headers::new(), Payload::None) {
            Ok(answer) => Ok(answer.length()),
            Err(Error::Status(failure)) if failure.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Take a blob over from another repository of the same registry, without its bytes.
    pub fn mount(&self, repository: &str, digest: &Digest, from: &str) -> Result<Mounted, Error> {
        let url = self.url(repository, "blobs/uploads/")?;
        let url = url.with_query("mount", digest.to_string())?.with_query("from", from)?;
        let mut scopes = self.scopes(repository);
        scopes.push(format!("repository:{from}:pull"));
        let answer = match self.call(Method::Post, url, &scopes, &Headers::new(), Payload::None) {
            Ok(answer) => answer,
            // A registry may refuse the wish in any way; sending the blob will show whether it refuses us too.
            Err(Error::Status(_) | Error::Credentials(_)) => return Ok(Mounted::No),
            Err(error) => return Err(error),
        };
        if answer.status() == 201 {
            return Ok(Mounted::Yes);
        }
        // 202: an upload was opened instead. It is not needed.
        if let Ok(location) = self.location(&answer) {
            self.cancel(repository, location);
        }
        Ok(Mounted::No)
    }

    /// Send a blob. `digest` and `size` are compared with what `source` gave, where the caller knows them.
    pub fn upload(
        &self,
        repository: &str,
        source: &mut dyn Read,
        digest: Option<&Digest>,
        size: Option<u64>,
    ) -> Result<Uploaded, Error> {
        let url = self.url(repository, "blobs/uploads/")?;
        let scopes = self.scopes(repository);
        let opened = self.call(Method::Post, url, &scopes, &Headers::new(), Payload::None)?;
        let location = self.location(&opened)?;
        drop(opened);
        let hasher = digest.map_or_else(Hasher::default, |digest| Hasher::new(digest.algorithm()));
        let mut source = Hashed { inner: source, hasher, failure: None };
        let sent = self.send_blob(repository, location.clone(), &mut source, size);
        if let Some(failure) = source.failure {
            self.cancel(repository, location);
            return Err(Error::Source(failure));
        }
        let next = sent.inspect_err(|_| self.cancel(repository, location))?;
        let (got, length) = source.hasher.finish();
        let uploaded = Uploaded { digest: got, size: length };
        if let Err(error) = check(&uploaded, digest, size) {
            self.cancel(repository, next);
            return Err(error);
        }
        self.commit(repository, next, &uploaded)?;
        Ok(uploaded)
    }

    /// Send the bytes; returns where to commit them.
    fn send_blob(&self, repository: &str, location: Url, source: &mut Hashed, size: Option<u64>) -> Result<Url, Error> {
        let headers = vec![("content-type", "application/octet-stream".to_owned())];
        let payload = Payload::Stream(source, size);
        let answer = self.call(Method::Patch, location, &self.scopes(repository), &headers, payload)?;
        self.location(&answer)
    }

    fn commit(&self, repository: &str, location: Url, blob: &Uploaded) -> Result<(), Error> {
        let url = location.with_query("digest", blob.digest.to_string())?;
        let headers = vec![("content-type", "application/octet-stream".to_owned())];
        let scopes = self.scopes(repository);
        match self.within(|| self.exchange(Method::Put, url, &scopes, &headers, &mut Payload::None)) {
            Ok(_) => Ok(()),
            // The answer was lost, not necessarily the blob.
            Err(error @ Error::Connect { temporary: true, .. }) => match self.blob_size(repository, &blob.digest) {
                Ok(Some(size)) if size == blob.size => Ok(()),
                _ => Err(error),
            },
            Err(error) => {
                self.cancel(repository, location);
                Err(error)
            }
        }
    }

    /// Give an upload up. Best effort: registries forget uploads by themselves, and the first error is the one to report.
    fn cancel(&self, repository: &str, location: Url) {
        let scopes = self.scopes(repository);
        let _ = budget::within(CANCEL_TIME, || {
            self.exchange(Method::Delete, location, &scopes, &Headers::new(), &mut Payload::None)
        });
    }

    /// Send a manifest under a tag or digest.
    pub fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        bytes: &[u8],
        media_type: &str,
    ) -> Result<Digest, Error> {
        let url = self.url(repository, &format!("manifests/{reference}"))?;
        let headers = vec![("content-type", media_type.to_owned())];
        let digest = if reference.contains(':') {
            let wanted: Digest = reference.parse()?;
            let what = format!("manifest {reference}");
            wanted.check(bytes).map_err(|mismatch| Error::Digest { what, mismatch })?;
            wanted
        } else {
            Digest::of(bytes)
        };
        self.call(Method::Put, url, &self.scopes(repository), &headers, Payload::Bytes(bytes))?;
        Ok(digest)
    }

    /// Where an upload continues.
    fn location(&self, answer: &Response) -> Result<Url, Error> {
        let url = answer.url();
        let location = answer
            .header("location")
            .ok_or_else(|| Error::Protocol { url: url.redacted(), reason: "no location to upload to".to_owned() })?;
        let to = url.join(location)?;
        if url.is_https() && !to.is_https() {
            // Registries behind a TLS proxy that they do not know of name themselves by `http`.
            let same_host = to.host() == url.host();
            if same_host && (to.port() == url.port() || to.port() == 80) {
                return url.join(
                    location.trim().splitn(4, '/').nth(3).map_or("/".to_owned(), |path| format!("/{path}")).as_str(),
                );
            }
            if !self.is_insecure() {
                return Err(Error::Redirect { from: url.redacted(), to: to.redacted(), reason: "it leaves TLS" });
            }
        }
        Ok(to)
    }
}

fn check(got: &Uploaded, digest: Option<&Digest>, size: Option<u64>) -> Result<(), Error> {
    let what = || "the blob to upload".to_owned();
    if let Some(wanted) = size.filter(|wanted| *wanted != got.size) {
        return Err(Error::Size { what: what(), wanted, got: got.size });
    }
    let wanted = digest.copied().unwrap_or(got.digest);
    wanted.compare(got.digest).map_err(|mismatch| Error::Digest { what: what(), mismatch })
}

/// A source that is hashed and counted as it flows, and that keeps its own failure apart from the connection's.
struct Hashed<'a> {
    inner: &'a mut dyn Read,
    hasher: Hasher,
    failure: Option<io::Error>,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(count) => {
                // What was read before is on its way, and the source's own time is not the registry's.
                budget::renew();
                self.hasher.update(&buffer[..count]);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let shown = io::Error::new(error.kind(), "the source failed");
                self.failure = Some(error);
                Err(shown)
            }
        }
    }
}
