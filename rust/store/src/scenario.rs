//! Images, layers and containers together, as an engine uses them.

use crate::testing::{Scratch, additions, container_of, edit, id_of, image_of, new_image, store, with_another};
use crate::{Error, Naming, NewContainer, layer_id};
use serde_json::{Value, json};

#[test]
fn a_store_that_does_not_exist_is_empty_and_stays_absent() {
    let scratch = Scratch::new();
    let store = store(&scratch.path().join("none"));
    assert!(store.images().expect("images").is_empty() && store.containers().expect("containers").is_empty());
    assert_eq!(store.check(true).expect("check"), Vec::<String>::new());
    assert!(!scratch.path().join("none").exists());
}

#[test]
fn an_image_of_several_layers_is_whole_and_found_by_every_name() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let image = image_of(&store, 'a', &["localhost/a:latest"], &["one", "two", "three"]);
    assert_eq!(store.check(true).expect("check"), Vec::<String>::new());
    for name in ["localhost/a:latest", &"a".repeat(64), "aaaa", &format!("localhost/a@sha256:{}", "a".repeat(64))] {
        assert_eq!(store.image(name).expect(name).id, image.id);
    }
    for name in ["localhost/a", "other", &format!("localhost/b@sha256:{}", "a".repeat(64))] {
        assert!(matches!(store.image(name), Err(Error::ImageNotFound(_))), "{name}");
    }
    let top = store.layer(&image.layer).expect("top");
    assert_eq!(top.id, layer_id(Some(&top.parent), &top.diff_digest.parse().expect("a digest")));
    assert_eq!(store.find_layers(Some(&top.diff_digest), None).expect("by diff id"), std::slice::from_ref(&top));
    assert_eq!(store.find_layers(None, Some(&top.compressed_diff_digest)).expect("by digest"), [top]);
}

#[test]
fn a_layer_that_is_there_is_not_stored_again() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    image_of(&store, 'a', &[], &["one", "two"]);
    let before = store.layers().expect("layers");
    image_of(&store, 'b', &[], &["one", "two"]);
    assert_eq!(store.layers().expect("layers"), before);
    let removed = store.remove_image(&"a".repeat(64)).expect("remove");
    assert_eq!(removed, Vec::<String>::new(), "the other image still needs both");
    assert_eq!(store.remove_image(&"b".repeat(64)).expect("remove").len(), 2);
    assert!(store.layers().expect("layers").is_empty());
    assert_eq!(store.check(false).expect("check"), Vec::<String>::new());
}

#[test]
fn a_layer_on_a_missing_parent_is_refused_and_leaves_nothing() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let mut additions = additions(&store, &["one"]);
    additions[0].parent = Some("b".repeat(64));
    let new = new_image('a', &[], &additions[0].id);
    assert!(matches!(store.create_image(&new, &mut additions), Err(Error::LayerNotFound(_))));
    assert!(store.layers().expect("layers").is_empty());
    assert_eq!(crate::file::list(&store.staging_root()).expect("list"), Vec::<String>::new());
}

#[test]
fn a_staged_layer_that_is_dropped_leaves_nothing() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    drop(additions(&store, &["one", "two"]));
    assert_eq!(crate::file::list(&store.staging_root()).expect("list"), Vec::<String>::new());
    assert!(store.layers().expect("layers").is_empty());
}

#[test]
fn an_image_on_a_layer_that_vanished_is_refused() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let new = new_image('a', &[], &"b".repeat(64));
    assert!(matches!(store.create_image(&new, &mut Vec::new()), Err(Error::LayerNotFound(_))));
    assert!(store.images().expect("images").is_empty());
}

#[test]
fn a_malformed_digest_never_reaches_the_table() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let mut new = new_image('a', &[], "");
    new.digest = "sha256:short".to_owned();
    assert!(matches!(store.create_image(&new, &mut Vec::new()), Err(Error::Invalid(_))));
    new = new_image('a', &[], "");
    new.data.push(("..".to_owned(), Vec::new()));
    assert!(matches!(store.create_image(&new, &mut Vec::new()), Err(Error::Invalid(_))));
}

#[test]
fn a_date_that_is_none_never_reaches_the_table() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let mut new = new_image('a', &[], "");
    for created in ["yesterday", "2024-02-30T00:00:00Z", "2024-01-02T00:00:00z"] {
        new.created = created.to_owned();
        assert!(matches!(store.create_image(&new, &mut Vec::new()), Err(Error::Invalid(_))), "{created}");
    }
    assert!(store.images().expect("images").is_empty());
}

#[test]
fn names_move_and_the_history_remembers() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let (a, b) = ("a".repeat(64), "b".repeat(64));
    image_of(&store, 'a', &["x:1", "y:1"], &["one"]);
    image_of(&store, 'b', &["x:1"], &["one"]);
    assert_eq!(store.image(&a).expect("a").names, ["y:1"]);
    store.name_image(&a, Naming::Add, &["x:1".into(), "x:1".into(), "z:1".into()]).expect("add");
    assert_eq!(store.image(&b).expect("b").names, Vec::<String>::new());
    store.name_image(&a, Naming::Remove, &["y:1".into()]).expect("remove");
    let image = store.image(&a).expect("a");
    assert_eq!(image.names, ["x:1", "z:1"]);
    assert_eq!(image.names_history[..2], ["z:1", "x:1"]);
    store.name_image(&a, Naming::Remove, &image.names).expect("remove");
    assert!(store.image(&a).expect("a").names.is_empty());
}

#[test]
fn a_container_protects_its_image_and_its_layers() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let image = image_of(&store, 'a', &["localhost/a:latest"], &["one"]);
    let container = container_of(&store, &image, "box");
    assert!(matches!(store.remove_image(&image.id), Err(Error::ImageInUse { .. })));
    for name in ["box", &container.id, &container.id[..12]] {
        assert_eq!(store.container(name).expect(name), container);
    }
    let rootfs = store.rootfs(&container.id).expect("rootfs");
    assert_eq!(std::fs::read(rootfs.lower[0].join("one")).expect("the image's file"), b"one");
    assert!(rootfs.upper.is_some_and(|upper| upper.is_dir()) && rootfs.work.is_some_and(|work| work.is_dir()));
    assert!(store.container_directory(&id_of(&container.id)).is_dir());
    assert!(store.container_run_directory(&id_of(&container.id)).is_dir());
    store.remove_container(&container.id).expect("remove");
    assert!(!store.container_directory(&id_of(&container.id)).exists());
    assert!(matches!(store.remove_container(&container.id), Err(Error::ContainerNotFound(_))));
    store.remove_image(&image.id).expect("nobody needs it now");
    assert_eq!(store.check(true).expect("check"), Vec::<String>::new());
}

#[test]
fn files_of_a_container_are_there_with_its_record_and_gone_with_a_refused_one() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let files = vec![("container.json".to_owned(), b"{}".to_vec())];
    let new = NewContainer { names: vec!["box".into()], files, ..NewContainer::default() };
    let container = store.create_container(&new).expect("create");
    let directory = store.container_directory(&id_of(&container.id));
    assert_eq!(std::fs::read(directory.join("container.json")).expect("the file"), b"{}");
    assert!(store.create_container(&new).is_err(), "the name is taken");
    let all = std::fs::read_dir(directory.parent().and_then(|own| own.parent()).expect("parents")).expect("list");
    assert_eq!(all.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir())).count(), 1);
    store.remove_container(&container.id).expect("remove");
    assert!(!directory.exists());
}

fn volatile_container_of(store: &crate::Store, image: &crate::Image) -> crate::Container {
    let new = NewContainer {
        image: image.id.clone(),
        layer_parent: Some(image.layer.clone()),
        flags: serde_json::Map::from_iter([("Volatile".to_owned(), Value::Bool(true))]),
        ..NewContainer::default()
    };
    store.create_container(&new).expect("create")
}

fn is_recorded(store: &crate::Store, container: &crate::Container, file: &str) -> bool {
    let path = store.graphroot().join("overlay-containers").join(file);
    std::fs::read_to_string(path).is_ok_and(|text| text.contains(&container.id))
}

#[test]
fn a_volatile_container_is_recorded_where_an_old_tool_sees_it() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let image = image_of(&store, 'a', &[], &["one"]);
    for (file, expected) in [("userns.lock", "containers.json"), ("db.sql", "volatile-containers.json")] {
        std::fs::write(store.graphroot().join(file), "").expect("what a tool leaves");
        let container = volatile_container_of(&store, &image);
        assert!(is_recorded(&store, &container, expected), "with {file}");
        store.remove_container(&container.id).expect("remove");
    }
}

#[test]
fn a_volatile_container_is_recorded_apart_and_protects_its_image() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let image = image_of(&store, 'a', &[], &["one"]);
    let container = volatile_container_of(&store, &image);
    let recorded = |name: &str| is_recorded(&store, &container, name);
    assert!(recorded("volatile-containers.json") && !recorded("containers.json"));
    assert!(matches!(store.remove_image(&image.id), Err(Error::ImageInUse { .. })));
    let rootfs = store.rootfs(&container.id).expect("rootfs");
    assert!(rootfs.options.contains(&"volatile".to_owned()));
    // The kernel's mark of a mount: asking for the root leaves it, for a mount may be there.
    let mark = rootfs.work.expect("it has one").join("work/incompat/volatile");
    std::fs::create_dir_all(&mark).expect("marks");
    store.rootfs(&container.id).expect("rootfs");
    assert!(mark.is_dir());
    store.allow_remount(&container.id).expect("unmarks");
    assert!(!mark.exists());
    store.remove_container(&container.id).expect("remove");
    assert!(!recorded("volatile-containers.json"));
    store.remove_image(&image.id).expect("nobody needs it now");
    assert_eq!(store.check(true).expect("check"), Vec::<String>::new());
}

#[test]
fn a_container_name_is_taken_once() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let image = image_of(&store, 'a', &[], &["one"]);
    let container = container_of(&store, &image, "box");
    let again = NewContainer { names: vec!["box".into()], ..NewContainer::default() };
    assert!(matches!(store.create_container(&again), Err(Error::NameInUse { id, .. }) if id == container.id));
    let same = NewContainer { id: container.id.clone(), ..NewContainer::default() };
    assert!(matches!(store.create_container(&same), Err(Error::Exists { .. })));
    let other = container_of(&store, &image, "crate");
    assert!(matches!(store.set_container_names(&other.id, &["box".into()]), Err(Error::NameInUse { .. })));
    store.set_container_names(&container.id, &["chest".into()]).expect("rename");
    store.set_container_names(&other.id, &["box".into()]).expect("the name is free now");
    assert_eq!(store.layers().expect("layers").len(), 3, "what was refused left no layer");
    assert_eq!(store.check(true).expect("check"), Vec::<String>::new());
}

#[test]
fn fields_and_files_of_other_versions_survive() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let image = image_of(&store, 'a', &["x:1"], &["one"]);
    let root = scratch.path().join("root");
    edit(&root.join("overlay-images/images.json"), |list| list[0]["future"] = json!({"deep": [1, null]}));
    edit(&root.join("overlay-layers/layers.json"), |list| list[0]["flags"] = json!({"future": "yes"}));
    let volatile = json!([{"id": "c".repeat(64), "created": "2024-01-01T00:00:00Z", "future": 1}]);
    let volatile_path = root.join("overlay-layers/volatile-layers.json");
    std::fs::write(&volatile_path, volatile.to_string()).expect("write");
    store.name_image(&image.id, Naming::Add, &["y:1".into()]).expect("rename");
    let container = container_of(&store, &image, "box");
    let images = std::fs::read_to_string(root.join("overlay-images/images.json")).expect("read");
    assert!(images.contains(r#""future":{"deep":[1,null]}"#), "{images}");
    let layers = std::fs::read_to_string(root.join("overlay-layers/layers.json")).expect("read");
    assert!(layers.contains(r#""flags":{"future":"yes"}"#) && !layers.contains(&"c".repeat(64)), "{layers}");
    assert_eq!(std::fs::read_to_string(volatile_path).expect("read"), volatile.to_string());
    store.remove_container(&container.id).expect("remove");
}

#[test]
fn volatile_containers_of_other_tools_protect_images_too() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let image = image_of(&store, 'a', &[], &["one"]);
    let container = json!([{"id": "c".repeat(64), "image": image.id, "layer": "d".repeat(64)}]);
    let path = scratch.path().join("root/overlay-containers/volatile-containers.json");
    std::fs::write(path, container.to_string()).expect("write");
    assert!(matches!(store.remove_image(&image.id), Err(Error::ImageInUse { .. })));
}

#[test]
fn an_incomplete_layer_is_invisible_and_the_next_writer_removes_it() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let image = image_of(&store, 'a', &[], &["one"]);
    let other = image_of(&store, 'b', &[], &["two"]);
    let two = store.layers().expect("layers").into_iter().find(|layer| layer.id != image.layer).expect("two");
    edit(&scratch.path().join("root/overlay-layers/layers.json"), |list| {
        for record in list.iter_mut().filter(|record| record["id"] == two.id) {
            record["flags"] = json!({"incomplete": true});
        }
    });
    edit(&scratch.path().join("root/overlay-images/images.json"), |list| {
        list.retain(|record| record["id"] != other.id)
    });
    assert!(matches!(store.layer(&two.id), Err(Error::LayerNotFound(_))));
    assert_eq!(store.layers().expect("layers").len(), 1);
    container_of(&store, &image, "box");
    assert!(!store.tree.directory(&id_of(&two.id)).exists());
    assert_eq!(store.check(true).expect("check"), Vec::<String>::new());
}

#[test]
fn stores_of_other_kinds_are_refused() {
    let scratch = Scratch::new();
    let options = || crate::Options {
        graphroot: scratch.path().join("root"),
        runroot: scratch.path().join("run"),
        ..crate::Options::default()
    };
    std::fs::create_dir_all(scratch.path().join("root/vfs-images")).expect("mkdir");
    assert!(matches!(crate::Store::open(options()), Err(Error::Unsupported(_))));
    std::fs::create_dir_all(scratch.path().join("root/overlay")).expect("mkdir");
    crate::Store::open(options()).expect("an overlay tree beside it decides");
    std::fs::write(scratch.path().join("root/overlay/.has-mount-program"), "true").expect("write");
    assert!(matches!(crate::Store::open(options()), Err(Error::Unsupported(_))));
    let relative = crate::Options { graphroot: "root".into(), ..options() };
    assert!(matches!(crate::Store::open(relative), Err(Error::Invalid(_))));
}

#[test]
fn check_finds_what_is_wrong() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let image = image_of(&store, 'a', &[], &["one", "two"]);
    let top = id_of(&image.layer);
    let lower = id_of(&store.layer(&top).expect("top").parent);
    let tree = &store.tree;
    let finds = |text: &str| {
        let findings = store.check(true).expect("check");
        assert!(findings.iter().any(|finding| finding.contains(text)), "{text}: {findings:?}");
    };
    std::fs::write(tree.diff(&lower).join("one"), b"eno").expect("same size, other content");
    finds(&lower);
    std::fs::create_dir(tree.directory(&id_of(&"f".repeat(64)))).expect("mkdir");
    finds("no layer record");
    std::fs::remove_file(tree.home().join("l").join(tree.link_of(&top).expect("link"))).expect("remove");
    finds("short link");
    std::fs::remove_file(scratch.path().join("root/overlay-images").join(&image.id).join("manifest")).expect("remove");
    finds("has no data `manifest`");
    std::fs::remove_dir_all(tree.diff(&top)).expect("remove");
    finds("`diff` is missing");
}

#[test]
fn sizes_count_what_is_there() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let image = image_of(&store, 'a', &[], &["one", "two"]);
    let container = container_of(&store, &image, "box");
    assert_eq!(store.content_size(&container.layer).expect("size"), 0);
    let upper = store.rootfs(&container.id).expect("rootfs").upper.expect("upper");
    std::fs::create_dir(upper.join("d")).expect("mkdir");
    std::fs::write(upper.join("d/x"), [0; 1000]).expect("write");
    std::fs::hard_link(upper.join("d/x"), upper.join("y")).expect("link");
    std::os::unix::fs::symlink("/etc", upper.join("z")).expect("symlink");
    assert_eq!(store.content_size(&container.layer).expect("size"), 1000);
}

#[test]
fn an_additional_store_is_read_and_stays_as_it_is() {
    let scratch = Scratch::new();
    let (store, other) = with_another(&scratch);
    let before = other.images().expect("images");
    let image = store.image("localhost/shared:latest").expect("found");
    assert!(image.read_only && store.layers().expect("layers").iter().all(|layer| layer.read_only));
    assert_eq!(store.image_data(&image.id, "manifest").expect("data"), b"manifest");
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut store.layer_tar(&image.layer).expect("tar"), &mut tar).expect("read");
    assert_eq!(tar, crate::testing::tar_of("two", b"two"));
    assert!(matches!(store.remove_image(&image.id), Err(Error::ReadOnlyImage(_))));
    let container = container_of(&store, &image, "box");
    let rootfs = store.rootfs(&container.id).expect("rootfs");
    assert_eq!(std::fs::read(rootfs.lower[1].join("one")).expect("a lower of the other store"), b"one");
    assert_eq!(store.check(true).expect("check"), Vec::<String>::new());
    store.remove_container(&container.id).expect("remove");
    assert_eq!(other.images().expect("images"), before);
    assert_eq!(other.check(true).expect("check"), Vec::<String>::new());
}

#[test]
fn layers_stand_on_those_of_an_additional_store() {
    let scratch = Scratch::new();
    let (store, other) = with_another(&scratch);
    let image = image_of(&store, 'b', &["localhost/own:latest"], &["one", "two", "three"]);
    let own: Vec<_> = store.layers().expect("layers").into_iter().filter(|layer| !layer.read_only).collect();
    assert_eq!(own.iter().map(|layer| &layer.id).collect::<Vec<_>>(), [&image.layer], "only the third is new");
    assert_eq!(store.image_rootfs(&image.id).expect("rootfs").lower.len(), 3);
    assert_eq!(store.check(true).expect("check"), Vec::<String>::new());
    assert_eq!(store.remove_image(&image.id).expect("remove"), [image.layer]);
    assert_eq!(other.check(true).expect("check"), Vec::<String>::new());
}

#[test]
fn naming_an_image_of_an_additional_store_copies_its_record() {
    let scratch = Scratch::new();
    let (store, other) = with_another(&scratch);
    let id = "a".repeat(64);
    store.name_image(&id, Naming::Add, &["localhost/mine:latest".into()]).expect("name");
    let image = store.image("localhost/mine:latest").expect("found");
    assert!(!image.read_only && image.id == id);
    assert_eq!(store.images().expect("images").len(), 2, "listed once for each store");
    assert_eq!(other.images().expect("images")[0].names, ["localhost/shared:latest"]);
    assert_eq!(store.check(true).expect("check"), Vec::<String>::new());
    assert_eq!(store.remove_image(&id).expect("remove"), Vec::<String>::new());
    assert!(store.image(&id).expect("still there").read_only);
}
