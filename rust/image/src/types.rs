//! The types of Go by which Podman, Buildah and Skopeo read the documents, as tables.
//!
//! An image's config is read by the types of Docker and by those of OCI, one after the other, and an index by those of a
//! manifest too: a table is the union, and what one of them refuses is refused.

use crate::document::Kind;

/// A type of Go. `null` is its zero value everywhere.
#[derive(Debug)]
pub enum Type {
    /// `string`
    Text,
    /// `bool`
    Flag,
    /// `int`, `int64`, `time.Duration`
    Integer,
    /// `time.Time`
    Time,
    /// `json.RawMessage`: only its name matters here
    Any,
    /// `[]byte`: base64
    Bytes,
    /// `struct{}`: any object
    Empty,
    /// `strslice.StrSlice`: a text, or a list of texts
    Words,
    /// A slice.
    List(&'static Type),
    /// A map from texts.
    Map(&'static Type),
    /// A structure; members that it does not have are passed over.
    Object(&'static [Field]),
}

/// A member of a structure, by its name in JSON.
pub type Field = (&'static str, Type);

/// The type of a whole document.
pub fn of(kind: Kind) -> &'static Type {
    match kind {
        Kind::Config => &IMAGE,
        Kind::Manifest | Kind::Layout => &MANIFEST,
        Kind::Archive => &ARCHIVE,
    }
}

const TEXTS: Type = Type::List(&Type::Text);
const SET: Type = Type::Map(&Type::Empty);
const TEXT_MAP: Type = Type::Map(&Type::Text);

static IMAGE: Type = Type::Object(&[
    ("id", Type::Text),
    ("parent", Type::Text),
    ("comment", Type::Text),
    ("created", Type::Time),
    ("container", Type::Text),
    ("container_config", CONTAINER),
    ("docker_version", Type::Text),
    ("author", Type::Text),
    ("config", CONTAINER),
    ("architecture", Type::Text),
    ("variant", Type::Text),
    ("os", Type::Text),
    ("os.version", Type::Text),
    ("os.features", TEXTS),
    ("Size", Type::Integer),
    ("rootfs", Type::Object(&[("type", Type::Text), ("diff_ids", TEXTS)])),
    ("history", Type::List(&HISTORY)),
]);

static HISTORY: Type = Type::Object(&[
    ("created", Type::Time),
    ("author", Type::Text),
    ("created_by", Type::Text),
    ("comment", Type::Text),
    ("empty_layer", Type::Flag),
]);

const CONTAINER: Type = Type::Object(&[
    ("Hostname", Type::Text),
    ("Domainname", Type::Text),
    ("User", Type::Text),
    ("AttachStdin", Type::Flag),
    ("AttachStdout", Type::Flag),
    ("AttachStderr", Type::Flag),
    ("ExposedPorts", SET),
    ("Tty", Type::Flag),
    ("OpenStdin", Type::Flag),
    ("StdinOnce", Type::Flag),
    ("Env", TEXTS),
    // Docker's type takes a text, too, and OCI's does not.
    ("Cmd", TEXTS),
    ("Entrypoint", TEXTS),
    ("Healthcheck", HEALTHCHECK),
    ("ArgsEscaped", Type::Flag),
    ("Image", Type::Text),
    ("Volumes", SET),
    ("WorkingDir", Type::Text),
    ("NetworkDisabled", Type::Flag),
    ("MacAddress", Type::Text),
    ("OnBuild", TEXTS),
    ("Labels", TEXT_MAP),
    ("StopSignal", Type::Text),
    ("StopTimeout", Type::Integer),
    ("Shell", Type::Words),
    // Members that Docker had before 1.10, and that its readers of old images still have.
    ("Memory", Type::Integer),
    ("MemorySwap", Type::Integer),
    ("CpuShares", Type::Integer),
    ("Cpuset", Type::Text),
]);

const HEALTHCHECK: Type = Type::Object(&[
    ("Test", TEXTS),
    ("Interval", Type::Integer),
    ("Timeout", Type::Integer),
    ("StartPeriod", Type::Integer),
    ("StartInterval", Type::Integer),
    ("Retries", Type::Integer),
]);

static MANIFEST: Type = Type::Object(&[
    ("schemaVersion", Type::Integer),
    ("mediaType", Type::Text),
    ("artifactType", Type::Text),
    ("config", DESCRIPTOR),
    ("layers", Type::List(&DESCRIPTOR)),
    ("manifests", Type::List(&DESCRIPTOR)),
    ("subject", DESCRIPTOR),
    ("annotations", TEXT_MAP),
    // Of Docker's schema 1, which is told by them.
    ("fsLayers", Type::Any),
    ("history", Type::Any),
]);

const DESCRIPTOR: Type = Type::Object(&[
    ("mediaType", Type::Text),
    ("digest", Type::Text),
    ("size", Type::Integer),
    ("urls", TEXTS),
    ("annotations", TEXT_MAP),
    ("data", Type::Bytes),
    ("platform", PLATFORM),
    ("artifactType", Type::Text),
]);

const PLATFORM: Type = Type::Object(&[
    ("architecture", Type::Text),
    ("os", Type::Text),
    ("os.version", Type::Text),
    ("os.features", TEXTS),
    ("variant", Type::Text),
    ("features", TEXTS),
]);

static ARCHIVE: Type = Type::List(&ARCHIVE_ITEM);

static ARCHIVE_ITEM: Type = Type::Object(&[
    ("Config", Type::Text),
    ("RepoTags", TEXTS),
    ("Layers", TEXTS),
    ("Parent", Type::Text),
    ("LayerSources", Type::Map(&DESCRIPTOR)),
]);
