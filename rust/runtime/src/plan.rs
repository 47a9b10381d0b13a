//! From a specification to the list of steps that the child walks.
//!
//! Everything that can be refused without the kernel is refused here, in the parent, before a process exists. The order of the
//! list is the order of runtime-spec runtime.md, "Lifecycle"; where a step's place matters the reason stands beside it.

use crate::cgroup::Cgroup;
use crate::cgroup_mount::CgroupMount;
use crate::devices;
use crate::error::{Error, Result};
use crate::foreign::Foreign;
use crate::mount_options::{self, Bind, MountOptions};
use crate::mounting::NewMount;
use crate::namespaces::NamespacePlan;
use crate::request::Request;
use crate::spec::{Mount, Personality, Process, Spec};
use crate::step::{HookContext, Step};
use libpod_sys::mount::RDONLY;
use libpod_sys::process::Namespaces;
use rustix::mount::MountPropagationFlags;
use std::path::{Component, Path, PathBuf};

/// Places below /proc where a file may be bound: lxcfs gives containers their own figures there.
const PROC_FILES: &[&str] = &[
    "cpuinfo",
    "diskstats",
    "meminfo",
    "stat",
    "swaps",
    "uptime",
    "loadavg",
    "slabinfo",
    "net/dev",
    "sys/kernel/ns_last_pid",
    "sys/crypto/fips_enabled",
];

/// Kernel parameters that live in the IPC namespace.
const IPC_SYSCTLS: &[&str] = &[
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

/// Build the list.
pub fn build<'a>(
    request: &'a Request<'a>,
    process: &'a Process,
    namespaces: &'a NamespacePlan,
    cgroup: &'a Cgroup,
) -> Result<Vec<Step<'a>>> {
    let spec = request.spec;
    let context = HookContext { spec, id: request.id, bundle: request.bundle };
    let in_userns = has(namespaces, Namespaces::USER);
    let mut steps = Vec::with_capacity(64);
    steps.extend(process.oom_score_adj.map(Step::OomScore));
    steps.push(Step::JoinCgroup(cgroup));
    if namespaces.joins_any() && !namespaces.joins_before_it_makes() {
        steps.push(Step::Join(namespaces));
    }
    if namespaces.new.contains(Namespaces::USER) {
        steps.push(Step::AwaitReady);
    }
    if in_userns {
        steps.push(Step::BecomeRoot);
    }
    if namespaces.new_cgroup {
        steps.push(Step::NewCgroupView);
    }
    if namespaces.new.contains(Namespaces::NET) {
        steps.push(Step::Loopback);
    }
    let propagation = host_propagation(spec)?;
    steps.extend(propagation.map(Step::DetachPropagation));
    let mounts = spec.mounts.iter().map(|mount| plan_mount(request, mount)).collect::<Result<Vec<_>>>()?;
    // Sources first: a mount of the container may hide one.
    let lent = in_userns && !request.mounter.is_classic();
    steps.extend(mounts.iter().filter_map(|mount| source_step(mount, propagation, lent)));
    steps.push(Step::MountRoot { rootfs: &request.rootfs, beside_host: propagation.is_none() });
    steps.extend(request.changes.iter().map(Step::Change));
    let makes_devices =
        !spec.mounts.iter().any(|mount| clean(&mount.destination) == Path::new("/dev") && is_bind(mount));
    push_mounts(&mut steps, mounts, namespaces, cgroup);
    if makes_devices {
        let nodes = devices::plan(&spec.linux.devices)?;
        steps.extend(nodes.into_iter().map(|node| Step::Device(node, in_userns)));
        steps.push(Step::DeviceLinks);
    }
    if process.terminal {
        steps.push(Step::Console(process.console_size, process.user.uid, request.stdio.leaves_newlines()));
    }
    push_hooks(&mut steps, context);
    steps.push(Step::Pivot { beside_host: propagation.is_none() });
    push_names_and_sysctls(&mut steps, spec, namespaces)?;
    push_protection(&mut steps, spec, &process.cwd)?;
    Ok(steps)
}

/// How the source of a bind is opened. lent: by the parent, because a user of the container may not reach it.
fn source_step<'a>(mount: &Planned, propagation: Option<MountPropagationFlags>, lent: bool) -> Option<Step<'a>> {
    let Planned::Bind { source, options, .. } = mount else { return None };
    if let Some(kind) = propagation.filter(|_| lent) {
        return Some(Step::TakeSource(source.clone(), options.bind.unwrap_or(Bind::Recursive), kind));
    }
    if let Some(foreign) = Foreign::parse(source) {
        return Some(Step::CopyForeign(foreign, options.bind.unwrap_or(Bind::Plain)));
    }
    // The mount of the source is made private with that of the root, where they are the same one.
    let shared = matches!(options.propagation, Some((MountPropagationFlags::SHARED, _)));
    let copy = options.bind.filter(|_| shared && propagation.is_none());
    Some(Step::OpenSource(source.clone(), copy))
}

/// Whether the container has a namespace of this kind other than the caller's.
fn has(namespaces: &NamespacePlan, kind: Namespaces) -> bool {
    namespaces.new.contains(kind) || namespaces.joined.iter().any(|joined| joined.kind == kind)
}

/// The propagation that keeps the container's mounts from the host; none where binds are to share theirs with it.
fn host_propagation(spec: &Spec) -> Result<Option<MountPropagationFlags>> {
    match spec.linux.rootfs_propagation.as_deref().unwrap_or("") {
        "" | "slave" | "rslave" | "unbindable" | "runbindable" => Ok(Some(MountPropagationFlags::DOWNSTREAM)),
        "private" | "rprivate" => Ok(Some(MountPropagationFlags::PRIVATE)),
        "shared" | "rshared" => Ok(None),
        other => Err(Error::invalid(format!("rootfsPropagation `{other}`"))),
    }
}

enum Planned {
    Bind { source: PathBuf, path: PathBuf, options: MountOptions },
    New(NewMount),
    Cgroup(PathBuf, MountOptions),
}

fn plan_mount(request: &Request<'_>, mount: &Mount) -> Result<Planned> {
    let path = clean(&mount.destination);
    let mut options = mount_options::parse(&mount.options)?;
    let kind = mount.kind.as_deref().unwrap_or("");
    let source = mount.source.clone().unwrap_or_default();
    if is_bind(mount) {
        if source.as_os_str().is_empty() {
            return Err(Error::invalid(format!("the bind mount on {} has no source", path.display())));
        }
        check_below_proc(&path)?;
        options.bind.get_or_insert(Bind::Recursive);
        if !options.data.is_empty() {
            return Err(Error::invalid(format!(
                "the bind mount on {} has options `{}`",
                path.display(),
                options.data.join(",")
            )));
        }
        return Ok(Planned::Bind { source: request.bundle.join(source), path, options });
    }
    match kind {
        "" => Err(Error::invalid(format!("the mount on {} has no type", path.display()))),
        "cgroup" | "cgroup2" => Ok(Planned::Cgroup(path, options)),
        "proc" | "sysfs" | "tmpfs" | "devpts" | "mqueue" => {
            if kind != "proc" {
                check_below_proc(&path)?;
            }
            let plain = matches!(kind, "proc" | "sysfs");
            Ok(Planned::New(NewMount { kind: kind.into(), source: text(source, kind), path, options, plain }))
        }
        _ => {
            check_below_proc(&path)?;
            Ok(Planned::New(NewMount { kind: kind.into(), source: text(source, kind), path, options, plain: false }))
        }
    }
}

fn text(source: PathBuf, kind: &str) -> String {
    match source.into_os_string().into_string() {
        Ok(source) if !source.is_empty() => source,
        _ => kind.into(),
    }
}

fn is_bind(mount: &Mount) -> bool {
    mount.kind.as_deref() == Some("bind") || mount.options.iter().any(|word| word == "bind" || word == "rbind")
}

/// Refuse to put anything over parts of /proc: what the runtime writes there must be what the kernel reads.
fn check_below_proc(path: &Path) -> Result<()> {
    match path.strip_prefix("/proc") {
        Ok(below) if PROC_FILES.iter().all(|file| below != Path::new(file)) => {
            Err(Error::invalid(format!("{} cannot be mounted because it is inside /proc", path.display())))
        }
        _ => Ok(()),
    }
}

/// An absolute path without `.` and `..`.
fn clean(path: &str) -> PathBuf {
    let mut cleaned = PathBuf::from("/");
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => cleaned.push(name),
            Component::ParentDir => {
                cleaned.pop();
            }
            _ => {}
        }
    }
    cleaned
}

fn push_mounts(steps: &mut Vec<Step<'_>>, mounts: Vec<Planned>, namespaces: &NamespacePlan, cgroup: &Cgroup) {
    let mut index = 0;
    for mount in mounts {
        match mount {
            Planned::Bind { path, options, .. } => {
                steps.push(Step::Bind(index, path, options));
                index += 1;
            }
            Planned::New(mount) => steps.push(Step::Mount(writable_dev(mount))),
            Planned::Cgroup(path, options) => {
                let private = has(namespaces, Namespaces::CGROUP) || namespaces.new_cgroup;
                steps.push(Step::MountCgroup(CgroupMount::new(path, options, private, cgroup)));
            }
        }
    }
}

/// A read-only /dev is made read-only after its nodes were made.
fn writable_dev(mut mount: NewMount) -> NewMount {
    if mount.path == Path::new("/dev") {
        mount.options.attributes.set &= !RDONLY;
        mount.options.superblock_readonly = false;
    }
    mount
}

fn push_hooks<'a>(steps: &mut Vec<Step<'a>>, context: HookContext<'a>) {
    let hooks = &context.spec.hooks;
    let interface_sysctl = context.spec.linux.sysctl.keys().any(|name| names_interface(name));
    if !hooks.prestart.is_empty() || !hooks.create_runtime.is_empty() || interface_sysctl {
        steps.push(Step::Midway);
    }
    if !hooks.create_container.is_empty() {
        steps.push(Step::Hooks("createContainer", &hooks.create_container, context));
    }
}

/// Whether a kernel parameter belongs to one network interface, which exists only once the parent has attached it.
fn names_interface(sysctl: &str) -> bool {
    let mut parts = sysctl.split(['.', '/']);
    matches!((parts.next(), parts.next(), parts.next(), parts.next()),
        (Some("net"), Some("ipv4" | "ipv6"), Some("conf" | "neigh"), Some(name)) if !matches!(name, "all" | "default" | "lo"))
}

fn push_names_and_sysctls<'a>(steps: &mut Vec<Step<'a>>, spec: &'a Spec, namespaces: &NamespacePlan) -> Result<()> {
    let names = [(&spec.hostname, "hostname"), (&spec.domainname, "domainname")];
    for (name, what) in names {
        let Some(name) = name.as_deref().filter(|name| !name.is_empty()) else { continue };
        if !has(namespaces, Namespaces::UTS) {
            return Err(Error::invalid(format!("unable to set {what} without a private UTS namespace")));
        }
        steps.push(if what == "hostname" { Step::Hostname(name) } else { Step::Domainname(name) });
    }
    for (name, value) in &spec.linux.sysctl {
        check_sysctl(name, namespaces)?;
        // Dots separate, and an interface's name may hold one where slashes separate (sysctl(8)).
        let relative = if name.contains('/') { name.clone() } else { name.replace('.', "/") };
        steps.push(Step::Sysctl(Path::new("/proc/sys").join(relative), value));
    }
    Ok(())
}

/// Refuse what would change the host.
fn check_sysctl(name: &str, namespaces: &NamespacePlan) -> Result<()> {
    let dotted = name.replace('/', ".");
    if dotted.split('.').any(str::is_empty) {
        return Err(Error::invalid(format!("sysctl `{name}` is malformed")));
    }
    let needed = match dotted.as_str() {
        name if IPC_SYSCTLS.contains(&name) || name.starts_with("fs.mqueue.") => Namespaces::IPC,
        name if name.starts_with("net.") => Namespaces::NET,
        "kernel.domainname" | "kernel.hostname" => Namespaces::UTS,
        _ => return Err(Error::invalid(format!("sysctl {name:?} is not in a separate kernel namespace"))),
    };
    if has(namespaces, needed) {
        return Ok(());
    }
    Err(Error::invalid(format!("sysctl {name:?} is not allowed in the host's namespace")))
}

fn push_protection<'a>(steps: &mut Vec<Step<'a>>, spec: &'a Spec, cwd: &str) -> Result<()> {
    // Made before anything is read-only; a directory that exists is left alone.
    if clean(cwd) != Path::new("/") {
        steps.push(Step::MakeDirectory(cwd.into()));
    }
    for path in &spec.linux.readonly_paths {
        steps.push(Step::ReadonlyPath(clean(path)));
    }
    for path in &spec.linux.masked_paths {
        steps.push(Step::MaskedPath(clean(path)));
    }
    let readonly_dev = spec.mounts.iter().any(|mount| {
        clean(&mount.destination) == Path::new("/dev")
            && !is_bind(mount)
            && mount.options.iter().any(|word| word == "ro")
    });
    if readonly_dev {
        steps.push(Step::ReadonlyMount("/dev".into()));
    }
    if spec.root.as_ref().is_some_and(|root| root.readonly) {
        steps.push(Step::ReadonlyMount("/".into()));
    }
    if let Some((kind, recursive)) = spec.linux.rootfs_propagation.as_deref().and_then(mount_options::propagation) {
        steps.push(Step::RootPropagation(kind, recursive));
    }
    steps.extend(personality(spec)?.map(Step::Personality));
    Ok(())
}

/// The execution domain that a specification asks for, as personality(2) numbers it.
pub fn personality(spec: &Spec) -> Result<Option<u64>> {
    match spec.linux.personality.as_ref().map(|Personality { domain }| domain.as_str()) {
        None | Some("" | "LINUX") => Ok(None),
        Some("LINUX32") => Ok(Some(8)),
        Some(other) => Err(Error::invalid(format!("personality domain `{other}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mounting::Mounter;
    use crate::request::Stdio;
    use crate::rootfs::Rootfs;
    use serde_json::{Value, json};

    fn base() -> Value {
        json!({
            "process": {"args": ["sh"], "cwd": "/work"},
            "hostname": "box",
            "mounts": [
                {"destination": "/proc", "type": "proc"},
                {"destination": "/dev", "type": "tmpfs", "options": ["ro", "mode=755"]},
                {"destination": "/data", "type": "bind", "source": "here", "options": ["rbind"]},
            ],
            "linux": {
                "namespaces": [{"type": "mount"}, {"type": "uts"}, {"type": "pid"}],
                "maskedPaths": ["/proc/keys"], "readonlyPaths": ["/proc/sys"], "cgroupsPath": "/c",
            },
        })
    }

    fn describe(value: Value) -> Result<Vec<String>> {
        let spec: Spec = serde_json::from_value(value).expect("a specification");
        let request = Request {
            id: "c",
            bundle: Path::new("/bundle"),
            spec: &spec,
            rootfs: Rootfs::Dir("/bundle/rootfs".into()),
            changes: &[],
            stdio: Stdio::Inherit,
            preserve_fds: 0,
            seccomp: None,
            start_socket: None,
            mounter: Mounter::probe(),
        };
        crate::create::describe(&request)
    }

    fn place(steps: &[String], text: &str) -> usize {
        steps.iter().position(|step| step == text).unwrap_or_else(|| panic!("{text} is not among {steps:#?}"))
    }

    #[test]
    fn the_order_is_the_one_that_each_step_needs() {
        let mut spec = base();
        spec["root"] = json!({"path": "rootfs", "readonly": true});
        spec["hooks"] = json!({"prestart": [{"path": "/x"}]});
        let steps = describe(spec).expect("plans");
        let order = [
            "join cgroup /c",
            "open /bundle/here",
            "mount root Dir(\"/bundle/rootfs\")",
            "mount proc on /proc",
            "mount tmpfs on /dev",
            "bind source 0 to /data",
            "make /dev/null",
            "make links in /dev",
            "let the parent run its hooks",
            "change the root",
            "set hostname to box",
            "make directory /work",
            "make /proc/sys read-only",
            "mask /proc/keys",
            "make /dev read-only",
            "make / read-only",
        ];
        let places: Vec<usize> = order.iter().map(|text| place(&steps, text)).collect();
        assert!(places.is_sorted(), "{steps:#?}");
    }

    #[test]
    fn a_bound_dev_is_left_as_it_is() {
        let mut spec = base();
        spec["mounts"] = json!([{"destination": "/dev", "type": "bind", "source": "/dev", "options": ["rbind"]}]);
        let steps = describe(spec).expect("plans");
        assert!(steps.iter().all(|step| !step.starts_with("make /dev")), "{steps:#?}");
    }

    #[test]
    fn a_parameter_of_an_interface_waits_for_the_network() {
        for (name, waits) in [("net.ipv4.conf.eth0.forwarding", true), ("net.ipv4.conf.all.forwarding", false)] {
            let mut spec = base();
            spec["linux"]["namespaces"].as_array_mut().expect("a list").push(json!({"type": "network"}));
            spec["linux"]["sysctl"] = json!({name: "1"});
            let steps = describe(spec).expect("plans");
            assert_eq!(steps.iter().any(|step| step == "let the parent run its hooks"), waits, "{name}");
        }
    }

    #[test]
    fn refuses_without_a_process() {
        let change = |pointer: &str, value: Value| {
            let mut spec = base();
            *spec.pointer_mut(pointer).expect(pointer) = value;
            describe(spec).map(drop)
        };
        for (pointer, value, words) in [
            ("/mounts/2/destination", json!("/proc/sys"), "inside /proc"),
            ("/mounts/2/source", Value::Null, "has no source"),
            ("/mounts/2/options", json!(["rbind", "size=1"]), "has options `size=1`"),
            ("/mounts/0/type", Value::Null, "has no type"),
            ("/linux/namespaces/1", json!({"type": "ipc"}), "without a private UTS namespace"),
        ] {
            let error = change(pointer, value).expect_err(pointer);
            assert!(error.to_string().contains(words), "{error}");
        }
        for (key, value) in [("rootfsPropagation", json!("sideways")), ("personality", json!({"domain": "PLAN9"}))] {
            let mut spec = base();
            spec["linux"][key] = value;
            assert!(matches!(describe(spec), Err(Error::Invalid { .. })), "{key}");
        }
    }

    #[test]
    fn cleans_paths_without_leaving_the_root() {
        for (path, cleaned) in [("/a/./b/../c", "/a/c"), ("../../etc", "/etc"), ("", "/"), ("proc//sys/", "/proc/sys")]
        {
            assert_eq!(clean(path), Path::new(cleaned), "{path}");
        }
    }
}
