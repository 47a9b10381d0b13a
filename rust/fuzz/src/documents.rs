//! Documents: of a launch, of seccomp, of the OCI runtime, of an image.

use libpod_monitor::document::{Exec, Launch};
use libpod_runtime::seccomp::{Program, compile, profile::LinuxSeccomp, resolve};
use libpod_runtime::spec::Spec;

/// Read an image's document of each kind. What is read is in the form that Go gives it: read again it stays the same.
pub fn image(data: &[u8]) {
    use libpod_image::{Kind, read};
    for kind in [Kind::Config, Kind::Manifest, Kind::Layout, Kind::Archive] {
        let Ok(value) = read(data, kind, None) else { continue };
        let text = serde_json::to_vec(&value).expect("plain data");
        assert_eq!(read(&text, kind, None).expect("what was read can be read"), value);
    }
}

/// Read a launch document, of a container or of one more process.
pub fn launch(data: &[u8]) {
    let _ = Launch::parse(data);
    let _ = Exec::parse(data);
}

/// Read a profile in either format and compile it; a filter survives being written to the cache and read back.
pub fn seccomp(data: &[u8]) {
    let capabilities = ["CAP_SYS_ADMIN".to_owned()];
    for profile in [libpod_json::from_slice::<LinuxSeccomp>(data).ok(), resolve(data, &capabilities).ok()] {
        let Some(program) = profile.and_then(|profile| compile(&profile).ok()) else { continue };
        let bytes = program.as_bytes();
        let again = Program::from_bytes(&bytes).expect("what was written can be read");
        assert_eq!(again.as_bytes(), bytes);
    }
}

/// Read a runtime specification; written and read again it is the same.
pub fn spec(data: &[u8]) {
    let Ok(spec) = libpod_json::from_slice::<Spec>(data) else { return };
    let text = serde_json::to_vec(&spec).expect("plain data");
    let again: Spec = serde_json::from_slice(&text).expect("what was written can be read");
    assert_eq!(serde_json::to_vec(&again).expect("plain data"), text);
}
