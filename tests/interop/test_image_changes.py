"""`import --change` beside Podman: every instruction, well-formed or not, gives the same config or the same words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from libpod.errors import InvalidError
from libpod.image.changes import apply_changes
from tests.support import cli
from tests.support.images import tar

#: One instruction a line.
CHANGES = r"""
ENV A
ENV A=1
ENV A=1 B=2
ENV B 2 3
ENV "A"="b c"
ENV A='x'
ENV =x
ENV
env=A=1
ENV A=
ENV  A=1
EXPOSE 53/udp 90
EXPOSE 80
EXPOSE 80/TCP
EXPOSE 80/sctp
EXPOSE 0
EXPOSE 65536
EXPOSE x
EXPOSE 80/tcp/x
EXPOSE 80-90
EXPOSE +80
EXPOSE 080
EXPOSE
EXPOSE=80
CMD ["a","b"]
CMD a b
CMD
CMD=a b
CMD ["a", 1]
CMD [a]
CMD []
cmd x
CMD "a"
CMD null
CMD ["a"] x
ENTRYPOINT ["a"]
ENTRYPOINT x
ENTRYPOINT []
VOLUME /a /b
VOLUME ["/a b"]
VOLUME /a  /b
VOLUME []
VOLUME [""]
VOLUME x
WORKDIR /a
WORKDIR b
WORKDIR /a/../b
WORKDIR /a//b/
WORKDIR ..
LABEL a=b
LABEL a
LABEL a b
LABEL "a"="b c"
LABEL =b
LABEL ""=b
LABEL a=
LABEL a=b c=d
LABEL 'a'='b'
STOPSIGNAL INT
STOPSIGNAL SIGINT
STOPSIGNAL 15
STOPSIGNAL sigkill
STOPSIGNAL x
STOPSIGNAL 0
STOPSIGNAL 64
STOPSIGNAL RTMIN+3
USER 1:2
USER a b
RUN x
FOO bar
MAINTAINER x
HEALTHCHECK NONE
SHELL ["/bin/sh"]
ARG x
""".strip().splitlines()

#: What a line of text cannot show, and several instructions in one command.
MORE = [
    ["ENV "], ["EXPOSE "], ["CMD "], ["ENTRYPOINT "], ["VOLUME "], ["WORKDIR "], ["STOPSIGNAL "], ["USER "], ["ONBUILD "],
    [""], ["  "], [" USER x"], ["EXPOSE 80 "], ["VOLUME /a\t/b"],
    ["WORKDIR /a", "WORKDIR b", "WORKDIR /c"], ["ENV A=1", "ENV A=2"], ["VOLUME /a", "VOLUME /b"], ["CMD a", "CMD b"],
    ["EXPOSE 80", "EXPOSE 81"], ["LABEL a=1", "LABEL a=2"], ["USER 1", "FOO x"],
]  # fmt: skip


def by_podman(peer: cli.Cli, root: Path, changes: list[str]) -> tuple[dict[str, Any] | None, str]:
    """The config that Podman makes, or its words."""
    words = [word for change in changes for word in ("-c", change)]
    done = peer("import", "-q", *words, str(root), code=None)
    if done.returncode != 0:
        return None, done.stderr.strip().removeprefix("Error: ")
    image = done.stdout.strip().removeprefix("sha256:")
    texts = [path.read_bytes() for path in (peer.root / "overlay-images" / image).iterdir()]
    (document,) = (json.loads(text) for text in texts if b'"rootfs"' in text)
    config: dict[str, Any] = document["config"]
    return config, ""


def test_every_instruction_means_what_it_means_to_podman(peer: cli.Cli, tmp_path: Path) -> None:
    root = tmp_path / "root.tar"
    root.write_bytes(tar(("x", b"1")))
    for changes in [*([change] for change in CHANGES), *MORE]:
        wanted, words = by_podman(peer, root, changes)
        if wanted is None:
            with pytest.raises(InvalidError) as caught:
                apply_changes({}, changes)
            assert str(caught.value).strip() == words
        else:
            assert apply_changes({}, changes) == wanted, changes
