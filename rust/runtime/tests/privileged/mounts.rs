//! Mounts: kinds, flags, propagation, masks, overlays, and the same with mount(2) alone.

use crate::Test;
use crate::bench::Bench;
use libpod_runtime::mounting::Mounter;
use libpod_runtime::{RootChange, Rootfs};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

pub const TESTS: &[Test] = &[
    ("masked_paths_show_nothing", masked_paths_show_nothing),
    ("readonly_paths_and_root_cannot_be_written", readonly_paths_and_root_cannot_be_written),
    ("binds_make_their_places_and_keep_flags", binds_make_their_places_and_keep_flags),
    ("recursive_readonly_reaches_every_mount_below", recursive_readonly_reaches_every_mount_below),
    ("a_source_hidden_by_a_mount_is_still_found", a_source_hidden_by_a_mount_is_still_found),
    ("a_tmpfs_can_start_with_a_copy", a_tmpfs_can_start_with_a_copy),
    ("a_tmpfs_has_the_mode_of_what_it_hides", a_tmpfs_has_the_mode_of_what_it_hides),
    ("the_root_is_changed_before_anything_is_mounted", the_root_is_changed_before_anything_is_mounted),
    ("propagation_is_as_asked", propagation_is_as_asked),
    ("a_shared_bind_reaches_the_host_and_nothing_else_does", a_shared_bind_reaches_the_host_and_nothing_else_does),
    ("cgroups_are_shown_read_only", cgroups_are_shown_read_only),
    ("a_cgroup_namespace_starts_at_the_container", a_cgroup_namespace_starts_at_the_container),
    ("an_overlay_is_mounted_inside", an_overlay_is_mounted_inside),
    ("an_overlay_of_many_layers", an_overlay_of_many_layers),
    ("nothing_of_the_old_root_is_left", nothing_of_the_old_root_is_left),
];

/// With what the kernel has, and with mount(2) alone.
fn both_ways(test: impl Fn(Bench)) {
    for mounter in [Mounter::probe(), Mounter::classic()] {
        let mut bench = Bench::new();
        bench.mounter = mounter;
        test(bench);
    }
}

fn masked_paths_show_nothing() {
    both_ways(|bench| {
        let text = bench
            .sh("cat /proc/timer_list; echo [$(ls /sys/firmware)]; touch /sys/firmware/x 2>/dev/null || echo refused");
        assert_eq!(text, "[]\nrefused");
    });
}

fn readonly_paths_and_root_cannot_be_written() {
    both_ways(|bench| {
        let bench = bench.set("/root/readonly", json!(true));
        let script = "touch /x 2>/dev/null || echo root; echo y > /proc/sys/kernel/hostname 2>/dev/null || echo sys; touch /dev/x && echo dev";
        assert_eq!(bench.sh(script), "root\nsys\ndev");
    });
}

fn binds_make_their_places_and_keep_flags() {
    both_ways(|bench| {
        let source = bench.directory.join("source");
        fs::create_dir(&source).expect("makes");
        fs::write(source.join("file"), "content").expect("writes");
        let bench = bench
            .mount(json!({"destination": "/new/dir", "type": "bind", "source": &source, "options": ["rbind", "ro", "nosuid"]}))
            .mount(json!({"destination": "/new/file", "source": "source/file", "options": ["bind", "rprivate"]}));
        let text = bench.sh(
            "cat /new/dir/file /new/file; echo; touch /new/dir/x 2>/dev/null || echo refused; echo more >> /new/file;
             grep ' /new/dir ' /proc/self/mountinfo | head -1",
        );
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(&lines[..2], ["contentcontent", "refused"]);
        assert!(lines[2].contains(" ro,nosuid,"), "{text}");
        assert_eq!(fs::read_to_string(source.join("file")).expect("reads"), "contentmore\n");
    });
}

fn recursive_readonly_reaches_every_mount_below() {
    let bench = Bench::new()
        .mount(json!({"destination": "/sysfs", "type": "bind", "source": "/sys", "options": ["rbind", "rro"]}));
    let text = bench.sh("grep -E ' /sysfs(/| )' /proc/self/mountinfo");
    assert!(text.lines().count() > 1, "a tree: {text}");
    let writable: Vec<&str> =
        text.lines().filter(|line| !line.split(' ').nth(5).is_some_and(|flags| flags.starts_with("ro"))).collect();
    assert!(writable.is_empty(), "{writable:?}");
}

fn a_source_hidden_by_a_mount_is_still_found() {
    let bench = Bench::new();
    let source = bench.root("hidden");
    fs::write(&source, "found").expect("writes");
    // The tmpfs lies over the directory that holds the source, once the root is bound over itself.
    let bench = bench
        .mount(json!({"destination": "/bin2", "type": "tmpfs", "source": "tmpfs"}))
        .mount(json!({"destination": "/bin2/file", "type": "bind", "source": source, "options": ["bind"]}));
    assert_eq!(bench.sh("cat /bin2/file"), "found");
}

fn a_tmpfs_can_start_with_a_copy() {
    both_ways(|bench| {
        let from = bench.root("data/sub");
        fs::create_dir_all(&from).expect("makes");
        fs::write(from.join("file"), "kept").expect("writes");
        std::os::unix::fs::symlink("sub/file", bench.root("data/link")).expect("links");
        rustix::fs::chmod(&from, rustix::fs::Mode::from_raw_mode(0o710)).expect("sets");
        rustix::fs::chown(&from, Some(rustix::process::Uid::from_raw(7)), Some(rustix::process::Gid::from_raw(8)))
            .expect("sets");
        let bench = bench.mount(json!({"destination": "/data", "type": "tmpfs", "source": "tmpfs",
            "options": ["rw", "rprivate", "nosuid", "nodev", "tmpcopyup", "size=1m"]}));
        let text = bench.sh("cat /data/link; echo; stat -c '%a %u:%g' /data/sub; touch /data/new; stat -f -c %T /data");
        assert_eq!(text, "kept\n710 7:8\ntmpfs");
        assert!(!bench.root("data/new").exists(), "what is written stays in the tmpfs");
    });
}

fn a_tmpfs_has_the_mode_of_what_it_hides() {
    both_ways(|bench| {
        fs::create_dir(bench.root("there")).expect("makes");
        fs::set_permissions(bench.root("there"), std::os::unix::fs::PermissionsExt::from_mode(0o2750)).expect("sets");
        let mut bench = bench;
        for (place, options) in [
            ("/there", json!([])),
            ("/there/below", json!(["mode=700"])),
            ("/new", json!([])),
            ("/made/new", json!(["tmpcopyup"])),
            ("/other", json!(["mode=711", "tmpcopyup"])),
        ] {
            bench = bench.mount(json!({"destination": place, "type": "tmpfs", "source": "tmpfs", "options": options}));
        }
        let text = bench.sh("stat -c '%n %a' /there /there/below /new /made /made/new /other");
        assert_eq!(text, "/there 2750\n/there/below 700\n/new 1777\n/made 755\n/made/new 1777\n/other 711");
    });
}

fn the_root_is_changed_before_anything_is_mounted() {
    let mut bench = Bench::new();
    let data = bench.directory.join("data");
    fs::create_dir(&data).expect("makes");
    fs::create_dir(bench.root("data")).expect("makes");
    symlink("/data/work", bench.root("work")).expect("links");
    bench.changes = vec![
        RootChange::Directory { path: "/work".into(), uid: 33, gid: 34 },
        RootChange::Directory { path: "/a/b".into(), uid: 33, gid: 34 },
        RootChange::Link { path: "/etc/localtime".into(), target: "../zone".into() },
    ];
    let bench = bench
        .set("/root/readonly", json!(true))
        .mount(json!({"destination": "/data", "type": "bind", "source": &data, "options": ["rbind"]}));
    let text = bench.sh("stat -c '%n %u:%g %a' /a /a/b; readlink /etc/localtime; ls /data");
    assert_eq!(text, "/a 0:0 755\n/a/b 33:34 755\n../zone");
    assert_eq!(fs::read_dir(&data).expect("reads").count(), 0, "nothing is made in the user's directory");
    assert!(bench.root("data/work").is_dir(), "it is in the root, below the mount");
}

fn propagation_is_as_asked() {
    both_ways(|bench| {
        let source = bench.directory.join("source");
        fs::create_dir(&source).expect("makes");
        let bind = |place: &str, word: &str| json!({"destination": place, "type": "bind", "source": &source, "options": ["bind", word]});
        let bench = bench.mount(bind("/p", "rprivate")).mount(bind("/s", "shared")).mount(bind("/u", "unbindable"));
        let text = bench.sh("for d in p s u; do grep \" /$d \" /proc/self/mountinfo; done");
        let optional: Vec<&str> = text.lines().map(|line| line.split(' ').nth(6).expect("a field")).collect();
        assert!(optional[0] == "-" && optional[1].starts_with("shared:") && optional[2] == "unbindable", "{text}");
    });
}

fn mountinfo() -> String {
    fs::read_to_string("/proc/self/mountinfo").expect("reads")
}

fn a_shared_bind_reaches_the_host_and_nothing_else_does() {
    use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
    let bench = Bench::new();
    // The container's whole directory lies in a shared mount, as everything does under systemd.
    let host = bench.directory.join("host");
    fs::create_dir(&host).expect("makes");
    mount("tmpfs", &host, "tmpfs", MountFlags::empty(), None).expect("mounts");
    mount_change(&host, MountPropagationFlags::SHARED).expect("shares");
    fs::create_dir_all(host.join("volume/sub")).expect("makes");
    std::process::Command::new("cp").arg("-a").arg(bench.root("")).arg(host.join("rootfs")).status().expect("copies");
    let before = mountinfo().lines().count();
    let admin = json!(["CAP_SYS_ADMIN"]);
    let mut bench = bench
            .set("/process/capabilities", json!({"bounding": admin, "effective": admin, "permitted": admin}))
            .set("/linux/rootfsPropagation", json!("rshared"))
            .mount(json!({"destination": "/volume", "type": "bind", "source": host.join("volume"), "options": ["rbind", "rshared"]}));
    bench.overlay = Some(Rootfs::Dir(host.join("rootfs")));
    bench.sh("mount -t tmpfs tmpfs /volume/sub && touch /volume/sub/made && mkdir /own && mount -t tmpfs tmpfs /own");
    let reached = host.join("volume/sub/made").exists();
    let after = mountinfo();
    let _ = unmount(host.join("volume/sub"), UnmountFlags::DETACH);
    unmount(&host, UnmountFlags::DETACH).expect("unmounts");
    assert!(reached, "what is mounted in the volume is mounted on the host");
    assert_eq!(after.lines().count(), before + 1, "and nothing else is: {after}");
}

fn cgroup_mount() -> serde_json::Value {
    json!({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
        "options": ["rprivate", "nosuid", "noexec", "nodev", "relatime", "ro"]})
}

fn cgroups_are_shown_read_only() {
    let bench = Bench::new().mount(cgroup_mount());
    let text = bench.sh("grep ' - cgroup' /proc/self/mountinfo");
    assert!(!text.is_empty());
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        assert_eq!((fields[3], fields[5].starts_with("ro,")), (format!("/{}", bench.id).as_str(), true), "{line}");
    }
    let listed = bench.sh("cat /proc/self/cgroup");
    assert!(
        listed.lines().all(|line| line.ends_with(&format!(":/{}", bench.id))),
        "every hierarchy is joined: {listed}"
    );
}

fn a_cgroup_namespace_starts_at_the_container() {
    let mut bench = Bench::new().mount(cgroup_mount());
    bench.spec["linux"]["namespaces"].as_array_mut().expect("a list").push(json!({"type": "cgroup"}));
    let text = bench.sh("cat /proc/self/cgroup; grep ' - cgroup' /proc/self/mountinfo | while read a b c root rest; do echo mount:$root; done");
    assert!(text.lines().all(|line| line.ends_with(":/")), "{text}");
    assert!(text.contains("mount:/"));
}

fn overlay_of(bench: &Bench, count: usize) -> Vec<PathBuf> {
    let layer = |number: usize| {
        let path = bench.directory.join(format!("storage/overlay/l/{number:026}"));
        fs::create_dir_all(&path).expect("makes");
        fs::write(path.join(format!("layer{number}")), "").expect("writes");
        path
    };
    let mut lower: Vec<PathBuf> = (0..count).map(layer).collect();
    lower.push(bench.root(""));
    lower
}

fn an_overlay_is_mounted_inside() {
    both_ways(|mut bench| {
        let (upper, work) = (bench.directory.join("up:per"), bench.directory.join("work"));
        fs::create_dir(&upper).expect("makes");
        fs::create_dir(&work).expect("makes");
        let lower = overlay_of(&bench, 2);
        bench.overlay = Some(Rootfs::Overlay {
            lower,
            upper: Some(upper.clone()),
            work: Some(work),
            options: vec!["index=off".into()],
        });
        let text = bench.sh("ls /layer0 /layer1; echo new > /written; rm /layer0; grep ' / / ' /proc/self/mountinfo");
        assert!(text.starts_with("/layer0\n/layer1\n") && text.contains(" - overlay overlay "), "{text}");
        assert_eq!(fs::read_to_string(upper.join("written")).expect("in the upper"), "new\n");
        assert!(!bench.root("written").exists());
        ["proc", "dev", "sys"].iter().for_each(|name| fs::create_dir_all(bench.root(name)).expect("makes"));
        let lower = overlay_of(&bench, 1);
        bench.overlay = Some(Rootfs::Overlay { lower, upper: None, work: None, options: Vec::new() });
        assert_eq!(bench.sh("touch /x 2>/dev/null || echo read-only"), "read-only");
    });
}

fn an_overlay_of_many_layers() {
    both_ways(|mut bench| {
        let (upper, work) = (bench.directory.join("upper"), bench.directory.join("work"));
        fs::create_dir(&upper).expect("makes");
        fs::create_dir(&work).expect("makes");
        // 120 names in full are longer than the page of options that mount(2) takes.
        let lower = overlay_of(&bench, 120);
        bench.overlay = Some(Rootfs::Overlay { lower, upper: Some(upper), work: Some(work), options: Vec::new() });
        assert_eq!(bench.sh("echo /layer* | busybox wc -w"), "120");
    });
}

fn nothing_of_the_old_root_is_left() {
    let text = Bench::new().sh("cat /proc/self/mountinfo");
    for line in text.lines() {
        let place = line.split(' ').nth(4).expect("a place");
        let known = ["/", "/proc", "/dev", "/sys"]
            .iter()
            .any(|start| place == *start || place.starts_with(&format!("{start}/")));
        assert!(known && !line.contains("unreachable"), "{line}");
    }
}
