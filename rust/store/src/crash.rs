//! What a process leaves that dies between any two steps of a change, and how the next one clears it.
//!
//! Each test runs itself again as a child that is killed at step N, for every N until the child survives.

use crate::testing::{CRASH_AT, Scratch, container_of, id_of, image_of, store};
use crate::{Error, Store};
use std::path::Path;
use std::process::Command;

const DIRECTORY: &str = "LIBPOD_STORE_CRASH_DIRECTORY";

/// Run `name` of this module in a child that dies at `step`; `false` when it came to its end.
fn dies(name: &str, directory: &Path, step: u32) -> bool {
    let status = Command::new(std::env::current_exe().expect("this test program"))
        .args(["--exact", &format!("crash::{name}"), "--quiet"])
        .env(CRASH_AT, step.to_string())
        .env(DIRECTORY, directory)
        .stdout(std::process::Stdio::null())
        .status()
        .expect("run the child");
    assert!(status.success() || status.code().is_none(), "the child failed instead of dying, at step {step}");
    !status.success()
}

/// Kill `change` at every step; after each, readers must see a whole store, and the next writer must clear the rest.
fn crash_everywhere(name: &str, prepare: impl Fn(&Store), change: impl Fn(&Store)) {
    if let Ok(directory) = std::env::var(DIRECTORY) {
        change(&store(Path::new(&directory)));
        return;
    }
    let mut step = 1;
    loop {
        let scratch = Scratch::new();
        prepare(&store(scratch.path()));
        let died = dies(name, scratch.path(), step);
        listed_things_are_whole(&store(scratch.path()), step);
        let after = store(scratch.path());
        let image = image_of(&after, 'e', &["localhost/next:latest"], &["next"]);
        after.remove_container(&container_of(&after, &image, "next").id).expect("the store can be written");
        no_layer_is_unused(&after, step);
        assert_eq!(after.check(true).expect("check"), Vec::<String>::new(), "after step {step}");
        let staging = crate::file::list(&after.staging_root()).expect("list");
        assert_eq!(staging, Vec::<String>::new(), "after step {step} nothing staged is left");
        assert_eq!(temporaries(&after), Vec::<String>::new(), "after step {step} no half-written table is left");
        everything_can_be_removed(&after);
        if !died {
            break;
        }
        step += 1;
    }
    assert!(step > 4, "{name} has too few steps to prove anything");
}

fn listed_things_are_whole(store: &Store, step: u32) {
    for image in store.images().expect("images") {
        for (key, _) in &image.big_data_digests {
            store.image_data(&image.id, key).expect("data");
        }
        let mut next = image.layer;
        while !next.is_empty() {
            let layer = store.layer(&next).unwrap_or_else(|error| panic!("step {step}: {error}"));
            assert!(store.tree.diff(&id_of(&layer.id)).is_dir(), "step {step}: layer {} has no content", layer.id);
            next = layer.parent;
        }
    }
}

fn no_layer_is_unused(store: &Store, step: u32) {
    let containers = store.containers().expect("containers");
    let mut used: Vec<String> = containers.into_iter().map(|container| container.layer).collect();
    used.extend(store.images().expect("images").into_iter().map(|image| image.layer));
    let layers = store.layers().expect("layers");
    used.extend(layers.iter().map(|layer| layer.parent.clone()));
    for layer in layers {
        assert!(used.contains(&layer.id), "after step {step} nothing needs layer {}", layer.id);
    }
}

fn temporaries(store: &Store) -> Vec<String> {
    let directories = [store.layers_directory(), store.images_directory(), store.containers_directory()];
    let names = directories.iter().flat_map(|directory| crate::file::list(directory).expect("list"));
    names.filter(|name| name.starts_with(".tmp-")).collect()
}

fn is_unknown<T: std::fmt::Debug>(answer: crate::Result<T>) -> bool {
    matches!(answer, Err(Error::ContainerNotFound(_) | Error::ImageNotFound(_)))
}

fn everything_can_be_removed(store: &Store) {
    for container in store.containers().expect("containers") {
        store.remove_container(&container.id).expect("remove the container");
    }
    for image in store.images().expect("images") {
        store.remove_image(&image.id).expect("remove the image");
    }
    assert_eq!(store.check(true).expect("check"), Vec::<String>::new());
}

fn nothing(_: &Store) {}

fn an_image_and_a_container(store: &Store) {
    create_an_image(store);
    create_a_container(store);
}

fn create_an_image(store: &Store) {
    image_of(store, 'a', &["localhost/a:latest"], &["one", "two"]);
}

fn create_a_container(store: &Store) {
    let image = store.image("localhost/a:latest").expect("image");
    container_of(store, &image, "box");
}

#[test]
fn creating_an_image() {
    crash_everywhere("creating_an_image", nothing, create_an_image);
}

#[test]
fn removing_an_image() {
    crash_everywhere("removing_an_image", create_an_image, |store| {
        let image = store.image("localhost/a:latest").expect("image");
        store.remove_image(&image.id).expect("remove");
    });
}

#[test]
fn creating_a_container() {
    crash_everywhere("creating_a_container", create_an_image, create_a_container);
}

#[test]
fn removing_a_container() {
    crash_everywhere("removing_a_container", an_image_and_a_container, |store| {
        let container = store.container("box").expect("container");
        store.remove_container(&container.id).expect("remove");
    });
}

/// Kill the test `name` at every step, and let `look` judge what the next process, the first to write, finds.
fn after_every_step(name: &str, prepare: impl Fn(&Store), look: impl Fn(&Store, u32)) {
    for step in 1.. {
        let scratch = Scratch::new();
        prepare(&store(scratch.path()));
        let died = dies(name, scratch.path(), step);
        look(&store(scratch.path()), step);
        if !died {
            return;
        }
    }
}

#[test]
fn whoever_sees_a_container_can_remove_it() {
    for name in ["removing_a_container", "creating_a_container"] {
        let prepare = if name.starts_with("rem") { an_image_and_a_container } else { create_an_image };
        after_every_step(name, prepare, |store, step| {
            let Ok(seen) = store.container("box") else { return };
            assert!(store.layer(&seen.layer).is_ok(), "{name}, step {step}: it is listed without its layer");
            store.remove_container(&seen.id).unwrap_or_else(|error| panic!("{name}, step {step}: {error}"));
            assert!(is_unknown(store.remove_container(&seen.id)), "{name}, step {step}: it is gone by then");
        });
    }
}

#[test]
fn a_removal_that_another_tool_left_half_done_is_no_error() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    an_image_and_a_container(&store);
    let seen = store.container("box").expect("container");
    // As where we die before the first write and another tool, which takes the layer first, dies after it.
    let entry = store.pending_directory().join(format!("container-{}-{}", seen.id, seen.layer));
    std::fs::write(&entry, "").expect("write");
    let mut layers = store.layers.write().expect("lock");
    layers.remove(std::slice::from_ref(&seen.layer));
    layers.save().expect("save");
    drop(layers);
    assert_eq!(store.containers().expect("containers").len(), 1, "it is listed");
    store.remove_container(&seen.id).expect("it was there when this began");
    assert!(is_unknown(store.remove_container(&seen.id)));
    assert!(is_unknown(store.remove_container(&"f".repeat(64))), "this one never was");
    assert_eq!(store.check(true).expect("check"), Vec::<String>::new());
}

#[test]
fn whoever_sees_an_image_can_remove_it() {
    for name in ["removing_an_image", "creating_an_image"] {
        let prepare = if name.starts_with("rem") { create_an_image } else { nothing };
        after_every_step(name, prepare, |store, step| {
            let Ok(seen) = store.image("localhost/a:latest") else { return };
            store.remove_image(&seen.id).unwrap_or_else(|error| panic!("{name}, step {step}: {error}"));
            assert!(is_unknown(store.remove_image(&seen.id)), "{name}, step {step}: it is gone by then");
        });
    }
}

/// Let this process find the disk full until it has deleted something.
fn on_a_full_disk(store: &Store, change: impl Fn(&Store)) {
    store.prepare().expect("the directories");
    crate::testing::fill_disk();
    change(store);
    assert!(crate::testing::was_freed(), "nothing had to be deleted: this proves nothing");
}

fn remove_a_container_on_a_full_disk(store: &Store) {
    let container = store.container("box").expect("container");
    on_a_full_disk(store, |store| store.remove_container(&container.id).expect("remove"));
}

fn remove_an_image_on_a_full_disk(store: &Store) {
    let image = store.image("localhost/a:latest").expect("image");
    on_a_full_disk(store, |store| drop(store.remove_image(&image.id).expect("remove")));
}

/// On a full disk data go before the records that list them; whatever a crash leaves, the next writer sees to the end.
fn crash_on_a_full_disk(name: &str, prepare: impl Fn(&Store), change: impl Fn(&Store)) {
    if let Ok(directory) = std::env::var(DIRECTORY) {
        return change(&store(Path::new(&directory)));
    }
    after_every_step(name, prepare, |store, step| {
        let image = image_of(store, 'e', &["localhost/next:latest"], &["next"]);
        store.remove_container(&container_of(store, &image, "next").id).expect("the store can be written");
        no_layer_is_unused(store, step);
        listed_things_are_whole(store, step);
        assert_eq!(store.check(true).expect("check"), Vec::<String>::new(), "after step {step}");
        for directory in [store.staging_root(), store.pending_directory()] {
            assert_eq!(crate::file::list(&directory).expect("list"), Vec::<String>::new(), "after step {step}");
        }
        everything_can_be_removed(store);
    });
}

#[test]
fn removing_a_container_on_a_full_disk() {
    crash_on_a_full_disk(
        "removing_a_container_on_a_full_disk",
        an_image_and_a_container,
        remove_a_container_on_a_full_disk,
    );
}

#[test]
fn removing_an_image_on_a_full_disk() {
    crash_on_a_full_disk("removing_an_image_on_a_full_disk", create_an_image, remove_an_image_on_a_full_disk);
}

#[test]
fn mounting_a_container() {
    let change = |store: &Store| {
        let seen = store.container("box").expect("container");
        store.mount_container(&seen.id).expect("mount");
        store.unmount_container(&seen.id, false).expect("unmount");
        store.release_home().expect("release");
    };
    if let Ok(directory) = std::env::var(DIRECTORY) {
        change(&store(Path::new(&directory)));
        return;
    }
    if !crate::layers::is_privileged() {
        return;
    }
    after_every_step("mounting_a_container", an_image_and_a_container, |store, step| {
        let seen = store.container("box").expect("container");
        store.remove_container(&seen.id).unwrap_or_else(|error| panic!("step {step}: {error}"));
        store.release_home().expect("release");
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("mounts");
        let ours = store.graphroot().to_string_lossy();
        assert!(!mounts.contains(&*ours), "step {step}: something is still mounted");
        let staging = crate::file::list(&store.staging_root()).expect("list");
        assert_eq!(staging, Vec::<String>::new(), "step {step}: nothing staged is left");
        assert_eq!(store.check(true).expect("check"), Vec::<String>::new(), "step {step}");
    });
}
