//! What a process leaves that dies between any two steps of a change, and how the next one clears it.
//!
//! Each test runs itself again as a child that is killed at step N, for every N until the child survives.

use crate::Store;
use crate::testing::{CRASH_AT, Scratch, container_of, image_of, store};
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
            assert!(store.tree.diff(&layer.id).is_dir(), "step {step}: layer {} has no content", layer.id);
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
    let prepare = |store: &Store| {
        create_an_image(store);
        create_a_container(store);
    };
    crash_everywhere("removing_a_container", prepare, |store| {
        let container = store.container("box").expect("container");
        store.remove_container(&container.id).expect("remove");
    });
}
