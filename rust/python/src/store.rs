//! The store: `rust/store` with Python values.
//!
//! A record becomes a `dict` (see `store_records`). A wait for a lock that a signal ends is taken up again, unless the
//! signal's handler raises. Threads of one process may use one Store at once.

use crate::blob::Blob;
use crate::error::{Fault, Kind, detached};
use crate::store_records::{container_dict, image_dict, layer_dict, rootfs_dict};
use crate::value::{Text, from_python};
use libpod_layer as layer;
use libpod_store as store;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

impl From<store::Error> for Fault {
    fn from(error: store::Error) -> Self {
        use store::Error as E;
        let message = error.to_string();
        let kind = match error {
            E::ImageNotFound(_) => Kind::ImageNotFound,
            E::ContainerNotFound(_) => Kind::ContainerNotFound,
            E::LayerNotFound(_) | E::DataNotFound { .. } => Kind::NotFound,
            E::NameInUse { .. } | E::Exists { .. } => Kind::Exists,
            E::ImageInUse { .. } | E::LayerInUse { .. } => Kind::InUse,
            E::Ambiguous { .. } | E::Invalid(_) | E::ReadOnlyImage(_) => Kind::Invalid,
            E::Unsupported(_) => Kind::Unsupported,
            E::Interrupted { path } => {
                return Self::os(rustix::io::Errno::INTR.raw_os_error(), message, Some(path.display().to_string()));
            }
            E::Os { op, path, errno } => {
                let text = format!("{} ({op})", libpod_sys::strerror(errno.raw_os_error()));
                return Self::os(errno.raw_os_error(), text, Some(path.display().to_string()));
            }
            E::Corrupt { path, .. } => return Self::new(Kind::Corrupt, message).with_path(path.display().to_string()),
            E::Layer(error) => return Self::from(error),
            _ => Kind::Corrupt,
        };
        Self::new(kind, message)
    }
}

/// Run a store operation without the GIL. One that answers `Interrupted` had no effect, so it runs again.
fn run<T: Send>(py: Python<'_>, mut work: impl FnMut() -> store::Result<T> + Send) -> PyResult<T> {
    loop {
        match py.detach(&mut work) {
            Err(store::Error::Interrupted { .. }) => py.check_signals()?,
            answer => return Ok(answer.map_err(Fault::from)?),
        }
    }
}

/// A layer that was extracted and is not published yet. What nobody commits is deleted with this object, or by a later
/// process.
#[pyclass(frozen, module = "libpod._core")]
pub struct StagedLayer {
    staged: Mutex<Option<store::StagedLayer>>,
    applied: layer::Applied,
}

impl StagedLayer {
    fn take(&self) -> Result<store::StagedLayer, Fault> {
        let mut slot = self.staged.lock().unwrap_or_else(PoisonError::into_inner);
        slot.take().ok_or_else(|| Fault::new(Kind::Invalid, "the staged layer was committed or discarded already"))
    }

    fn put_back(&self, staged: store::StagedLayer) {
        *self.staged.lock().unwrap_or_else(PoisonError::into_inner) = Some(staged);
    }
}

#[pymethods]
impl StagedLayer {
    /// Digest of the uncompressed tar.
    #[getter]
    fn diff_id(&self) -> String {
        self.applied.diff_id.to_string()
    }

    /// Length of the uncompressed tar in bytes.
    #[getter]
    fn diff_size(&self) -> u64 {
        self.applied.diff_size
    }

    /// Digest of the blob as it was read.
    #[getter]
    fn digest(&self) -> String {
        self.applied.digest.to_string()
    }

    /// Length of the blob in bytes.
    #[getter]
    fn size(&self) -> u64 {
        self.applied.size
    }

    /// `none`, `gzip`, `bzip2`, `xz` or `zstd`.
    #[getter]
    fn compression(&self) -> &'static str {
        match self.applied.compression {
            layer::Compression::None => "none",
            layer::Compression::Bzip2 => "bzip2",
            layer::Compression::Gzip => "gzip",
            layer::Compression::Xz => "xz",
            layer::Compression::Zstd => "zstd",
        }
    }

    /// Delete what was extracted.
    fn discard(&self, py: Python<'_>) {
        let staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner).take();
        py.detach(|| drop(staged));
    }
}

/// What shall be published: staged layer, id, parent.
type Wanted<'py> = (Py<StagedLayer>, String, Option<String>);

/// Take the staged layers for the length of `work`; those it did not use go back.
fn with_additions<T: Send>(
    py: Python<'_>,
    wanted: Vec<Wanted<'_>>,
    work: impl Fn(&mut Vec<store::Addition>) -> store::Result<T> + Send + Sync,
) -> PyResult<T> {
    let mut additions = Vec::with_capacity(wanted.len());
    let mut taken = Ok(());
    for (staged, id, parent) in &wanted {
        match staged.get().take() {
            Ok(staged) => additions.push(store::Addition { staged, id: id.clone(), parent: parent.clone() }),
            Err(fault) => {
                taken = Err(fault.into());
                break;
            }
        }
    }
    let answer = taken.and_then(|()| run(py, || work(&mut additions)));
    for (addition, (staged, ..)) in additions.into_iter().zip(&wanted) {
        staged.get().put_back(addition.staged);
    }
    answer
}

/// A store of containers/storage with the overlay driver, shared with Podman, Buildah and Skopeo.
#[pyclass(frozen, module = "libpod._core")]
pub struct Store {
    inner: store::Store,
}

fn option_list<'py, T: FromPyObjectOwned<'py>>(options: &Bound<'py, PyDict>, key: &str) -> PyResult<Vec<T>> {
    match options.get_item(key)? {
        Some(list) => list.extract(),
        None => Ok(Vec::new()),
    }
}

fn option_flag(options: &Bound<'_, PyDict>, key: &str) -> PyResult<bool> {
    Ok(options.get_item(key)?.map(|flag| flag.extract()).transpose()?.unwrap_or_default())
}

#[pymethods]
impl Store {
    /// Open a store; `options` as `config/storage.py` gives them: additional_image_stores, mount_options, skip_mount_home,
    /// disable_volatile.
    #[new]
    #[pyo3(signature = (graphroot, runroot, *, options=None))]
    fn new(graphroot: PathBuf, runroot: PathBuf, options: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let mut given = store::Options { graphroot, runroot, ..store::Options::default() };
        if let Some(options) = options {
            given.additional = option_list(options, "additional_image_stores")?;
            given.mount_options = option_list(options, "mount_options")?.into_iter().map(|text: Text| text.0).collect();
            given.skip_mount_home = option_flag(options, "skip_mount_home")?;
            given.disable_volatile = option_flag(options, "disable_volatile")?;
        }
        Ok(Self { inner: store::Store::open(given).map_err(Fault::from)? })
    }

    /// Directory of images, layers and containers.
    #[getter]
    fn graphroot(&self) -> OsString {
        self.inner.graphroot().into()
    }

    /// Directory of state that is void after a reboot.
    #[getter]
    fn runroot(&self) -> OsString {
        self.inner.runroot().into()
    }

    /// All images.
    fn images<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let images = run(py, || self.inner.images())?;
        images.iter().map(|image| image_dict(py, image)).collect()
    }

    /// Records of images that could not be read, as `(file, id, reason)`, when the images were last asked for; reads nothing.
    ///
    /// The id is None where it cannot be read either.
    fn known_damage(&self) -> Vec<(String, Option<String>, String)> {
        let all = self.inner.known_damage().into_iter();
        all.map(|(path, damaged)| (path.to_string_lossy().into_owned(), damaged.id, damaged.reason)).collect()
    }

    /// One image by id, name, unique id prefix or `repository@digest`.
    ///
    /// Raises: ImageNotFoundError, InvalidError (the prefix fits several).
    fn image<'py>(&self, py: Python<'py>, name_or_id: &str) -> PyResult<Bound<'py, PyDict>> {
        image_dict(py, &run(py, || self.inner.image(name_or_id))?)
    }

    /// An item of the data of an image: `manifest`, `manifest-<digest>`, or the config under its digest.
    fn image_data<'py>(&self, py: Python<'py>, id: &str, key: &str) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &run(py, || self.inner.image_data(id, key))?))
    }

    /// Create an image record, and publish `layers` (staged, id, parent; lowest first) under the same lock, so that nobody
    /// removes a layer before the image protects it. An image with this id and layer is updated.
    ///
    /// `digests` are those of items that are not the sha256 of their bytes.
    /// Raises: NotFoundError (a layer was removed meanwhile: fetch it again), ExistsError, InvalidError.
    #[pyo3(signature = (id, *, names, layer, digest, created, metadata, data, digests=None, layers=None))]
    #[allow(clippy::too_many_arguments, reason = "the fields of a record, by keyword")]
    fn create_image<'py>(
        &self,
        py: Python<'py>,
        id: String,
        names: Vec<String>,
        layer: Option<String>,
        digest: String,
        created: Option<String>,
        metadata: Option<String>,
        data: &Bound<'py, PyDict>,
        digests: Option<&Bound<'py, PyDict>>,
        layers: Option<Vec<Wanted<'py>>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let new = store::NewImage {
            id,
            names,
            layer: layer.unwrap_or_default(),
            digest,
            created: created.unwrap_or_default(),
            metadata: metadata.unwrap_or_default(),
            data: pairs(data)?,
            digests: digests.map(pairs).transpose()?.unwrap_or_default(),
        };
        let image =
            with_additions(py, layers.unwrap_or_default(), |additions| self.inner.create_image(&new, additions))?;
        image_dict(py, &image)
    }

    /// Give an image these names as well; other images lose them.
    fn add_image_names<'py>(&self, py: Python<'py>, id: &str, names: Vec<String>) -> PyResult<Bound<'py, PyDict>> {
        image_dict(py, &run(py, || self.inner.name_image(id, store::Naming::Add, &names))?)
    }

    /// Take names away from an image.
    fn remove_image_names<'py>(&self, py: Python<'py>, id: &str, names: Vec<String>) -> PyResult<Bound<'py, PyDict>> {
        image_dict(py, &run(py, || self.inner.name_image(id, store::Naming::Remove, &names))?)
    }

    /// Remove an image and the layers that nothing else needs; return their ids, uppermost first.
    ///
    /// Raises: ImageNotFoundError, InUseError (a container needs the image).
    fn remove_image(&self, py: Python<'_>, id: &str) -> PyResult<Vec<String>> {
        run(py, || self.inner.remove_image(id))
    }

    /// All complete layers.
    fn layers<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let layers = run(py, || self.inner.layers())?;
        layers.iter().map(|layer| layer_dict(py, layer)).collect()
    }

    /// One layer by its id. Raises: NotFoundError.
    fn layer<'py>(&self, py: Python<'py>, id: &str) -> PyResult<Bound<'py, PyDict>> {
        layer_dict(py, &run(py, || self.inner.layer(id))?)
    }

    /// Layers with this diff id, or that came as a blob of this digest.
    #[pyo3(signature = (*, diff_id=None, digest=None))]
    fn find_layers<'py>(
        &self,
        py: Python<'py>,
        diff_id: Option<&str>,
        digest: Option<&str>,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let layers = run(py, || self.inner.find_layers(diff_id, digest))?;
        layers.iter().map(|layer| layer_dict(py, layer)).collect()
    }

    /// Extract a layer blob to a private place, in one pass and without a lock; many threads may do so at once.
    ///
    /// `inline`: one thread does it all, best where as many layers as cores are staged at once.
    /// Raises: CorruptError, UnsafePathError, UnsupportedError, OSError; then nothing is left.
    #[pyo3(signature = (blob, *, inline=false))]
    fn stage_layer(&self, py: Python<'_>, blob: &Blob, inline: bool) -> PyResult<StagedLayer> {
        let source = blob.take()?;
        let threads = if inline { layer::Threads::Inline } else { layer::Threads::Auto };
        let staged = detached(py, || self.inner.stage_layer(source, threads))?;
        Ok(StagedLayer { applied: staged.applied().clone(), staged: Mutex::new(Some(staged)) })
    }

    /// The uncompressed tar of a layer, byte for byte where its tar-split is kept.
    fn layer_tar(&self, py: Python<'_>, id: &str) -> PyResult<Blob> {
        Ok(Blob::new(run(py, || self.inner.layer_tar(id))?))
    }

    /// Bytes in the files of a layer's own content; of a container's layer, what the container wrote.
    fn content_size(&self, py: Python<'_>, layer: &str) -> PyResult<u64> {
        run(py, || self.inner.content_size(layer))
    }

    /// All containers, those of other tools included.
    fn containers<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let containers = run(py, || self.inner.containers())?;
        containers.iter().map(|container| container_dict(py, container)).collect()
    }

    /// Create a container: its layer on `layer_parent`, its directories, its record. An empty id stands for a random one.
    ///
    /// files: name → content of files in the engine's directory of the container, there before the record is.
    /// Raises: ExistsError (name or id), ImageNotFoundError, NotFoundError (the layer).
    #[pyo3(signature = (id, *, names, image, layer_parent, metadata, flags=None, files=None))]
    #[allow(clippy::too_many_arguments, reason = "the fields of a record, by keyword")]
    fn create_container<'py>(
        &self,
        py: Python<'py>,
        id: String,
        names: Vec<String>,
        image: Option<String>,
        layer_parent: Option<String>,
        metadata: String,
        flags: Option<&Bound<'py, PyDict>>,
        files: Option<HashMap<String, Vec<u8>>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let files = files.unwrap_or_default().into_iter().collect();
        let flags = match flags.map(|flags| from_python(flags)).transpose()? {
            Some(Value::Object(flags)) => flags,
            _ => Map::new(),
        };
        let image = image.unwrap_or_default();
        let layer_parent = layer_parent.filter(|parent| !parent.is_empty());
        let new = store::NewContainer { id, names, image, layer_parent, metadata, flags, files };
        container_dict(py, &run(py, || self.inner.create_container(&new))?)
    }

    /// Remove a container with its layer and directories, in whatever state they are.
    fn remove_container(&self, py: Python<'_>, id: &str) -> PyResult<()> {
        run(py, || self.inner.remove_container(id))
    }

    /// Replace the names of a container. Raises: ExistsError.
    fn set_container_names<'py>(&self, py: Python<'py>, id: &str, names: Vec<String>) -> PyResult<Bound<'py, PyDict>> {
        container_dict(py, &run(py, || self.inner.set_container_names(id, &names))?)
    }

    /// What a container's root is mounted from: `lower` (uppermost first), `upper`, `work`, `options`.
    fn rootfs<'py>(&self, py: Python<'py>, container_id: &str) -> PyResult<Bound<'py, PyDict>> {
        rootfs_dict(py, run(py, || self.inner.rootfs(container_id))?)
    }

    /// Let a container's root be mounted again, now that nothing has it mounted.
    fn allow_remount(&self, py: Python<'_>, container_id: &str) -> PyResult<()> {
        run(py, || self.inner.allow_remount(container_id))
    }

    /// Mount a container's root on the host, or count one more user of that mount; return where.
    fn mount_container(&self, py: Python<'_>, id: &str) -> PyResult<OsString> {
        Ok(run(py, || self.inner.mount_container(id))?.into())
    }

    /// Mount a read-only view of an image on the host, or count one more user; return where.
    fn mount_image(&self, py: Python<'_>, id: &str) -> PyResult<OsString> {
        Ok(run(py, || self.inner.mount_image(id))?.into())
    }

    /// Give back one use of the mount, or all with `force`; return whether it is still mounted.
    #[pyo3(signature = (id, *, force=false))]
    fn unmount_container(&self, py: Python<'_>, id: &str, force: bool) -> PyResult<bool> {
        run(py, || self.inner.unmount_container(id, force))
    }

    /// Give back one use of the mount, or all with `force`; return whether it is still mounted.
    #[pyo3(signature = (id, *, force=false))]
    fn unmount_image(&self, py: Python<'_>, id: &str, force: bool) -> PyResult<bool> {
        run(py, || self.inner.unmount_image(id, force))
    }

    /// Where a layer is mounted on the host and by how many users, or None.
    fn mount_of(&self, py: Python<'_>, layer: &str) -> PyResult<Option<(OsString, u32)>> {
        Ok(run(py, || self.inner.mount_of(layer))?.map(|(path, users)| (path.into(), users)))
    }

    /// Take back the bind mount of the overlay directory on itself when nobody counts a mount below it.
    fn release_home(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || self.inner.release_home())
    }

    /// What is wrong with the store, one sentence each; `contents` also rebuilds and proves the tar of every layer.
    #[pyo3(signature = (*, contents=false))]
    fn check(&self, py: Python<'_>, contents: bool) -> PyResult<Vec<String>> {
        run(py, || self.inner.check(contents))
    }
}

fn pairs<'py, T: FromPyObjectOwned<'py>>(dict: &Bound<'py, PyDict>) -> PyResult<Vec<(String, T)>> {
    dict.iter().map(|(key, value)| Ok((key.extract()?, value.extract().map_err(Into::into)?))).collect()
}

/// Id of an image layer on `parent` (None for a base layer), as containers/image derives it.
#[pyfunction]
#[pyo3(signature = (parent, diff_id))]
fn layer_id(parent: Option<&str>, diff_id: &str) -> PyResult<String> {
    let diff_id = diff_id.parse::<layer::Digest>().map_err(Fault::from)?;
    Ok(store::layer_id(parent, &diff_id))
}

/// 64 random hex digits: the id of a container.
#[pyfunction]
fn random_id() -> String {
    store::random_id()
}

/// Export this module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Store>()?;
    module.add_class::<StagedLayer>()?;
    module.add_function(wrap_pyfunction!(layer_id, module)?)?;
    module.add_function(wrap_pyfunction!(random_id, module)?)?;
    Ok(())
}
