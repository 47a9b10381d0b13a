"""What an image is called: `[registry/]repository[:tag][@digest]`, as a text and as a value.

Start with `parse_name`, which says what a user's text is: an id, a `Reference` or a `ShortName`, a name without a registry.
Which registries a short name may stand for is decided by `libpod.image.shortnames`, not here. Where the text can only be a name,
`parse_normalized` fills in what users leave out (`docker.io`, `library/`, `latest`), and `parse` leaves tag and digest as they
were written. A text is parsed where it comes in; from there on the value travels. Nothing is looked up or contacted.

Errors are in the words of Podman. Source: the grammar in the reference package of the distribution project.
"""

from __future__ import annotations

from libpod.errors import InvalidError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.digest import Digest

#: The registry of names that name none, and the namespace of its official images.
DEFAULT_REGISTRY, OFFICIAL_NAMESPACE = "docker.io", "library"
DEFAULT_TAG = "latest"

#: Transports that may stand before a name, and those of other tools.
TRANSPORTS = ("containers-storage", "dir", "docker", "docker-archive", "oci", "oci-archive")
FOREIGN_TRANSPORTS = ("docker-daemon", "ostree", "sif", "tarball")

#: Longest name (registry and repository) and tag.
NAME_LIMIT, TAG_LIMIT = 255, 128

_LOWER_HEX = frozenset("0123456789abcdef")
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_ALPHANUMERIC = _LOWER | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_WORD = _ALPHANUMERIC | {"_"}
_TAG = _WORD | {".", "-"}
_HOST = _ALPHANUMERIC | {"-"}

#: What may stand before an image id, which is the hex of a sha256, and its digits.
ID_PREFIX, ID_DIGITS = "sha256:", 64


class Reference:
    """A fully qualified image name. Immutable by convention; equal and hashable by its text.

    registry: host, with port where given. repository: path there, without tag. tag, digest: None where absent.
    """

    __slots__ = ("digest", "registry", "repository", "tag")

    def __init__(self, registry: str, repository: str, tag: str | None = None, digest: Digest | None = None) -> None:
        self.registry = registry
        self.repository = repository
        self.tag = tag
        self.digest = digest

    @property
    def name(self) -> str:
        """Registry and repository: `docker.io/library/busybox`."""
        return f"{self.registry}/{self.repository}"

    @property
    def familiar(self) -> str:
        """The shortest text that normalises to this reference: `busybox:1.36`."""
        name = self.name
        # A repository of docker.io whose first part looks like a host keeps its registry.
        if self.registry == DEFAULT_REGISTRY and _names_no_registry(self.repository):
            name = self.repository
            official = OFFICIAL_NAMESPACE + "/"
            if name.startswith(official) and "/" not in name[len(official) :]:
                name = name[len(official) :]
        return name + self._suffix()

    def with_default_tag(self) -> Reference:
        """Return the reference with `latest` where it has neither tag nor digest."""
        if self.tag is None and self.digest is None:
            return Reference(self.registry, self.repository, DEFAULT_TAG)
        return self

    def pinned(self) -> Reference:
        """Return the reference without a tag beside a digest: the digest decides."""
        if self.digest is None or self.tag is None:
            return self
        return Reference(self.registry, self.repository, None, self.digest)

    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        return self.name + self._suffix()

    def __repr__(self) -> str:
        return f"Reference({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


class ShortName:
    """A name that leaves its registry open. repository: as written. tag, digest: None where absent. text: all of it."""

    __slots__ = ("digest", "repository", "tag", "text")

    def __init__(self, text: str, repository: str, tag: str | None, digest: Digest | None) -> None:
        self.text = text
        self.repository = repository
        self.tag = tag
        self.digest = digest

    def under(self, name: str) -> Reference:
        """Return what it is if its repository stands for `name`, a registry with a repository, without tag and digest.

        Raises: InvalidError for a name that is none.
        """
        registry, repository = _split_registry(name)
        if self.digest is not None:
            return Reference(registry, repository, None, self.digest)
        return Reference(registry, repository, self.tag or DEFAULT_TAG)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"ShortName({self.text!r})"


class ImageId:
    """A whole image id. text: as written, perhaps with `sha256:` before it. hex: its 64 lower-case hexadecimal digits."""

    __slots__ = ("hex", "text")

    def __init__(self, text: str, hex: str) -> None:
        self.text = text
        self.hex = hex

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"ImageId({self.text!r})"


def split_transport(text: str) -> tuple[str, str]:
    """Split `transport:rest`; the transport is "" for a plain name. `docker` is a transport only before `//`.

    Raises: UnsupportedError for a transport that other tools have and libpod does not.
    """
    name, colon, rest = text.partition(":")
    if colon and name in FOREIGN_TRANSPORTS:
        raise UnsupportedError(f'the transport "{name}:" is not supported by this version of libpod')
    if colon and name in TRANSPORTS and (name != "docker" or rest.startswith("//")):
        return name, rest
    return "", text


def unknown_transport(text: str) -> str:
    """Return what stands before `:/` where it is no transport at all, as in `foo:/x` or `https://host/x`; else ""."""
    name, colon, _ = text.partition(":/")
    known = name in TRANSPORTS or name in FOREIGN_TRANSPORTS
    return name if colon and not known and _HOST.issuperset(name) else ""


def parse_local(text: str) -> Reference:
    """Parse a name that the user gives to an image: a short one is under `localhost/`.

    Raises: InvalidError in Podman's words.
    """
    name, tag, digest = split(text)
    if _names_no_registry(name):
        # Checked again: a name that is too long with the registry is none.
        return parse_normalized(f"localhost/{text}")
    return Reference(*_split_registry(name), tag, digest).with_default_tag()


def bare_id(text: str) -> str:
    """Return an image id, or the beginning of one, without the `sha256:` that may stand before it; any other text as it is."""
    return text.removeprefix(ID_PREFIX)


def parse_name(text: str) -> ImageId | ShortName | Reference:
    """Say what a user's text for an image is. The beginning of an id looks like a short name.

    Raises: InvalidError in Podman's words.
    """
    wanted = bare_id(text)
    if len(wanted) == ID_DIGITS and _LOWER_HEX.issuperset(wanted):
        return ImageId(text, wanted)
    if wanted != text:
        raise InvalidError(f"{text}: invalid format: no 64-byte hexadecimal value")
    name, tag, digest = split(text)
    if _names_no_registry(name):
        return ShortName(text, name, tag, digest)
    return Reference(*_split_registry(name), tag, digest)


def parse_normalized(text: str) -> Reference:
    """Parse a name as `podman tag` and archives do: registry, namespace and tag are filled in.

    Raises: InvalidError in Podman's words.
    """
    return parse(text).with_default_tag()


def parse(text: str) -> Reference:
    """Parse a name and fill in registry and namespace, not the tag.

    Raises: InvalidError in Podman's words.
    """
    if len(text) == ID_DIGITS and _LOWER_HEX.issuperset(text):
        raise InvalidError(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    name, tag, digest = split(text)
    registry, repository = _split_registry(name)
    return Reference(registry, repository, tag, digest)


def split(text: str) -> tuple[str, str | None, Digest | None]:
    """Split a text into name, tag and digest and check each; nothing is filled in.

    Raises: InvalidError in Podman's words.
    """
    foreign = unknown_transport(text)
    if foreign:
        raise InvalidError(f'invalid reference format: unknown transport "{foreign}"')
    name, at, rest = text.partition("@")
    digest = _digest(rest) if at else None
    tag: str | None = None
    slash = name.rfind("/")
    colon = name.find(":", slash + 1)
    # The colon of `[::1]:5000` alone is no tag's, but a name consists of more than a host.
    if colon != -1:
        name, tag = name[:colon], name[colon + 1 :]
    _check_name(name, whole=text)
    if tag is not None and not _is_tag(tag):
        raise InvalidError("invalid reference format")
    return name, tag, digest


def split_stored(name: str) -> tuple[str, str]:
    """Split a name of the store, which was checked when it was given, into its repository and its tag or digest."""
    if "@" in name:
        repository, _, digest = name.partition("@")
        return repository, digest
    repository, colon, tag = name.rpartition(":")
    return (repository, tag) if colon else (name, "")


def parse_stored(name: str) -> Reference:
    """Parse a name of the store; `run` comes here."""
    repository, tag = split_stored(name)
    registry, slash, path = repository.partition("/")
    return Reference(registry, path, tag or None) if slash and "@" not in name else parse(name)


def check_repository(path: str) -> bool:
    """Say whether a path is a valid repository: lower-case components, separated by slashes."""
    return bool(path) and all(_is_component(part) for part in path.split("/"))


def _check_name(name: str, *, whole: str) -> None:
    if not name:
        message = "repository name must have at least one component" if not whole else "invalid reference format"
        raise InvalidError(message)
    host, slash, path = name.partition("/")
    # The first component may be a host (with port, upper case allowed) as long as a path follows.
    hosted = slash != "" and (_is_host(host) and check_repository(path))
    if not hosted and not check_repository(name):
        lower = name.lower()
        lower_host, _, lower_path = lower.partition("/")
        repairable = check_repository(lower) or (slash != "" and _is_host(lower_host) and check_repository(lower_path))
        if lower != name and repairable:
            raise InvalidError("repository name must be lowercase")
        raise InvalidError("invalid reference format")
    _check_length(name)


def _split_registry(name: str) -> tuple[str, str]:
    registry, slash, repository = name.partition("/")
    if _names_no_registry(name) or not slash:
        if not check_repository(name):
            raise InvalidError("invalid reference format: repository name must be lowercase")
        registry, repository = DEFAULT_REGISTRY, name
    elif registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"{OFFICIAL_NAMESPACE}/{repository}"
    _check_length(f"{registry}/{repository}")
    return registry, repository


def _check_length(name: str) -> None:
    if len(name) > NAME_LIMIT:
        raise InvalidError(f"repository name must not be more than {NAME_LIMIT} characters")


def _names_no_registry(name: str) -> bool:
    first, slash, _ = name.partition("/")
    hostlike = ("." in first or ":" in first or first == "localhost") and _is_host(first)
    return not (slash and hostlike)


def _is_host(text: str) -> bool:
    host, port = text, None
    if text.startswith("["):
        address, bracket, rest = text[1:].partition("]")
        if not bracket or not address or not all(letter in "0123456789abcdefABCDEF:" for letter in address):
            return False
        return not rest or (rest[0] == ":" and rest[1:].isascii() and rest[1:].isdigit())
    if ":" in text:
        host, port = text.split(":", 1)
    if port is not None and not (port.isascii() and port.isdigit()):
        return False
    return all(part and _HOST.issuperset(part) and part[0] != "-" and part[-1] != "-" for part in host.split("."))


def _is_component(text: str) -> bool:
    """Lower-case letters and digits in groups, held together by one `.`, one or two `_`, or any number of `-`."""
    if not text or text[0] not in _LOWER or text[-1] not in _LOWER:
        return False
    position, length = 0, len(text)
    while position < length:
        end = position
        while end < length and text[end] not in _LOWER:
            end += 1
        separator = text[position:end]
        if separator and separator not in (".", "_", "__") and separator.strip("-"):
            return False
        position = end
        while position < length and text[position] in _LOWER:
            position += 1
    return True


def _is_tag(text: str) -> bool:
    return 0 < len(text) <= TAG_LIMIT and text[0] in _WORD and _TAG.issuperset(text)


def _digest(text: str) -> Digest:
    """Parse what stands behind the `@`, with errors in Podman's words. On the way of `run` only where there is one."""
    from libpod.digest import LENGTHS, Digest

    algorithm, _, digits = text.partition(":")
    well_formed = _is_algorithm(algorithm) and len(digits) >= 32 and all(c in "0123456789abcdefABCDEF" for c in digits)
    if not well_formed:
        raise InvalidError("invalid reference format")
    if algorithm not in LENGTHS:
        raise InvalidError("unsupported digest algorithm")
    if len(digits) != LENGTHS[algorithm]:
        raise InvalidError("invalid checksum digest length")
    if not _LOWER_HEX.issuperset(digits):
        raise InvalidError("invalid checksum digest format")
    return Digest(text)


def _is_algorithm(text: str) -> bool:
    for separator in "-_+.":
        text = text.replace(separator, " ")
    return all(part and part.isascii() and part[0].isalpha() and part.isalnum() for part in text.split(" "))
