"""What is measured, row by row."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benches.inputs import LAYERS, Inputs, sh
from benches.measure import Case

OURS = str(Path(sys.executable).parent / "podman")
HELPER = str(Path(sys.executable).parent / "libpod-runtime")
#: This host's hard limits cannot be raised, and crun refuses its hybrid cgroups.
PEER_RUN_FLAGS = ("--ulimit", "nofile=10000:20000", "--ulimit", "nproc=10000:20000")
PARALLEL = 16


class Side:
    """One program with a store of its own."""

    def __init__(self, program: list[str], directory: Path, run_flags: tuple[str, ...] = ()) -> None:
        self.program = program
        self.directory = directory
        self.run_flags = run_flags
        self.count = itertools.count()

    def words(self, *words: str, store: str = "main") -> list[str]:
        """Argument vector of one command."""
        arguments = list(words)
        if arguments[0] == "run":
            arguments[1:1] = self.run_flags
        base = self.directory / store
        return [*self.program, "--root", str(base / "r"), "--runroot", str(base / "o"), *arguments]

    def __call__(self, *words: str, store: str = "main") -> None:
        """Run one command that must succeed; its output is dropped."""
        subprocess.run(self.words(*words, store=store), check=True, stdin=subprocess.DEVNULL, capture_output=True)

    def fresh(self, *words: str) -> None:
        """Run one command on a store that nothing was in before."""
        self(*words, store=f"fresh{next(self.count)}")


class Bench:
    """The stores, the inputs and the registry that the cases share."""

    def __init__(self, directory: Path, inputs: Path) -> None:
        self.directory = directory
        self.ours = Side([OURS], directory / "u")
        self.peer = Side(["podman", "--runtime", "runc"], directory / "p", PEER_RUN_FLAGS)
        self.sides = (self.ours, self.peer)
        self.inputs = Inputs(inputs, self.peer.program)
        self.registry: subprocess.Popen[bytes] | None = None
        self.port = 0

    def cases(self) -> Iterator[Case]:
        """All rows, cheap ones first; what a row needs is prepared just before it."""
        self.inputs.make()
        for side in self.sides:
            side("import", str(self.inputs.small), "localhost/small:latest")
        yield from self._commands()
        yield from self._containers()
        yield self._runtime()
        yield from self._images()

    def _both(self, *words: str) -> dict[str, object]:
        return {"ours": lambda: self.ours(*words), "theirs": lambda: self.peer(*words)}

    def _commands(self) -> Iterator[Case]:
        yield Case("version", **self._both("version"))  # type: ignore[arg-type]
        yield Case("ps", **self._both("ps"))  # type: ignore[arg-type]
        yield Case("images", **self._both("images"))  # type: ignore[arg-type]

    def _containers(self) -> Iterator[Case]:
        none = ("run", "--rm", "--network", "none", "localhost/small", "true")
        yield Case("run --rm --network none IMG true", **self._both(*none), budget=0.5, rounds=25)  # type: ignore[arg-type]
        yield self._in_process(none)
        # Podman takes the bridge down with its last container, and both sides share it: one of each keeps it up.
        for side in self.sides:
            side("run", "-d", "--name", "keeper", "localhost/small", "sleep", "100000")
        bridge = ("run", "--rm", "localhost/small", "true")
        yield Case("run --rm IMG true (bridge)", **self._both(*bridge), budget=0.35)  # type: ignore[arg-type]
        for side in self.sides:
            side("rm", "-f", "-t", "0", "keeper")
        yield self._parallel(none)
        for side in self.sides:
            side("run", "-d", "--name", "idle", "--network", "none", "localhost/small", "sleep", "100000")
        yield Case("exec C true", **self._both("exec", "idle", "true"), budget=0.45, rounds=25)  # type: ignore[arg-type]
        yield self._monitor_memory()
        for side in self.sides:
            side("rm", "-f", "-t", "0", "idle")

    def _in_process(self, peer_words: tuple[str, ...]) -> Case:
        import libpod

        engine = libpod.Engine(root=str(self.ours.directory / "main/r"), runroot=str(self.ours.directory / "main/o"))

        def ours() -> None:
            assert engine.run("localhost/small", ["true"], network="none").exit_code == 0

        return Case(
            "Engine.run(IMG, true, network none), in process",
            ours=ours,
            theirs=lambda: self.peer(*peer_words),
            budget=0.15,
            rounds=25,
        )

    def _parallel(self, words: tuple[str, ...]) -> Case:
        def many(side: Side) -> None:
            running = [
                subprocess.Popen(
                    side.words(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
                )
                for _ in range(PARALLEL)
            ]
            for process in running:
                _, errors = process.communicate()
                assert process.returncode == 0, errors

        return Case(
            f"{PARALLEL} x run --rm --network none at once",
            ours=lambda: many(self.ours),
            theirs=lambda: many(self.peer),
            rounds=5,
        )

    def _monitor_memory(self) -> Case:
        return Case(
            "memory (PSS) of an idle container's monitor",
            ours=lambda: _pss("libpod-runtime", str(self.ours.directory)),
            theirs=lambda: _pss("conmon", str(self.peer.directory)),
            budget=0.3,
            rounds=3,
            unit="kB",
            peer="conmon",
        )

    def _runtime(self) -> Case:
        bundle = self.directory / "bundle"
        (bundle / "rootfs").mkdir(parents=True)
        sh("tar", "-C", str(bundle / "rootfs"), "-xf", str(self.inputs.small))
        sh("runc", "spec", cwd=bundle)
        config = json.loads((bundle / "config.json").read_text())
        config["process"].update(terminal=False, args=["true"])
        config["process"].pop("rlimits", None)
        (bundle / "config.json").write_text(json.dumps(config))
        count = itertools.count()

        def run(program: str) -> None:
            name = f"bench-{os.getpid()}-{next(count)}"
            subprocess.run(
                [program, "run", name], cwd=bundle, check=True, stdin=subprocess.DEVNULL, capture_output=True
            )

        return Case(
            "libpod-runtime run BUNDLE",
            ours=lambda: run(HELPER),
            theirs=lambda: run("runc"),
            budget=0.3,
            rounds=25,
            peer="runc",
        )

    def _images(self) -> Iterator[Case]:
        inputs = self.inputs
        for name, path, budget in (
            ("load docker-archive, 1.4 GB", inputs.docker_archive, 0.15),
            ("load OCI archive, gzip", inputs.oci_gzip, 0.15),
            ("load OCI archive, zstd", inputs.oci_zstd, 0.2),
        ):
            yield Case(
                name,
                ours=lambda path=path: self.ours.fresh("load", "-q", "-i", str(path)),
                theirs=lambda path=path: self.peer.fresh("load", "-q", "-i", str(path)),
                budget=budget,
                rounds=3,
            )
        self._start_registry()
        for form, path in (("gzip", inputs.oci_gzip), ("zstd", inputs.oci_zstd)):
            name = f"127.0.0.1:{self.port}/large:{form}"
            # Skopeo remembers where a layer is already, compressed in another way, and would leave it at that.
            copy = ("skopeo", "copy", "-q", "--preserve-digests", "--dest-tls-verify=false")
            sh(*copy, f"oci-archive:{path}", f"docker://{name}")
            manifest = sh("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}")
            if manifest.count(f"+{form}") != LAYERS:
                raise RuntimeError(f"the registry has other layers than {form}: {manifest}")
            words = ("pull", "-q", "--tls-verify=false", name)
            yield Case(
                f"pull {form} from a registry on loopback",
                ours=lambda words=words: self.ours.fresh(*words),
                theirs=lambda words=words: self.peer.fresh(*words),
                budget=0.2,
                rounds=3,
            )
        for side in self.sides:
            side("load", "-q", "-i", str(inputs.docker_archive))
        yield from self._ways_out()

    def _ways_out(self) -> Iterator[Case]:
        count = itertools.count()

        def save(side: Side, form: str) -> None:
            side("save", "-q", "--format", form, "-o", str(self.directory / f"out{next(count)}.tar"), "localhost/large")

        def push(side: Side) -> None:
            target = f"docker://127.0.0.1:{self.port}/pushed{next(count)}:latest"
            side("push", "-q", "--tls-verify=false", "localhost/large", target)

        for name, form, budget in (
            ("save docker-archive", "docker-archive", 0.35),
            ("save OCI archive (gzip)", "oci-archive", 0.4),
        ):
            yield Case(
                name,
                ours=lambda form=form: save(self.ours, form),
                theirs=lambda form=form: save(self.peer, form),
                budget=budget,
                rounds=3,
            )
        # A registry that has the blobs already would answer without a transfer: each push starts with an empty one.
        yield Case(
            "push (gzip) to a registry on loopback",
            ours=lambda: push(self.ours),
            theirs=lambda: push(self.peer),
            budget=0.4,
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
        for side in self.sides:
            if (side.directory / "main").exists():
                subprocess.run(side.words("rm", "-f", "-a", "-t", "0"), capture_output=True, check=False)
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
