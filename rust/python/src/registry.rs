//! Registries: `libpod-registry` as one class. Every method that talks to the network runs without the GIL.

use crate::blob::Blob;
use crate::error::{Fault, Kind, detached};
use libpod_registry::{Client, Credentials, Digest, Mounted, OnRetry, Options};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// One registry. Threads may share it: they share its connections and tokens.
#[pyclass(frozen, module = "libpod._core")]
struct RegistryClient {
    client: Client,
}

/// Hands `(message, attempt, attempts, pause in seconds)` to a callable of Python, whose own errors count for nothing.
fn teller(callable: Py<PyAny>) -> OnRetry {
    OnRetry(Arc::new(move |error, retry| {
        Python::attach(|py| {
            let _ = callable.call1(py, (error.to_string(), retry.attempt, retry.attempts, retry.pause.as_secs_f64()));
        });
    }))
}

#[pymethods]
impl RegistryClient {
    /// Prepare to talk to `registry` (host or host:port); nothing is sent yet.
    ///
    /// retry_delay_s: pause before a repetition. patience_s: all that one request may take, and how long a transfer may stand
    /// still. on_retry: called with `(message, attempt, attempts, pause_s)` before each pause.
    #[new]
    #[pyo3(signature = (registry, *, insecure=false, certificates=None, username=None, password=None, identity_token=None,
                        registry_token=None, push=false, retries=3, retry_delay_s=1.0, patience_s=None, on_retry=None))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments of a Python constructor")]
    fn new(
        registry: &str,
        insecure: bool,
        certificates: Option<PathBuf>,
        username: Option<OsString>,
        password: Option<OsString>,
        identity_token: Option<String>,
        registry_token: Option<String>,
        push: bool,
        retries: u32,
        retry_delay_s: f64,
        patience_s: Option<f64>,
        on_retry: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let credentials = match (registry_token, identity_token, username) {
            (Some(token), _, _) => Credentials::RegistryToken(token),
            (None, Some(token), _) => Credentials::IdentityToken(token),
            (None, None, Some(username)) => Credentials::Password {
                username: username.into_vec(),
                password: password.unwrap_or_default().into_vec(),
            },
            (None, None, None) => Credentials::Anonymous,
        };
        let seconds = |name: &str, number: f64| {
            Duration::try_from_secs_f64(number)
                .map_err(|_| Fault::new(Kind::Invalid, format!("{name} must be a number of seconds")))
        };
        let defaults = Options::new(registry);
        let options = Options {
            insecure,
            certificates,
            credentials,
            push,
            retries,
            retry_delay: seconds("retry_delay_s", retry_delay_s)?,
            patience: patience_s.map_or(Ok(defaults.patience), |number| seconds("patience_s", number))?,
            on_retry: on_retry.map(teller),
            ..defaults
        };
        Ok(Self { client: Client::new(options).map_err(Fault::from)? })
    }

    /// Reach the registry; return the URL that answered.
    fn ping(&self, py: Python<'_>) -> PyResult<String> {
        Ok(detached(py, || self.client.ping())?.to_string())
    }

    /// Prove that the credentials are accepted; DeniedError otherwise.
    fn check_credentials(&self, py: Python<'_>) -> PyResult<()> {
        Ok(detached(py, || self.client.check_credentials())?)
    }

    /// Fetch a manifest by tag or digest: its raw bytes, proven, their media type and their digest.
    fn manifest<'py>(
        &self,
        py: Python<'py>,
        repository: &str,
        reference: &str,
        accept: Vec<String>,
    ) -> PyResult<(Bound<'py, PyBytes>, String, String)> {
        let accept: Vec<&str> = accept.iter().map(String::as_str).collect();
        let manifest = detached(py, || self.client.manifest(repository, reference, &accept))?;
        Ok((PyBytes::new(py, &manifest.bytes), manifest.media_type, manifest.digest.to_string()))
    }

    /// Open a blob. Its size and digest are proven at its end; with `proven=False` the digest is left to a consumer that
    /// hashes anyway and compares.
    #[pyo3(signature = (repository, digest, size=None, *, proven=true))]
    fn open_blob(
        &self,
        py: Python<'_>,
        repository: &str,
        digest: &str,
        size: Option<u64>,
        proven: bool,
    ) -> PyResult<Blob> {
        let blob = detached(py, || {
            let digest: Digest = digest.parse()?;
            if proven {
                self.client.blob(repository, &digest, size)
            } else {
                self.client.blob_unproven(repository, &digest, size)
            }
        })?;
        Ok(Blob::new(Box::new(blob)))
    }

    /// Size of a blob that the registry has, or None.
    fn blob_size(&self, py: Python<'_>, repository: &str, digest: &str) -> PyResult<Option<u64>> {
        Ok(detached(py, || self.client.blob_size(repository, &digest.parse()?))?)
    }

    /// Take a blob over from repository `source` of the same registry; False where the registry did not.
    fn mount(&self, py: Python<'_>, repository: &str, digest: &str, source: &str) -> PyResult<bool> {
        Ok(detached(py, || self.client.mount(repository, &digest.parse()?, source))? == Mounted::Yes)
    }

    /// Send a blob; return its digest and size, which are compared with `digest` and `size` where given.
    #[pyo3(signature = (repository, blob, *, digest=None, size=None))]
    fn upload(
        &self,
        py: Python<'_>,
        repository: &str,
        blob: &Blob,
        digest: Option<&str>,
        size: Option<u64>,
    ) -> PyResult<(String, u64)> {
        let mut source = blob.take()?;
        let uploaded = detached(py, || {
            let digest = digest.map(str::parse::<Digest>).transpose()?;
            self.client.upload(repository, &mut source, digest.as_ref(), size)
        })?;
        Ok((uploaded.digest.to_string(), uploaded.size))
    }

    /// Send a manifest under a tag or digest; return its digest.
    fn put_manifest(
        &self,
        py: Python<'_>,
        repository: &str,
        reference: &str,
        data: &[u8],
        media_type: &str,
    ) -> PyResult<String> {
        Ok(detached(py, || self.client.put_manifest(repository, reference, data, media_type))?.to_string())
    }

    /// All tags of a repository.
    fn tags(&self, py: Python<'_>, repository: &str) -> PyResult<Vec<String>> {
        Ok(detached(py, || self.client.tags(repository))?)
    }
}

/// Export this module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<RegistryClient>()
}
