"""Go templates and tables, against what text/template and tabwriter print."""

from __future__ import annotations

import pytest

from libpod.cli.print import format as formats
from libpod.cli.print.table import align
from libpod.cli.print.units import human_duration, human_size
from libpod.errors import InvalidError

VALUE = {
    "ID": "0123456789ab",
    "Size": 2048,
    "Running": True,
    "Names": ["a", "b"],
    "Empty": [],
    "Labels": {"k": "v", "z": ""},
    "State": {"Pid": 7, "Error": ""},
}


@pytest.mark.parametrize(
    ("template", "printed"),
    [
        ("{{.ID}}", "0123456789ab"),
        ("{{ .ID }} {{.Size}}", "0123456789ab 2048"),
        ("{{.Running}} {{.Names}} {{.Empty}} {{.Labels}}", "true [a b] [] map[k:v z:]"),
        ("{{.State.Pid}} {{.State}}", "7 {7 }"),
        ("{{json .Names}}", '["a","b"]'),
        ("{{.Names | json}}", '["a","b"]'),
        ('{{join .Names ", "}}', "a, b"),
        ("{{range .Names}}<{{.}}>{{end}}", "<a><b>"),
        ("{{range $i, $n := .Names}}{{$i}}{{$n}}{{$.Size}};{{end}}", "0a2048;1b2048;"),
        ("{{range .Empty}}x{{else}}none{{end}}", "none"),
        ("{{range $k, $v := .Labels}}{{$k}}={{$v}},{{end}}", "k=v,z=,"),
        ("{{if .Empty}}a{{else if .Running}}b{{else}}c{{end}}", "b"),
        ("{{if and .Running (eq .State.Pid 7)}}y{{end}}{{if not .Running}}n{{end}}", "y"),
        ("{{with .State}}{{.Pid}}{{end}}", "7"),
        ('{{len .Names}} {{index .Names 1}} {{index .Labels "k"}} {{slice .ID 0 3}}', "2 b v 012"),
        ("{{.Labels.k}} {{.Labels.nope}}", "v <no value>"),
        ('{{printf "%-5s|%05d|%q" .ID .Size "x"}}', '0123456789ab|02048|"x"'),
        ("{{upper .ID}}{{/* a comment */}} {{println .Size}}", "0123456789AB 2048\n"),
        ("a  {{- .Size -}}  b", "a2048b"),
        ("{{$x := .Size}}{{$x}}", "2048"),
        (r"{{.ID}}\t{{.Size}}\n", "0123456789ab\t2048\n"),
        ("{{(index .Names 0)}}", "a"),
        ("{{`raw}}`}}", "raw}}"),
    ],
)
def test_template(template: str, printed: str) -> None:
    assert formats.render(template, VALUE) == printed


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.Foo}}", "can't evaluate field Foo in type images.row"),
        ("{{.ID", "unclosed action"),
        ("{{if .ID}}x", "unexpected EOF"),
        ("{{end}}", "unexpected {{end}}"),
        ("{{nosuch .ID}}", 'function "nosuch" not defined'),
        ("{{index .Names 9}}", "index out of range: 9"),
        ("{{{.ID}}}", "bad character U+007B"),
        ("{{}}", "missing value for command"),
    ],
)
def test_malformed_template(template: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        formats.render(template, VALUE, type_name="images.row", name="images")
    assert message in caught.value.message


def test_table_prefix_prints_headers_in_columns() -> None:
    rows = [{"ID": "abc", "Tag": "latest"}, {"ID": "def", "Tag": "a-rather-long-tag"}]
    printed = formats.render_rows("table {{.ID}}\\t{{.Tag}}\\t{{.ID}}", rows, headers={"ID": "IMAGE ID"})
    assert printed == (
        "IMAGE ID    TAG                IMAGE ID\nabc         latest             abc\ndef         a-rather-long-tag  def\n"
    )


def test_cells_behind_the_last_tab_belong_to_no_column() -> None:
    assert align(["a\tb", "long cell here\tc"]) == "a               b\nlong cell here  c\n"
    assert align(["no tabs at all in this line", "a\tb"]) == "no tabs at all in this line\na           b\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (61, "About a minute"),
        (125, "2 minutes"),
        (3600, "About an hour"),
        (2 * 3600, "2 hours"),
        (47 * 3600, "47 hours"),
        (49 * 3600, "2 days"),
        (20 * 86400, "2 weeks"),
        (90 * 86400, "3 months"),
        (800 * 86400, "2 years"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (999, "999 B"), (1997895, "2 MB"), (1_440_000_000, "1.44 GB")])
def test_size(size: int, text: str) -> None:
    assert human_size(size, digits=3, space=" ") == text
