"""Play the part of a monitor of the release before versions, from its recorded records and frames. A program of its own.

`recorded_monitor.py RUN_DIRECTORY EXIT_FILE COMMAND…` runs the command in the container's place. What it does, in which order,
and which frames it knows, is what that release did; a frame that it did not know ends the connection, as then.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "release-before"
EXITED, RUNNING = 6, 7
TAKE_CLEANUP, CLEANUP_DONE = 9, 10
#: stdin, size, end of stdin, cleanup taken, cleanup done, no output.
KNOWN = {1, 4, 5, TAKE_CLEANUP, CLEANUP_DONE, 12}


def recorded(name: str, **changes: Any) -> dict[str, Any]:
    """A recorded document with other values for members that it has."""
    document: dict[str, Any] = json.loads((VECTORS / name).read_text())
    assert set(changes) <= set(document), name
    return {**document, **changes}


def publish(path: Path, document: dict[str, Any]) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(document, separators=(",", ":")))
    temporary.rename(path)


def start_time(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


class Monitor:
    """One container's monitor."""

    def __init__(self, run_directory: Path, exit_file: Path, command: list[str]) -> None:
        self.run_directory = run_directory
        self.exit_file = exit_file
        self.selector = selectors.DefaultSelector()
        self.peers: set[socket.socket] = set()
        self.cleaners: set[socket.socket] = set()
        self.told: list[bytes] = []
        # Its name keeps an end that is not recorded yet from being taken for one that never will be.
        Path("/proc/self/comm").write_text("libpod-monitor")
        run_directory.mkdir(parents=True, mode=0o700)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(run_directory / "attach"))
        self.listener.listen()
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.pidfd = os.pidfd_open(self.child.pid)
        self.selector.register(self.pidfd, selectors.EVENT_READ)
        self.started = {
            "pid": self.child.pid,
            "start_time": start_time(self.child.pid),
            "monitor_pid": os.getpid(),
            "monitor_start_time": start_time(os.getpid()),
        }
        publish(run_directory / "pid.json", recorded("pid.json", **self.started))
        running = {name: value for name, value in self.started.items() if name != "monitor_start_time"}
        self.tell(bytes([RUNNING]) + json.dumps(recorded("running.json", **running)).encode())

    def tell(self, frame: bytes) -> None:
        self.told.append(frame)
        for peer in list(self.peers):
            self.send(peer, frame)

    def send(self, peer: socket.socket, frame: bytes) -> None:
        try:
            peer.send(frame)
        except OSError:
            self.close(peer)

    def close(self, peer: socket.socket) -> None:
        self.selector.unregister(peer)
        self.peers.discard(peer)
        self.cleaners.discard(peer)
        peer.close()

    def accept(self) -> bool:
        try:
            peer, _ = self.listener.accept()
        except BlockingIOError:
            return False
        self.peers.add(peer)
        self.selector.register(peer, selectors.EVENT_READ)
        for frame in self.told:
            self.send(peer, frame)
        return True

    def hear(self, peer: socket.socket) -> None:
        try:
            frame = peer.recv(1 << 16)
        except OSError:
            frame = b""
        if not frame or frame[0] not in KNOWN:
            self.close(peer)
        elif frame[0] == TAKE_CLEANUP:
            self.cleaners.add(peer)
        elif frame[0] == CLEANUP_DONE:
            self.cleaners.discard(peer)

    def serve(self) -> bool:
        """Serve what is ready; whether the container has ended."""
        has_ended = False
        for key, _ in self.selector.select():
            if key.fileobj == self.pidfd:
                has_ended = True
            elif key.fileobj is self.listener:
                self.accept()
            elif isinstance(key.fileobj, socket.socket) and key.fileobj in self.peers:
                self.hear(key.fileobj)
        return has_ended

    def watch(self) -> None:
        """Serve clients until the container has ended and been cleaned up after."""
        while not self.serve():
            continue
        self.selector.unregister(self.pidfd)
        ended = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        killed = ended.si_code != os.CLD_EXITED
        record = recorded(
            "exit.json",
            exit_code=128 + ended.si_status if killed else ended.si_status,
            signal=ended.si_status if killed else None,
        )
        if self.exit_file.parent.exists():
            publish(self.exit_file, record)
        self.tell(bytes([EXITED]) + json.dumps(record).encode())
        self.child.wait()
        shutil.rmtree(self.run_directory)
        while self.cleaners:
            self.serve()
        while self.accept():
            continue


if __name__ == "__main__":
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    Monitor(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]).watch()
