"""One store, several tools: what we write Podman, Skopeo and Buildah read, and the other way round."""

from __future__ import annotations

import json
import random
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from libpod.store import Store, open_store
from tests.support import cli, probe
from tests.support.store import BUSYBOX, add_image, busybox_layers, layers_size, tar_of

OURS = "localhost/ours:latest"


@pytest.fixture
def shared(store_directory: Path) -> Iterator[cli.Cli]:
    """Real Podman on a store that we use as well."""
    probe.needs_root()
    probe.needs_programs("podman", "runc", "conmon", "skopeo", "buildah")
    probe.require(BUSYBOX.exists(), "needs /bin/busybox")
    program = cli.real_podman(store_directory)
    yield program
    program.remove_all()
    # Skopeo and Buildah leave the bind mount of the overlay directory on itself.
    our(program).release_home()


def our(program: cli.Cli) -> Store:
    return open_store(str(program.root), str(program.runroot))


def storage(program: cli.Cli, name: str) -> str:
    """The name of an image in this store, as containers/image spells it."""
    return f"containers-storage:[overlay@{program.root}+{program.runroot}]{name}"


def run(*words: str | Path) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def test_podman_lists_runs_and_removes_what_we_wrote(shared: cli.Cli) -> None:
    store = our(shared)
    image = add_image(store, OURS, busybox_layers())
    assert shared("images", "--no-trunc", "-q").stdout.strip() == f"sha256:{image['id']}"
    assert shared("run", "--rm", "--network", "none", OURS).stdout == "hello from the store\n"
    gone = shared("run", "--rm", "--network", "none", OURS, "/bin/busybox", "ls", "/gone", code=1)
    assert "No such file" in gone.stderr
    shared("rmi", OURS)
    assert store.images() == []
    assert store.check(contents=True) == []


def test_skopeo_and_buildah_read_what_we_wrote(shared: cli.Cli, tmp_path: Path) -> None:
    store = our(shared)
    image = add_image(store, OURS, busybox_layers())
    run("skopeo", "copy", storage(shared, OURS), f"oci:{tmp_path}/layout:x")
    config = json.loads(run("skopeo", "inspect", "--config", storage(shared, OURS)))
    layers = store.layers()
    assert config["rootfs"]["diff_ids"] == [layer["diff-digest"] for layer in layers]
    root = ("--root", shared.root, "--runroot", shared.runroot, "--storage-driver", "overlay")
    container = run("buildah", *root, "from", "--pull-never", OURS).strip()
    try:
        mounted = run("buildah", *root, "mount", container).strip()
        assert Path(mounted, "etc/hello").read_text() == "hello from the store\n"
        assert not Path(mounted, "gone").exists()
        assert image["id"] in [record["image"] for record in store.containers()]
    finally:
        run("buildah", *root, "rm", container)
    assert store.containers() == []
    assert store.check(contents=True) == []


def test_we_read_and_use_what_podman_wrote(shared: cli.Cli, tmp_path: Path) -> None:
    (tmp_path / "base.tar").write_bytes(busybox_layers()[0])
    shared("import", str(tmp_path / "base.tar"), "localhost/base:latest")
    shared("run", "--network", "none", "--name", "c", "localhost/base", "/bin/busybox", "rm", "/gone")
    shared("commit", "-q", "c", "localhost/child:latest")
    shared("rm", "c")
    store = our(shared)
    assert store.check(contents=True) == [], "every tar of theirs is rebuilt byte for byte"
    child = store.image("localhost/child:latest")
    assert shared("inspect", "--format", "{{.Id}}", "localhost/child").stdout.strip() == child["id"]
    container = store.create_container(
        "", names=["ours"], image=child["id"], layer_parent=child["layer"], metadata="{}", flags={}
    )
    mounted = store.mount_container(container["id"])
    assert Path(mounted, "bin/busybox").exists()
    assert not Path(mounted, "gone").exists()
    refused = shared("rmi", "localhost/child", code=None)
    assert refused.returncode != 0, "our container protects the image"
    assert store.unmount_container(container["id"]) is False
    store.remove_container(container["id"])
    store.release_home()
    shared("rmi", "localhost/child", "localhost/base")
    assert store.layers() == []
    assert store.check(contents=True) == []


#: What cannot be done to a container whose state libpod does not know. NAME stands for the container.
VERBS = (
    "start NAME",
    "start -a NAME",
    "stop -t 0 NAME",
    "restart -t 0 NAME",
    "kill NAME",
    "pause NAME",
    "unpause NAME",
    "wait NAME",
    "attach NAME",
    "exec NAME /bin/busybox true",
    "exec -d NAME /bin/busybox true",
    "logs NAME",
    "top NAME",
    "port NAME",
    "rename NAME other",
    "container cleanup NAME",
)


def test_nothing_is_claimed_of_containers_of_other_tools(shared: cli.Cli, store_directory: Path) -> None:
    add_image(our(shared), OURS, busybox_layers())
    busy = ("--network", "none", OURS, "/bin/busybox", "sleep", "1000")
    running = shared("run", "-d", "--name", "running", *busy).stdout.strip()
    created = shared("create", "--name", "created", *busy).stdout.strip()
    root = ("--root", shared.root, "--runroot", shared.runroot, "--storage-driver", "overlay")
    run("buildah", *root, "from", "--pull-never", "--name", "building", OURS)
    building = next(record["id"] for record in our(shared).containers() if record["names"] == ["building"])
    program = cli.ours(store_directory)
    for name, container_id in (("running", running), ("created", created), ("building", building)):
        for verb in VERBS:
            done = program(*verb.replace("NAME", name).split(), code=125)
            assert f"container {container_id} was made by another tool, such as Podman or Buildah" in done.stderr, verb
            assert done.stdout == ""
        program("container", "exists", name, code=1)
        done = program("rm", name, code=2)
        assert "was made by another tool and cannot be removed without using force" in done.stderr
    # Its files are not taken away below it.
    done = program("rm", "-f", "running", code=2)
    assert f"container {running} was made by another tool and is in use" in done.stderr
    assert shared("exec", "running", "/bin/busybox", "echo", "alive").stdout == "alive\n"
    assert program("ps", "-aq").stdout == ""
    told = shared("inspect", "--format", "{{.Name}} {{.State.Status}}", "running", "created").stdout
    assert told.splitlines() == ["running running", "created created"]
    shared("container", "exists", "building", code=1)
    run("buildah", *root, "rm", "building")


def test_both_count_one_mount(shared: cli.Cli) -> None:
    store = our(shared)
    add_image(store, OURS, busybox_layers())
    mine = store.mount_image(OURS)
    theirs = shared("image", "mount", OURS).stdout.strip()
    assert theirs == mine
    shared("images")
    assert Path(mine, "etc/hello").exists(), "a command of theirs that ends takes no counted mount away"
    assert store.mount_of(store.image(OURS)["layer"]) == (mine, 2)
    shared("image", "umount", OURS)
    assert Path(mine, "etc/hello").exists()
    assert store.unmount_image(OURS) is False
    store.release_home()
    assert not Path(mine, "etc/hello").exists()


def test_a_hundred_layers_are_mounted_by_both(shared: cli.Cli) -> None:
    store = our(shared)
    layers = [*busybox_layers(), *(tar_of({f"layer/{number}": b"x"}) for number in range(98))]
    image = add_image(store, OURS, layers)
    mounted = Path(store.mount_image(image["id"]))
    assert len(list((mounted / "layer").iterdir())) == 98
    assert store.unmount_image(image["id"]) is False
    store.release_home()
    listing = shared("run", "--rm", "--network", "none", OURS, "/bin/busybox", "ls", "/layer").stdout
    assert len(listing.split()) == 98


def test_podman_runs_what_stands_on_an_additional_store(shared: cli.Cli, store_directory: Path) -> None:
    other = store_directory / "other"
    base, top = busybox_layers()
    add_image(open_store(str(other), str(store_directory / "other-run")), "localhost/base:latest", [base])
    option = f"overlay.imagestore={other}"
    store = open_store(str(shared.root), str(shared.runroot), options=[option])
    add_image(store, OURS, [base, top])
    assert [layer["read-only"] for layer in store.layers()] == [False, True]
    words = shared.command("run", "--rm", "--network", "none", OURS)
    words[words.index("run") : words.index("run")] = ["--storage-opt", option]
    assert run(*words) == "hello from the store\n"
    assert store.check(contents=True) == []


_OUR_WORK = """
import sys
from libpod.errors import LibpodError
from libpod.store import open_store
from tests.support.store import add_image, tar_of
root, runroot, number = sys.argv[1:]
store = open_store(root, runroot)
shared = tar_of({"shared": b"the same in every image"})
for turn in range(6):
    own = tar_of({f"own-{number}-{turn}": bytes(200_000)})
    name = f"localhost/ours-{number}:{turn}"
    image = add_image(store, name, [shared, own])
    store.add_image_names(image["id"], ["localhost/contested:latest"])
    container = store.create_container("", names=[f"c-{number}-{turn}"], image=image["id"],
                                       layer_parent=image["layer"], metadata="{}", flags={})
    store.rootfs(container["id"])
    store.remove_container(container["id"])
    if turn % 2:
        store.remove_image(image["id"])
    store.images(), store.layers(), store.containers()
"""


def start_ours(program: cli.Cli, script: str, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", script, str(program.root), str(program.runroot), *words]
    return subprocess.Popen(command, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2])


def podman_work(program: cli.Cli, number: int, directory: Path) -> list[list[str]]:
    """Import, tag, list and perhaps untag an image of its own."""
    name, tar = f"localhost/podman-{number}:latest", directory / f"{number}.tar"
    tar.write_bytes(tar_of({"x": random.Random(number).randbytes(100_000)}))
    steps = [
        program.command("import", "-q", str(tar), name),
        program.command("tag", name, "localhost/contested:latest"),
        program.command("images"),
    ]
    return [*steps, program.command("untag", name)] if number % 2 else steps


def skopeo_work(program: cli.Cli, number: int, directory: Path) -> list[list[str]]:
    """Copy an image of two layers into the store, under two names."""
    store = open_store(str(directory / f"source-{number}"), str(directory / "source-run"))
    layers = [tar_of({"shared": b"the same in every image"}), tar_of({f"skopeo-{number}": bytes(90_000)})]
    add_image(store, "localhost/source:latest", layers)
    source = f"containers-storage:[overlay@{store.graphroot}+{store.runroot}]localhost/source:latest"
    layout = f"oci:{directory}/layout-{number}:x"
    run("skopeo", "copy", source, layout)
    store.release_home()
    names = (f"localhost/skopeo-{number}:latest", "localhost/contested:latest")
    return [["skopeo", "copy", layout, storage(program, name)] for name in names]


def buildah_work(program: cli.Cli, number: int, directory: Path) -> list[list[str]]:
    """Make a container, change it, commit it, remove it."""
    buildah = ["buildah", "--root", str(program.root), "--runroot", str(program.runroot), "--storage-driver", "overlay"]
    file = directory / f"buildah-{number}"
    file.write_bytes(random.Random(number).randbytes(70_000))
    name = f"b-{number}"
    return [
        [*buildah, "from", "--name", name, "scratch"],
        [*buildah, "copy", name, str(file), "/file"],
        [*buildah, "commit", "-q", name, f"localhost/buildah-{number}:latest"],
        [*buildah, "rm", name],
    ]


def test_twenty_processes_at_once_leave_a_store_that_all_read(shared: cli.Cli, tmp_path: Path) -> None:
    works = [podman_work(shared, number, tmp_path) for number in range(6)]
    works += [skopeo_work(shared, number, tmp_path) for number in range(3)]
    works += [buildah_work(shared, number, tmp_path) for number in range(3)]
    workers = [start_ours(shared, _OUR_WORK, str(number)) for number in range(8)]
    for steps in works:
        script = " && ".join(shlex.join(step) + " >/dev/null" for step in steps)
        workers.append(subprocess.Popen(["sh", "-c", script], stderr=subprocess.PIPE, env=shared.environment))
    failures = []
    for worker in workers:
        _, stderr = worker.communicate(timeout=110)
        failures += [stderr.decode()] if worker.returncode else []
    assert failures == []
    store = our(shared)
    assert store.check(contents=True) == []
    images = store.images()
    listed = {line.removeprefix("sha256:") for line in shared("images", "-a", "-q", "--no-trunc").stdout.split()}
    assert listed == {image["id"] for image in images}
    names = [name for image in images for name in image["names"]]
    assert len(names) == len(set(names)), "no name has two images"
    for tool, count in (("ours-", 24), ("skopeo-", 3), ("buildah-", 3)):
        assert len([name for name in names if name.startswith(f"localhost/{tool}")]) == count
    assert [container["names"] for container in store.containers()] == []
    shared("rmi", "-f", "-a")
    assert store.layers() == []


_KILLED_WORK = """
import sys
from libpod.store import open_store
from tests.support.store import add_image, tar_of
store = open_store(*sys.argv[1:3])
print(flush=True)
for turn in range(1000):
    layers = [tar_of({f"{part}-{turn}-{number}": bytes(3000) for number in range(20)}) for part in "abc"]
    image = add_image(store, f"localhost/k:{turn}", layers)
    container = store.create_container("", names=["k"], image=image["id"], layer_parent=image["layer"], metadata="{}")
    store.remove_container(container["id"])
    store.remove_image(image["id"])
"""


def test_killed_at_any_moment_the_store_stays_whole(shared: cli.Cli) -> None:
    chance = random.Random(7)
    for _ in range(25):
        worker = subprocess.Popen(
            [sys.executable, "-c", _KILLED_WORK, str(shared.root), str(shared.runroot)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert worker.stdout is not None
        worker.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.12))
        worker.kill()
        _, stderr = worker.communicate()
        assert not stderr, stderr.decode()
        store = our(shared)
        for image in store.images():
            assert layers_size(store, image["layer"]) > 0
            store.image_data(image["id"], "manifest")
        for record in store.containers():
            store.layer(record["layer"])
            store.remove_container(record["id"])
    store = our(shared)
    kept = add_image(store, OURS, busybox_layers())
    assert store.check(contents=True) == []
    assert shared("run", "--rm", "--network", "none", OURS).stdout == "hello from the store\n"
    assert kept["id"] in shared("images", "-q", "--no-trunc").stdout
    for image in store.images():
        store.remove_image(image["id"])
    staged = list((shared.root / "libpod/staging").iterdir()) + list((shared.root / "libpod/pending").iterdir())
    assert staged == []
