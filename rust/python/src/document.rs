//! The documents of an image, read by the types of Go.

use crate::error::{Fault, Kind};
use crate::value::to_python;
use libpod_digest::Digest;
use libpod_image as image;
use pyo3::prelude::*;

impl From<image::Error> for Fault {
    fn from(error: image::Error) -> Self {
        let kind = if matches!(error, image::Error::Digest { .. }) { Kind::Corrupt } else { Kind::Invalid };
        Self::new(kind, error.to_string())
    }
}

/// Read an image's document of `kind` "config", "manifest" (also an index), "layout" (`index.json`) or "archive"
/// (`manifest.json` of a docker-archive) from its raw bytes.
///
/// With `digest`, the bytes are proven first. Raises: CorruptError, InvalidError naming the member.
#[pyfunction]
#[pyo3(signature = (raw, kind, digest=None))]
fn read_document<'py>(py: Python<'py>, raw: &[u8], kind: &str, digest: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
    let kind = match kind {
        "config" => image::Kind::Config,
        "manifest" => image::Kind::Manifest,
        "layout" => image::Kind::Layout,
        "archive" => image::Kind::Archive,
        _ => return Err(Fault::new(Kind::Invalid, format!("`{kind}` is no kind of document")).into()),
    };
    let digest = digest.map(str::parse::<Digest>).transpose().map_err(Fault::from)?;
    to_python(py, &image::read(raw, kind, digest.as_ref()).map_err(Fault::from)?)
}

/// Export this module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(read_document, module)?)?;
    Ok(())
}
