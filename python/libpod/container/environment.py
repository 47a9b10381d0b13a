"""Environment variables, labels and annotations, from options and from files.

Start reading at `merge_environment`. Nothing of the host's environment is taken unless the user asks for a name.
"""

from __future__ import annotations

import os

from libpod.errors import InvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Proxy settings of the host are passed on unless `--http-proxy=false`.
PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY")

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def read_env_file(path: str, host: Mapping[str, str] | None = None) -> dict[str, str]:
    """Read a file of `NAME=value` lines; `NAME` alone takes the host's value, `#` begins a comment line.

    Raises: InvalidError `parsing file …` for a line without a name and for a file that cannot be read.
    """
    variables: dict[str, str] = {}
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                stripped = line.rstrip("\n").lstrip()
                if stripped and not stripped.startswith("#"):
                    variables.update(parse_variable(stripped, host))
    except OSError as error:
        raise InvalidError(
            f'parsing file "{path}": open {path}: {_reason(error)}', path=path, errno=error.errno
        ) from None
    except InvalidError as error:
        raise InvalidError(f'parsing file "{path}": {error.message}') from None
    return variables


def parse_variable(text: str, host: Mapping[str, str] | None = None) -> dict[str, str]:
    """Parse `NAME=value`; `NAME` takes the host's value or nothing, `NAME*` takes all of the host's that begin so.

    Raises: InvalidError for an empty name.
    """
    environment: Mapping[str, str] = os.environ if host is None else host
    name, equals, value = text.partition("=")
    if not name and equals:
        raise InvalidError(f'invalid variable: "{text}"')
    if equals:
        return {name: value}
    if name.endswith("*"):
        return {key: environment[key] for key in environment if key.startswith(name[:-1])}
    return {name: environment[name]} if name in environment else {}


def parse_variables(options: Iterable[str], files: Iterable[str]) -> dict[str, str]:
    """Merge the files' variables and then the options'."""
    variables: dict[str, str] = {}
    for path in files:
        variables.update(read_env_file(path))
    for text in options:
        variables.update(parse_variable(text))
    return variables


def split_variables(lines: Iterable[str]) -> dict[str, str]:
    """Turn an image's `NAME=value` lines into a mapping; a line without `=` sets nothing on the host's say."""
    variables = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if name and equals:
            variables[name] = value
    return variables


def merge_environment(
    *,
    defaults: Iterable[str],
    image: Iterable[str],
    given: Mapping[str, str],
    unset: Iterable[str] = (),
    unset_all: bool = False,
    http_proxy: bool = True,
    host: bool = False,
    terminal: bool = False,
) -> dict[str, str]:
    """Compose a container's environment: defaults, `container`, proxies, the host's, the image's, the user's, in that order.

    terminal: the container has one, so `TERM` is among the defaults.
    """
    merged: dict[str, str] = {}
    if not unset_all:
        # What containers.conf says comes on top of these two, not in their place.
        merged = {"PATH": DEFAULT_PATH, **({"TERM": "xterm"} if terminal else {}), **split_variables(defaults)}
        merged["container"] = "podman"
    if http_proxy:
        merged.update({name: os.environ[name] for name in PROXIES if name in os.environ})
    if host:
        merged.update(os.environ)
    if not unset_all:
        merged.update(split_variables(image))
    for name in unset:
        merged.pop(name, None)
    merged.update(given)
    return merged


def parse_labels(options: Iterable[str], files: Iterable[str]) -> dict[str, str]:
    """Parse `--label name[=value]` and `--label-file`.

    Raises: InvalidError `unable to process labels: …`.
    """
    texts: list[str] = []
    for path in files:
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                lines = [line.strip() for line in file]
        except OSError as error:
            raise InvalidError(
                f"unable to process labels: open {path}: {_reason(error)}", path=path, errno=error.errno
            ) from None
        for line in lines:
            if line and not line.startswith("#"):
                _check_label_line(line)
                texts.append(line)
    labels = {}
    for text in (*texts, *options):
        name, _, value = text.partition("=")
        if not name:
            raise InvalidError(f'unable to process labels: invalid label format: "{text}"')
        labels[name] = value
    return labels


def _check_label_line(line: str) -> None:
    """Podman reads a file of labels with the rules of a file of variables."""
    name = line.partition("=")[0]
    if not name:
        raise InvalidError(f'unable to process labels: invalid environment variable: "{line}"')
    if name != "".join(name.split()):
        raise InvalidError(f'unable to process labels: name "{name}" has white spaces, poorly formatted name')


def parse_annotations(options: Iterable[str]) -> dict[str, str]:
    """Parse `--annotation KEY=VALUE`.

    Raises: InvalidError where a text has no `=`.
    """
    annotations = {}
    for text in options:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidError("annotations must be formatted KEY=VALUE")
        annotations[name] = value
    return annotations


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
