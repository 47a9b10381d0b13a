//! The extension module `libpod._core`: conversion, GIL release, exceptions, and nothing else.
//!
//! Each module below exports the face of one crate; its `register` adds what it exports. The classes of errors are written
//! in `libpod/errors.py` and raised through [`error`] alone.
#![forbid(unsafe_code)]

use pyo3::prelude::*;

mod account;
mod blob;
mod document;
mod error;
mod file;
mod layer;
mod network;
mod registry;
mod runtime;
mod session;
mod store;
mod store_records;
mod value;

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    account::register(module)?;
    blob::register(module)?;
    document::register(module)?;
    file::register(module)?;
    layer::register(module)?;
    network::register(module)?;
    registry::register(module)?;
    session::register(module)?;
    store::register(module)?;
    value::register(module)?;
    Ok(())
}
