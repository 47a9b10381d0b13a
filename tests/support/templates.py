"""Go templates made by chance: mostly well typed, over the fields of a row of `podman images` or of an image's document."""

from __future__ import annotations

from random import Random
from typing import NamedTuple


class Fields(NamedTuple):
    """Expressions over a value that do not change with time, by the kind of what they give."""

    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    truths: tuple[str, ...]
    lists: tuple[str, ...]
    maps: tuple[str, ...]
    others: tuple[str, ...]


IMAGES = Fields(
    tuple(
        ".ID .Id .Repository .Tag .Digest .Size .CreatedAt .ParentId .ImageSummary.Digest .Arch .Os .History".split()
    ),
    (".Containers", ".SharedSize", ".VirtualSize", ".ImageSummary.Size", "(len .Labels)", "(len .Names)"),
    (".IsDangling", ".IsReadOnly", ".Dangling", ".ReadOnly"),
    (".Names", ".RepoTags", ".RepoDigests", ".ImageSummary.History"),
    (".Labels", ".ImageSummary.Labels"),
    (".IsManifestList", ".", ".ImageSummary", "nil", ".NoSuchField"),
)
#: Of `image inspect`. Digests are left out: Go has a type for them, which its functions for texts do not take.
IMAGE = Fields(
    (
        *".ID .Parent .Comment .Config.User .Config.WorkingDir .Architecture .Os .GraphDriver.Name .ManifestType".split(),
        ".Author",
        ".Version",
        "(index .Config.Env 0)",
        "(index .RepoTags 0)",
    ),
    (".Created.Year", "(len .RepoTags)", "(len .History)", "(len .Config.Env)"),
    (".Created.IsZero", "(eq .Os .Os)"),
    (
        ".RepoTags",
        ".RepoDigests",
        ".Config.Env",
        ".Config.Cmd",
        ".Config.Entrypoint",
        ".NamesHistory",
        ".Config.OnBuild",
    ),
    (".Labels", ".Annotations", ".Config.Labels", ".Config.ExposedPorts", ".GraphDriver.Data"),
    (
        ".Created",
        ".Config",
        ".RootFS",
        "(index .History 0)",
        ".HealthCheck",
        ".Config.Healthcheck",
        "nil",
        ".Config.Nope",
    ),
)

_LITERALS = ('"a"', '"two words"', '"é<&>\\""', "`raw\\n`", '""', "'x'")
_COUNTS = ("0", "1", "2", "-1", "0x10", "1_0", "2.5", "'a'")
_VERBS = (
    "%v",
    "%s",
    "%q",
    "%d",
    "%x",
    "%X",
    "%T",
    "%5v",
    "%-7v|",
    "%05d",
    "%+v",
    "%#v",
    "%t",
    "%c",
    "%U",
    "%.3s",
    "%%",
    "%8.2f",
    "%z",
    "%[2]v",
    "%*d",
)


class Maker:
    """Makes templates over some fields; the same ones for the same seed. depth: how far expressions nest."""

    def __init__(self, seed: int, fields: Fields = IMAGES, depth: int = 2) -> None:
        self.chance = Random(seed)
        self.fields = fields
        self.depth = depth

    def template(self) -> str:
        """A template of one to three actions with text around them."""
        return "|".join(self._action(self.depth) for _ in range(self.chance.randint(1, 3)))

    def _one(self, *values: str) -> str:
        return self.chance.choice(values)

    def _action(self, depth: int) -> str:
        kinds = [self._shown] * 6 + [self._if, self._range, self._with, self._variable] * (depth > 0)
        return self.chance.choice(kinds)(depth)

    def _shown(self, depth: int) -> str:
        left, right = self._one("{{", "{{ ", "{{- "), self._one("}}", " }}", " -}}")
        return f" {left}{self.value(depth)}{right} "

    def _if(self, depth: int) -> str:
        other = self._one("", f"{{{{else}}}}{self._action(0)}", f"{{{{else if {self.truth(0)}}}}}{self._action(0)}")
        return f"{{{{if {self.value(depth)}}}}}{self._action(depth - 1)}{other}{{{{end}}}}"

    def _range(self, depth: int) -> str:
        over = self._one(*self.fields.lists, *self.fields.maps, ".IsManifestList", '(split "a:b:c" ":")', "3")
        if self.chance.random() < 0.5:
            return f"{{{{range {over}}}}}<{{{{.}}}}>{{{{else}}}}none{{{{end}}}}"
        names = self._one("$v", "$k, $v")
        body = self._one("{{$v}},", '{{printf "%v" $v}}{{break}}', "{{if $v}}{{continue}}{{end}}x", "{{.}}")
        return f"{{{{range {names} := {over}}}}}{body}{{{{end}}}}"

    def _with(self, depth: int) -> str:
        return f"{{{{with {self.value(depth)}}}}}[{{{{.}}}}]{{{{else}}}}nothing{{{{end}}}}"

    def _variable(self, depth: int) -> str:
        return f'{{{{$x := {self.value(depth)}}}}}{{{{$x}}}}{{{{$x = {self.value(0)}}}}}{{{{printf "%v" $x}}}}'

    def value(self, depth: int) -> str:
        """An expression of any kind."""
        kinds = (self.text, self.text, self.number, self.truth, self.any)
        return self.chance.choice(kinds)(depth)

    def any(self, depth: int) -> str:
        """A field of another kind, or a pipeline over one."""
        field = self._one(
            *self.fields.lists,
            *self.fields.maps,
            *self.fields.others,
            *self.fields.texts,
            *self.fields.numbers,
            *self.fields.truths,
        )
        pipe = self._one(
            "",
            " | json",
            " | len",
            ' | printf "%v"',
            " | print",
            " | html",
            " | js",
            " | urlquery",
            " | not",
            " | println",
        )
        return field + pipe

    def text(self, depth: int) -> str:
        """An expression that is a text, if all goes well."""
        if depth <= 0:
            return self._one(*self.fields.texts, *_LITERALS)
        inner = f"({self.text(depth - 1)})"
        verb = self._one(*_VERBS)
        return self._one(
            f"upper {inner}",
            f"lower {inner}",
            f"title {inner}",
            f"truncate {inner} {self._one(*_COUNTS)}",
            f"pad {inner} {self._one('0', '1', '3')} {self._one('0', '2')}",
            f"printf {self._quoted(verb)} ({self.value(depth - 1)})",
            f"printf {self._quoted(verb + ' ' + self._one(*_VERBS))} {inner} ({self.number(0)})",
            f"slice {inner} {self._one('0', '1', '3')} {self._one('', '4')}",
            f"index {self._one(*self.fields.lists)} {self._one('0', '1', '9')}",
            f"index {self._one(*self.fields.maps)} {self._one(*_LITERALS, chr(34) + 'l1' + chr(34))}",
            f"join {self._one(*self.fields.lists)} {self._one(*_LITERALS)}",
            f"split {inner} {self._one(*_LITERALS, chr(34) + '/' + chr(34))}",
            f"print {inner} ({self.value(depth - 1)}) {self._one(*_COUNTS)}",
            f"json ({self.value(depth - 1)})",
            f"html {inner}",
            f"js {inner}",
            f"urlquery {inner}",
        )

    def number(self, depth: int) -> str:
        """An expression that is a number, if all goes well."""
        if depth <= 0:
            return self._one(*self.fields.numbers, *_COUNTS)
        return self._one(f"len ({self.value(depth - 1)})", *self.fields.numbers, *_COUNTS)

    def truth(self, depth: int) -> str:
        """An expression that is true or false, if all goes well."""
        if depth <= 0:
            return self._one(*self.fields.truths)
        word = self._one("eq", "ne", "lt", "le", "gt", "ge", "and", "or")
        kind = self.chance.choice((self.text, self.number, self.truth, self.value))
        return self._one(
            f"{word} ({kind(depth - 1)}) ({kind(depth - 1)})",
            f"not ({self.value(depth - 1)})",
            f"eq ({self.text(0)}) ({self.text(0)}) ({self.text(0)})",
            *self.fields.truths,
        )

    @staticmethod
    def _quoted(text: str) -> str:
        return f'"{text}"'
