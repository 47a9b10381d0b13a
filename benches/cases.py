"""What is measured, row by row."""

from __future__ import annotations

import functools
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.support.newer import PODMAN

from benches.inputs import LAYERS, Inputs, sh
from benches.measure import OURS, Case, Work
from benches.newer import Newer
from benches.places import Place

LIBPOD = str(Path(sys.executable).parent / "podman")
HELPER = str(Path(sys.executable).parent / "libpod-runtime")
#: This host's hard limits cannot be raised, and crun refuses its hybrid cgroups.
PEER_RUN_FLAGS = ("--ulimit", "nofile=10000:20000", "--ulimit", "nproc=10000:20000")
PARALLEL = 16


class Side:
    """One program with stores of its own; `store` names one of them, or is the directory of one elsewhere."""

    def __init__(
        self,
        name: str,
        program: list[str],
        directory: Path,
        run_flags: tuple[str, ...] = (),
        environment: dict[str, str] | None = None,
    ) -> None:
        self.name = name
        self.program = program
        self.directory = directory
        self.run_flags = run_flags
        self.environment = environment
        self.count = itertools.count()

    def words(self, *words: str, store: Path | None = None) -> list[str]:
        """Argument vector of one command."""
        arguments = list(words)
        if arguments[0] == "run":
            arguments[1:1] = self.run_flags
        base = store or self.directory / "main"
        return [*self.program, "--root", str(base / "r"), "--runroot", str(base / "o"), *arguments]

    def __call__(self, *words: str, store: Path | None = None) -> None:
        """Run one command that must succeed; its output is dropped."""
        subprocess.run(
            self.words(*words, store=store),
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=self.environment,
        )

    def fresh(self, place: Path, *words: str) -> None:
        """Run one command on a store below `place` that nothing was in before."""
        self(*words, store=place / f"{self.directory.name}{next(self.count)}")


class Docker(Side):
    """Docker's client: it has one store, its daemon's."""

    def words(self, *words: str, store: Path | None = None) -> list[str]:
        """Argument vector of one command; no store is chosen."""
        return [*self.program, *words]


class Bench:
    """The stores, the inputs and the registry that the cases share.

    newer: also measure the newer peers: Podman 5.8 with runc, Docker without a network, crun.
    """

    def __init__(self, directory: Path, inputs: Path, *, newer: bool) -> None:
        self.directory = directory
        self.ours = Side(OURS, [LIBPOD], directory / "u")
        self.podmans = [Side("podman 4.3", ["podman", "--runtime", "runc"], directory / "p", PEER_RUN_FLAGS)]
        self.docker: Docker | None = None
        self.newer: Newer | None = None
        self.inputs = Inputs(inputs, self.podmans[0].program)
        self.registry: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.place: Place | None = None
        if newer:
            inputs.mkdir(parents=True, exist_ok=True)
            shared = tuple(path for path in (directory, inputs) if not path.is_relative_to("/tmp"))
            self.newer = Newer(directory, shared)
            program = [*self.newer.enter, *PODMAN]
            self.podmans.append(Side("podman 5.8", program, directory / "n", PEER_RUN_FLAGS, self.newer.environment))
            self.docker = Docker("docker", self.newer.docker(), directory / "d", (), self.newer.environment)

    @property
    def engines(self) -> list[Side]:
        """libpod and every Podman."""
        return [self.ours, *self.podmans]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the Podmans: the faster of them is what the budgets are against."""
        return tuple(side.name for side in self.podmans)

    def cases(self, only: Sequence[str] = ()) -> Iterator[Case]:
        """All rows, cheap ones first; what a row needs is prepared just before it.

        only: the words that are looked for; without one of images, the large image is not made.
        """
        self.inputs.make_small()
        for side in self.engines:
            side("import", str(self.inputs.small), "localhost/small:latest")
        if self.docker is not None:
            self.docker("import", str(self.inputs.small), "localhost/small:latest")
        yield from self._commands()
        yield from self._containers()
        yield self._runtime()
        if not only or any(word.startswith(("load", "pull", "save", "push")) for word in only):
            self.inputs.make_large()
            yield from self._images()

    def _case(self, name: str, *words: str, docker: bool = False, **options: Any) -> Case:
        """One command on libpod and every Podman; docker: on Docker, too."""
        sides = [*self.podmans, *([self.docker] if docker and self.docker is not None else [])]
        peers = {side.name: functools.partial(side, *words) for side in sides}
        return Case(name, functools.partial(self.ours, *words), peers, against=self.names, **options)

    def _commands(self) -> Iterator[Case]:
        yield self._case("version", "version", budget=0.4)
        yield self._case("ps", "ps", docker=True, budget=0.5)
        yield self._case("images", "images", docker=True, budget=0.4)

    def _containers(self) -> Iterator[Case]:
        none = ("run", "--rm", "--network", "none", "localhost/small", "true")
        yield self._case("run --rm --network none IMG true", *none, docker=True, budget=0.15, rounds=25)
        yield self._in_process(none)
        # Podman takes the bridge down with its last container, and all sides share it: one of each keeps it up.
        for side in self.engines:
            side("run", "-d", "--name", "keeper", "localhost/small", "sleep", "100000")
        yield self._case("run --rm IMG true (bridge)", "run", "--rm", "localhost/small", "true", budget=0.13)
        for side in self.engines:
            side("rm", "-f", "-t", "0", "keeper")
        yield self._parallel(none)
        idle = [*self.engines, *([self.docker] if self.docker is not None else [])]
        for side in idle:
            side("run", "-d", "--name", "idle", "--network", "none", "localhost/small", "sleep", "100000")
        yield self._case("exec C true", "exec", "idle", "true", docker=True, budget=0.11, rounds=25)
        yield self._monitor_memory()
        for side in self.engines:
            side("rm", "-f", "-t", "0", "idle")
        if self.docker is not None:
            self.docker("rm", "-f", "idle")

    def _in_process(self, words: tuple[str, ...]) -> Case:
        import libpod

        store = self.ours.directory / "main"
        engine = libpod.Engine(root=store / "r", runroot=store / "o")

        def ours() -> None:
            assert engine.run("localhost/small", ["true"], network="none").exit_code == 0

        case = self._case("Engine.run(IMG, true, network none), in process", *words, budget=0.06, rounds=25)
        case.ours = ours
        return case

    def _parallel(self, words: tuple[str, ...]) -> Case:
        def many(side: Side) -> None:
            running = [
                subprocess.Popen(
                    side.words(*words),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    env=side.environment,
                )
                for _ in range(PARALLEL)
            ]
            for process in running:
                _, errors = process.communicate()
                assert process.returncode == 0, errors

        peers = {side.name: functools.partial(many, side) for side in self.podmans}
        return Case(
            f"{PARALLEL} x run --rm --network none at once", functools.partial(many, self.ours), peers, rounds=5
        )

    def _monitor_memory(self) -> Case:
        old, *newer = self.podmans
        peers = {"conmon 2.1.6": lambda: _pss("conmon", str(old.directory))}
        for side in newer:
            peers["conmon 2.1.13"] = lambda side=side: _pss("conmon", str(side.directory))
        return Case(
            "memory (PSS) of an idle container's monitor",
            lambda: _pss("libpod-runtime", str(self.ours.directory)),
            peers,
            budget=0.12,
            rounds=3,
            unit="kB",
        )

    def _runtime(self) -> Case:
        bundle = self.directory / "bundle"
        (bundle / "rootfs").mkdir(parents=True)
        sh("tar", "-C", str(bundle / "rootfs"), "-xf", str(self.inputs.small))
        sh("runc", "spec", cwd=bundle)
        config = json.loads((bundle / "config.json").read_text())
        config["process"].update(terminal=False, args=["true"])
        # Devices and limits need a cgroup, which crun does not take from a hybrid hierarchy.
        config["process"].pop("rlimits", None)
        config["linux"].pop("resources", None)
        (bundle / "config.json").write_text(json.dumps(config))
        count = itertools.count()

        def run(*program: str, environment: dict[str, str] | None = None) -> None:
            words = [*program, "run", "--bundle", str(bundle), f"bench-{os.getpid()}-{next(count)}"]
            subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True, env=environment)

        peers: dict[str, Work] = {"runc 1.1": functools.partial(run, "runc")}
        if self.newer is not None:
            peers["crun 1.28"] = functools.partial(run, *self.newer.crun(), environment=self.newer.environment)
        return Case(
            "libpod-runtime run BUNDLE",
            functools.partial(run, HELPER),
            peers,
            against=("runc 1.1",),
            budget=0.2,
            rounds=25,
        )

    def _images(self) -> Iterator[Case]:
        archives = (
            ("docker-archive, 1.4 GB", self.inputs.docker_archive, {"tmpfs": 0.12, "ext4": 0.15}),
            ("OCI archive, gzip", self.inputs.oci_gzip, {"tmpfs": 0.12, "ext4": 0.15}),
            ("OCI archive, zstd", self.inputs.oci_zstd, {"tmpfs": 0.15, "ext4": 0.18}),
        )
        for kind in ("tmpfs", "ext4"):
            for what, path, budgets in archives:
                yield self._into(kind, f"load {what}", budgets[kind], "load", "-q", "-i", str(path))
        self._start_registry()
        for form, path in (("gzip", self.inputs.oci_gzip), ("zstd", self.inputs.oci_zstd)):
            name = f"127.0.0.1:{self.port}/large:{form}"
            # Skopeo remembers where a layer is already, compressed in another way, and would leave it at that.
            copy = ("skopeo", "copy", "-q", "--preserve-digests", "--dest-tls-verify=false")
            sh(*copy, f"oci-archive:{path}", f"docker://{name}")
            manifest = sh("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}")
            if manifest.count(f"+{form}") != LAYERS:
                raise RuntimeError(f"the registry has other layers than {form}: {manifest}")
            words = ("pull", "-q", "--tls-verify=false", name)
            yield self._into("tmpfs", f"pull {form} from a registry on loopback", 0.15, *words)
        for side in self.engines:
            side("load", "-q", "-i", str(self.inputs.docker_archive))
        yield from self._ways_out()

    def _into(self, kind: str, name: str, budget: float, *words: str) -> Case:
        """A case whose stores are new each time, on a file system made for it."""

        def place() -> Path:
            if self.place is None:
                self.place = Place(kind, self.directory)
            return self.place.path

        def reset() -> None:
            # In memory there is no room for all of them; on a disk, removing a store would go on in the next one's time.
            if kind == "tmpfs" and self.place is not None:
                self._leave()
            place()

        def fresh(side: Side) -> None:
            side.fresh(place(), *words)

        peers = {side.name: functools.partial(fresh, side) for side in self.podmans}
        return Case(
            f"{name} ({kind})",
            functools.partial(fresh, self.ours),
            peers,
            budget=budget,
            rounds=3,
            reset=reset,
            close=self._leave,
        )

    def _leave(self) -> None:
        if self.place is not None:
            self.place.close()
            self.place = None

    def _ways_out(self) -> Iterator[Case]:
        count = itertools.count()

        def save(form: str, side: Side) -> None:
            side("save", "-q", "--format", form, "-o", str(self.directory / f"out{next(count)}.tar"), "localhost/large")

        def push(side: Side) -> None:
            target = f"docker://127.0.0.1:{self.port}/pushed{next(count)}:latest"
            side("push", "-q", "--tls-verify=false", "localhost/large", target)

        for name, form, budget in (
            ("save docker-archive", "docker-archive", 0.15),
            ("save OCI archive (gzip)", "oci-archive", 0.3),
        ):
            work = functools.partial(save, form)
            peers = {side.name: functools.partial(work, side) for side in self.podmans}
            yield Case(name, functools.partial(work, self.ours), peers, budget=budget, rounds=3)
        # A registry that has the blobs already would answer without a transfer: each push starts with an empty one.
        peers = {side.name: functools.partial(push, side) for side in self.podmans}
        yield Case(
            "push (gzip) to a registry on loopback",
            functools.partial(push, self.ours),
            peers,
            budget=0.3,
            rounds=3,
            reset=self._restart_registry,
        )

    def _start_registry(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._restart_registry()

    def _restart_registry(self) -> None:
        self._stop_registry()
        data = self.directory / f"registry{time.monotonic_ns()}"
        config = self.directory / "registry.yml"
        config.write_text(
            f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
            f"storage: {{filesystem: {{rootdirectory: {data}}}}}\nhttp: {{addr: '127.0.0.1:{self.port}'}}\n"
        )
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.registry = subprocess.Popen(["docker-registry", "serve", str(config)], **quiet)  # type: ignore[call-overload]
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("docker-registry does not answer")

    def _stop_registry(self) -> None:
        if self.registry is not None:
            self.registry.terminate()
            self.registry.wait()
            self.registry = None

    def close(self) -> None:
        """Stop what was started and unmount what Podman left mounted below its stores."""
        self._stop_registry()
        self._leave()
        for side in self.engines:
            if (side.directory / "main").exists():
                words = side.words("rm", "-f", "-a", "-t", "0")
                subprocess.run(words, capture_output=True, check=False, env=side.environment)
        if self.newer is not None:
            self.newer.close()
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for mount in sorted((point for point in mounts if point.startswith(str(self.directory))), reverse=True):
            subprocess.run(["umount", "-l", mount], capture_output=True, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(exist_ok=True)


def _pss(program: str, store: str) -> float:
    """PSS in kB of the one process of `program` that names `store` in its arguments or holds files below it."""
    for status in Path("/proc").glob("[0-9]*"):
        try:
            words = (status / "cmdline").read_bytes()
            if not words.split(b"\0")[0].endswith(program.encode()):
                continue
            if store.encode() not in words and not any(store in os.readlink(fd) for fd in (status / "fd").iterdir()):
                continue
            rollup = (status / "smaps_rollup").read_text()
        except OSError:
            continue
        return float(next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")))
    raise RuntimeError(f"no process {program} of {store}")
