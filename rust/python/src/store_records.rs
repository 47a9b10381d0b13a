//! Records of the store as Python dicts: the keys of the JSON tables, every key of its kind present.
//!
//! `read-only` says that it stands in an additional store. An absent text is empty, an absent number is 0; an id mapping is
//! a list of (container id, host id, size).

use crate::value::to_python;
use libpod_store::{Container, IdRange, Image, Layer, Rootfs};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use serde_json::{Map, Value};
use std::path::PathBuf;

fn object<'py>(py: Python<'py>, members: &Map<String, Value>) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in members {
        dict.set_item(key, to_python(py, value)?)?;
    }
    Ok(dict)
}

fn mapping<'py>(py: Python<'py>, ranges: &[IdRange]) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, ranges.iter().map(|range| (range.container_id, range.host_id, range.size)))
}

fn text(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}

/// A layer.
pub fn layer_dict<'py>(py: Python<'py>, layer: &Layer) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("id", &layer.id)?;
    dict.set_item("names", &layer.names)?;
    dict.set_item("parent", &layer.parent)?;
    dict.set_item("metadata", &layer.metadata)?;
    dict.set_item("created", &layer.created)?;
    dict.set_item("compressed-diff-digest", &layer.compressed_diff_digest)?;
    dict.set_item("compressed-size", layer.compressed_size)?;
    dict.set_item("diff-digest", &layer.diff_digest)?;
    dict.set_item("diff-size", layer.diff_size)?;
    dict.set_item("toc-digest", &layer.toc_digest)?;
    dict.set_item("compression", layer.compression)?;
    dict.set_item("uidset", &layer.uid_set)?;
    dict.set_item("gidset", &layer.gid_set)?;
    dict.set_item("flags", object(py, &layer.flags)?)?;
    dict.set_item("uidmap", mapping(py, &layer.uid_map)?)?;
    dict.set_item("gidmap", mapping(py, &layer.gid_map)?)?;
    dict.set_item("big-data-names", &layer.big_data_names)?;
    dict.set_item("read-only", layer.read_only)?;
    Ok(dict)
}

/// An image; `digests` are those of all its manifests.
pub fn image_dict<'py>(py: Python<'py>, image: &Image) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("id", &image.id)?;
    dict.set_item("digest", &image.digest)?;
    dict.set_item("digests", image.digests())?;
    dict.set_item("names", &image.names)?;
    dict.set_item("names-history", &image.names_history)?;
    dict.set_item("layer", &image.layer)?;
    dict.set_item("mapped-layers", &image.mapped_layers)?;
    dict.set_item("metadata", &image.metadata)?;
    dict.set_item("big-data-names", &image.big_data_names)?;
    dict.set_item("big-data-sizes", object(py, &image.big_data_sizes)?)?;
    dict.set_item("big-data-digests", object(py, &image.big_data_digests)?)?;
    dict.set_item("created", &image.created)?;
    dict.set_item("read-only", image.read_only)?;
    dict.set_item("flags", object(py, &image.flags)?)?;
    Ok(dict)
}

/// A container.
pub fn container_dict<'py>(py: Python<'py>, container: &Container) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("id", &container.id)?;
    dict.set_item("names", &container.names)?;
    dict.set_item("image", &container.image)?;
    dict.set_item("layer", &container.layer)?;
    dict.set_item("metadata", &container.metadata)?;
    dict.set_item("created", &container.created)?;
    dict.set_item("big-data-names", &container.big_data_names)?;
    dict.set_item("uidmap", mapping(py, &container.uid_map)?)?;
    dict.set_item("gidmap", mapping(py, &container.gid_map)?)?;
    dict.set_item("flags", object(py, &container.flags)?)?;
    Ok(dict)
}

/// The directories of a root filesystem.
pub fn rootfs_dict(py: Python<'_>, rootfs: Rootfs) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("lower", rootfs.lower.into_iter().map(text).collect::<Vec<_>>())?;
    dict.set_item("upper", rootfs.upper.map(text))?;
    dict.set_item("work", rootfs.work.map(text))?;
    dict.set_item("options", rootfs.options)?;
    Ok(dict)
}
