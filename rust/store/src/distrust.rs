//! A store whose records, links and mounts are damaged or lie: nothing outside is touched, nothing sound is hidden.

use crate::testing::{Scratch, container_of, edit, id_of, image_of, new_image, store, with_another};
use crate::{Error, Naming, NewContainer, Store};
use serde_json::{Value, json};

/// Change the record of one image in images.json.
fn damage(store: &Store, letter: char, member: &str, value: Value) {
    let id = letter.to_string().repeat(64);
    edit(&store.images_directory().join("images.json"), |all| {
        all.iter_mut().find(|record| record["id"] == id.as_str()).expect("the record")[member] = value;
    });
}

fn ids(store: &Store) -> String {
    store.images().expect("images").iter().filter_map(|image| image.id.chars().next()).collect()
}

#[test]
fn a_damaged_image_hides_no_other_and_stays_as_it_is() {
    for (member, value) in [
        ("names", json!([5])),
        ("created", json!("yesterday")),
        ("created", json!(7)),
        ("digest", json!("sha256:short")),
        ("big-data-digests", json!({"manifest": 5})),
        ("layer", json!(["x"])),
    ] {
        let scratch = Scratch::new();
        let store = store(scratch.path());
        for letter in ['a', 'b', 'c'] {
            image_of(&store, letter, &[&format!("{letter}:1")], &["one", &letter.to_string()]);
        }
        damage(&store, 'b', member, value.clone());
        let table = || std::fs::read_to_string(store.images_directory().join("images.json")).expect("read");
        let record: Vec<Value> = serde_json::from_str(&table()).expect("a table");
        assert_eq!(ids(&store), "ac", "{member}");
        let (path, found) = store.known_damage().pop().expect("it is told");
        assert!(path.ends_with("images.json"));
        assert_eq!(found.id, Some("b".repeat(64)));
        assert!(found.reason.contains(value.as_str().unwrap_or("")), "{}", found.reason);
        assert!(matches!(store.image("b:1"), Err(Error::ImageNotFound(_))));
        // Writers keep it, and its layers with it.
        store.name_image(&"a".repeat(64), Naming::Add, &["new:1".into()]).expect("name");
        let removed = store.remove_image(&"c".repeat(64)).expect("remove");
        assert_eq!(removed.len(), 1, "the lowest layer is needed");
        assert!(table().contains(&record[1].to_string()), "{member}");
        assert_eq!(ids(&store), "a");
        // It is removed by its id, with the layers that it alone needs.
        store.remove_image(&"b".repeat(64)).expect("remove the damaged one");
        assert_eq!((ids(&store).as_str(), store.known_damage().len()), ("a", 0));
        let kept = if member == "layer" { 3 } else { 2 };
        assert_eq!(store.layers().expect("layers").len(), kept, "{member}");
    }
}

#[test]
fn an_image_that_comes_again_takes_the_place_of_its_damaged_record() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    image_of(&store, 'a', &["a:1"], &["one"]);
    damage(&store, 'a', "created", json!("yesterday"));
    assert_eq!(ids(&store), "");
    image_of(&store, 'a', &["a:1"], &["one"]);
    assert_eq!((ids(&store).as_str(), store.known_damage().len()), ("a", 0));
    assert_eq!(store.image("a:1").expect("found").id, "a".repeat(64));
}

#[test]
fn a_record_whose_id_is_none_is_left_aside_too() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    image_of(&store, 'a', &["a:1"], &["one"]);
    for id in ["", "..", "../overlay", "/etc"] {
        damage(&store, 'a', "id", json!(id));
        assert_eq!(ids(&store), "");
        let (_, found) = store.known_damage().pop().expect("it is told");
        assert_eq!((found.id, found.reason), (None, format!("`{id}` is not an ID")));
        edit(&store.images_directory().join("images.json"), |all| all[0]["id"] = json!("a".repeat(64)));
    }
    assert_eq!(ids(&store), "a");
}

#[test]
fn a_container_whose_layer_leads_elsewhere_takes_nothing_with_it() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let image = image_of(&store, 'a', &[], &["one"]);
    for layer in ["", ".", "..", "../overlay-images", "l"] {
        let container = container_of(&store, &image, "box");
        edit(&scratch.path().join("root/overlay-containers/containers.json"), |list| list[0]["layer"] = json!(layer));
        store.remove_container(&container.id).expect("remove");
        assert!(store.containers().expect("containers").is_empty());
        assert_eq!(store.image(&image.id).expect("image"), image);
        store.layer_tar(&image.layer).expect("the image's layer is untouched");
    }
    assert!(store.tree.home().join("l").is_dir());
}

#[test]
fn a_path_in_the_place_of_an_id_is_refused_and_nothing_there_is_touched() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let image = image_of(&store, 'a', &[], &["one"]);
    let victim = scratch.path().join("victim");
    for name in ["diff", "work", "work/work/incompat/volatile", "merged", "empty"] {
        std::fs::create_dir_all(victim.join(name)).expect("mkdir");
    }
    std::fs::write(victim.join("diff/file"), "kept").expect("write");
    std::fs::write(victim.join("link"), "ABC").expect("write");
    let before = crate::file::list(&victim).expect("list");
    for layer in ["../../victim", victim.to_str().expect("text"), "", ".", "..", "l", &"A".repeat(64)] {
        let container = container_of(&store, &image, "box");
        edit(&scratch.path().join("root/overlay-containers/containers.json"), |list| list[0]["layer"] = json!(layer));
        let is_corrupt = |answer: Result<(), Error>| {
            let error = answer.expect_err(layer);
            assert!(matches!(&error, Error::Corrupt { path, .. } if path.ends_with("containers.json")), "{error}");
            assert!(
                error.to_string().contains(&format!("{}: its layer `{layer}` is not an ID", container.id)),
                "{error}"
            );
        };
        is_corrupt(store.rootfs(&container.id).map(drop));
        is_corrupt(store.mount_container(&container.id).map(drop));
        is_corrupt(store.unmount_container(&container.id, true).map(drop));
        for answer in [
            store.content_size(layer).map(drop),
            store.diff_tar(layer).map(drop),
            store.layer_tar(layer).map(drop),
            store.mount_of(layer).map(drop),
        ] {
            assert!(matches!(answer, Err(Error::Invalid(_) | Error::LayerNotFound(_))), "{layer}: {answer:?}");
        }
        let on_it = NewContainer { layer_parent: Some(layer.to_owned()), ..NewContainer::default() };
        assert!(store.create_container(&on_it).is_err(), "{layer}");
        assert!(store.check(false).expect("check").iter().any(|finding| finding.contains("is not an ID")), "{layer}");
        store.remove_container(&container.id).expect("remove");
    }
    assert_eq!(crate::file::list(&victim).expect("list"), before);
    assert!(victim.join("diff/file").exists() && victim.join("work/work/incompat/volatile").exists());
}

#[test]
fn an_image_whose_layer_is_a_path_is_refused_and_can_be_removed() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let victim = scratch.path().join("victim");
    for path in ["../../victim", victim.to_str().expect("text"), ".."] {
        image_of(&store, 'a', &[], &["one"]);
        std::fs::create_dir_all(victim.join("diff")).expect("mkdir");
        edit(&scratch.path().join("root/overlay-images/images.json"), |list| {
            list[0]["layer"] = json!(path);
            list[0]["mapped-layers"] = json!([path]);
        });
        let id = "a".repeat(64);
        assert!(matches!(store.image_rootfs(&id), Err(Error::Invalid(_))));
        assert!(matches!(store.mount_image(&id), Err(Error::Invalid(_))));
        assert!(matches!(store.unmount_image(&id, true), Err(Error::Invalid(_))));
        store.remove_image(&id).expect("remove");
        assert!(victim.join("diff").exists());
        let new = new_image('b', &[], path);
        assert!(matches!(store.create_image(&new, &mut Vec::new()), Err(Error::Invalid(_))));
    }
}

#[test]
fn a_short_link_that_leads_elsewhere_is_not_mounted() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let image = image_of(&store, 'a', &[], &["one", "two"]);
    let container = container_of(&store, &image, "box");
    let top = id_of(&image.layer);
    let below = store.layer(&top).expect("top").parent;
    let link = store.tree.home().join("l").join(store.tree.link_of(&top).expect("link"));
    for target in ["/etc", "../../../victim", &format!("../{below}/diff"), "../x/diff", &format!("../{top}/work")] {
        std::fs::remove_file(&link).expect("remove");
        std::os::unix::fs::symlink(target, &link).expect("symlink");
        assert!(matches!(store.image_rootfs(&image.id), Err(Error::Corrupt { .. })), "{target}");
        assert!(matches!(store.rootfs(&container.id), Err(Error::Corrupt { .. })), "{target}");
        assert!(store.check(false).expect("check").iter().any(|finding| finding.contains("leads to")), "{target}");
    }
    store.remove_container(&container.id).expect("remove");
    store.remove_image(&image.id).expect("remove");
}

#[test]
fn a_layer_with_the_link_of_another_takes_nothing_of_it_away() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let (kept, going) = (image_of(&store, 'a', &[], &["one"]), image_of(&store, 'b', &[], &["two"]));
    let (kept_layer, going_layer) = (id_of(&kept.layer), id_of(&going.layer));
    let link = store.tree.link_of(&kept_layer).expect("link");
    std::fs::write(store.tree.directory(&going_layer).join("link"), &link).expect("write");
    store.remove_image(&going.id).expect("remove");
    assert_eq!(store.tree.link_target(&link).expect("link"), Some(kept_layer));
    assert_eq!(store.check(true).expect("check"), Vec::<String>::new());
}

#[test]
fn a_key_of_another_store_that_leads_elsewhere_is_refused() {
    let scratch = Scratch::new();
    let (store, _) = with_another(&scratch);
    edit(&scratch.path().join("other/root/overlay-images/images.json"), |list| {
        list[0]["big-data-names"] = json!(["../"]);
    });
    let id = "a".repeat(64);
    assert!(matches!(store.name_image(&id, Naming::Add, &["localhost/mine:latest".into()]), Err(Error::Invalid(_))));
    assert!(matches!(store.image_data(&id, "../"), Err(Error::Invalid(_))));
}

#[test]
fn a_counted_mount_at_another_place_is_not_believed() {
    let scratch = Scratch::new();
    let store = store(scratch.path());
    let image = image_of(&store, 'a', &[], &["one"]);
    let path = scratch.path().join("run/overlay-layers/mountpoints.json");
    std::fs::create_dir_all(path.parent().expect("parent")).expect("mkdir");
    std::fs::write(&path, json!([{"id": image.layer, "path": "/proc", "count": 1}]).to_string()).expect("write");
    assert_eq!(store.mount_of(&image.layer).expect("read"), None);
}
