"""Podman and libpod side by side: the same command lines to both, what differs by nature taken out, and the rest compared.

A script is one or more command lines, run in order on a store of each program. What differs by nature (ids, times, the
name of the OCI runtime in an error) is replaced before the comparison; whatever else differs is listed with its script.
"""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support import cli, container_images, newer, probe

LIMITS = ("--ulimit", "nofile=10000:20000", "--ulimit", "nproc=10000:20000")


OLD, NEW = "podman 4.3", "podman 5.4"

#: Lines of which one Podman says something else, and why libpod follows the other. They are run all the same.
DIFFERENT: dict[str, dict[str, str]] = {
    OLD: {
        "run --rm bare": "the newer lets the runtime say that there is no such command",
        "run --rm --entrypoint '' rich": "the newer lets the runtime say that there is no such command",
        "run --rm rich /data": "the newer runc says that it is a directory",
        "ps --format '{{json .}}'": "a row a line; the older writes a list",
        "run --rm -e A=cli -e D rich sh -c 'echo $A $B $D $container $TERM'": "TERM comes with a terminal",
        "run --rm bare /bin/sh -c 'echo $FOO $TERM $PATH'": "TERM comes with a terminal",
        "run --rm -e =x rich true": "words of an error",
        "run --rm --env-file /nonexistent rich true": "words of an error",
        "run --rm --env-file @/badenv rich true": "words of an error",
        "exec -e = k true": "words of an error",
        "exec -e '' k true": "words of an error",
        "run --rm -h foo rich sh -c 'hostname; cat /etc/hostname; echo; echo $HOSTNAME'": "the line ends now",
        "run --rm --network container:lender -h mine --name own rich grep mine /etc/hosts": "own names are left out now",
        "run --name used rich true": "words of an error",
        "run --rm --image-volume foo full": "words of an error",
        "run --rm --cidfile @/$SIDE.cid rich true": "the newer writes over it",
        "run --rm --cidfile /nonexistent/x rich true": "words of an error",
        "run --replace --name kept --cidfile @/$SIDE.cid rich true": "the newer writes over it",
        "ps -a --format {{.Names}},{{.Command}}": "the container of the line before",
        "rm -f kept": "the container of the lines before",
        "exec e": "125 in place of 255",
        "ps --filter ancestor=rich --format '{{.Names}}'": "the newer finds the word in the name",
        "rm m": "words of an error",
        "rm nosuch": "words of an error",
        "wait --condition foo x": "the newer looks for the container first",
        "run --rm -h box --name conf rich cat /etc/hosts": "the newer adds host.docker.internal",
        "run --rm --network host --add-host foo:1.2.3.4 --name n rich cat /etc/hosts": "the newer adds host.docker.internal",
    },
    NEW: {
        "run --rm --init --init-path /nosuch rich true": "it names its own system call (`faccessat`)",
        "create --network bridge:foo=1 rich true": "an option that does nothing is an error",
    },
}


class Pair:
    """Podman and libpod, each with the same images in a store of its own."""

    def __init__(self, name: str, directory: Path, peer: cli.Cli) -> None:
        self.name = name
        self.directory = directory
        self.peer = peer
        self.ours = cli.Cli([str(cli.OURS)], directory / "u", run_flags=LIMITS)
        for archive in container_images.make_images(self.peer, directory):
            self.ours("load", "-q", "-i", str(archive))

    def close(self) -> None:
        for program in (self.ours, self.peer):
            program.remove_all()


@contextmanager
def open_pair(name: str) -> Iterator[Pair]:
    """Make the stores, and the files that scripts speak of; both are gone afterwards. name: `OLD` or `NEW`."""
    probe.needs_root()
    probe.needs_programs("podman", "runc", "conmon", "busybox")
    directory = Path(tempfile.mkdtemp(prefix="ip-", dir="/tmp"))
    for side in ("p", "u"):
        (directory / side).mkdir()
    (directory / "bind").mkdir()
    (directory / "bind" / "file").write_text("from the host\n")
    (directory / "env").write_text("A=file\n# comment\nC=x y\n")
    (directory / "blanks").write_text("d = 4\n")
    (directory / "badenv").write_text("=bad\n")
    (directory / "latin1").write_bytes(b"X=caf\xe9\n")
    (directory / "env\udce9").write_text("X=1\n")
    (directory / "etc").mkdir()
    for file in ("hosts", "hostname", "resolv.conf", "localtime"):
        (directory / "etc" / file).write_text("the user's\n")
    (directory / "etc" / "passwd").write_text("root:x:0:0::/root:\nguest:x:777:778::/home/guest:\n")
    (directory / "etc" / "group").write_text("root:x:0:\nclub:x:800:guest\n")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        peer = cli.real_podman(directory / "p") if name == OLD else stack.enter_context(newer.podman(directory / "p"))
        pair = Pair(name, directory, peer)
        yield pair
        pair.close()


def compare(pair: Pair, lines: list[str]) -> None:
    """Run the lines of one script on both; what they answer is the same, except where `DIFFERENT` says otherwise.

    `run` and `create` get `--network none` unless they name a network. `@` is the shared directory.
    """
    for line in lines:
        theirs = run(pair, pair.peer, line, "peer")
        ours = run(pair, pair.ours, line, "ours")
        assert ours == theirs or line in DIFFERENT[pair.name], f"{line}\nours:   {ours}\ntheirs: {theirs}"


def run(pair: Pair, program: cli.Cli, line: str, side: str) -> tuple[int, str, str]:
    """Run one line; return exit code, stdout and the meaning of stderr."""
    words = shlex.split(line.replace("@", str(pair.directory)).replace("$SIDE", side))
    if words[0] in ("run", "create") and "--network" not in words and len(words) > 1:
        words[1:1] = ["--network", "none"]
    done = program(*words, code=None)
    stdout = done.stdout
    if "--replace" in words and side == "peer":
        # Podman 4 prints the name of the container that it removed for it, newer ones do not: one line is the id.
        stdout = stdout.removeprefix(words[words.index("--name") + 1] + "\n")
    return done.returncode, neutral(stdout, side), meaning(done.stderr, side)


def neutral(text: str, side: str) -> str:
    """Replace what differs by nature."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "<ID>", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "<SHORT>", text)
    text, ages = re.subn(r"(Less than a second|About a minute|\d+ seconds?|\d+ minutes?) ago", "<AGO>", text)
    if ages:
        # The columns of a table are as wide as the ages in it.
        text = re.sub(r" {2,}", "  ", text)
    return re.sub(rf"\b{side}\.cid", "<CIDFILE>", text)


def meaning(text: str, side: str) -> str:
    """What an error says, without the names of the programs on the way to it."""
    text = neutral(text, side)
    text = re.sub(r"(?m)^time=.*\n?", "", text)
    text = re.sub(r"OCI runtime error: ", "", text)
    # Podman said so up to 4.
    text = re.sub(r"inspecting object: (printing inspect output: )?", "", text)
    # Podman 5.4 names its own code in one text, and a type that libpod does not have in another.
    text = text.replace("mnt.Options", "options").replace("<bind|glob|tmpfs|volume>", "<bind|tmpfs|volume>")
    # We say what was refused, and why a file could not be opened.
    text = re.sub(r"set hostname \"a+\": ", "sethostname: ", text)
    text = re.sub(r"(?m)(opening cidfile \S+): no such file or directory$", r"\1", text)
    text = re.sub(r"runc: (runc create failed: |exec failed: )?(unable to start container process: )?", "", text)
    return text.replace("error during container init: ", "").strip()
