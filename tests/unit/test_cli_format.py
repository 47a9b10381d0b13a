"""Go templates and tables, against what text/template and tabwriter print."""

from __future__ import annotations

import json
from typing import Any

import pytest

from libpod.cli.context import Context
from libpod.cli.context import Options as CliOptions
from libpod.cli.print import format as formats
from libpod.cli.print.declared import DECLARED
from libpod.cli.print.listing import Listing, print_list
from libpod.cli.print.table import align
from libpod.cli.print.template import parse
from libpod.cli.print.types import Type, type_of
from libpod.cli.print.units import human_duration, human_size
from libpod.cli.print.values import Struct
from libpod.cli.system.info import yaml
from libpod.errors import InvalidError

CONTAINER: dict[str, Any] = {
    "Id": "0123456789abcdef",
    "Created": "2026-01-02T15:04:05.000123Z",
    "Path": "sh",
    "Args": ["-c", "true"],
    "Name": "web",
    "State": {"Status": "running", "Running": True, "Pid": 7, "Error": "", "StartedAt": "2026-01-02T15:04:05Z"},
    "Config": {
        "Labels": {"k": "v", "z": ""},
        "Env": ["A=1"],
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 90_500_000_000},
    },
    "Mounts": [{"Type": "bind", "Source": "/a", "Destination": "/b", "RW": True}],
    "NetworkSettings": {
        "IPAddress": "10.88.0.2",
        "Ports": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}], "9/udp": None},
    },
    "HostConfig": {"Memory": 2048, "CapAdd": []},
}


def printed(template: str, document: dict[str, Any] | None = None, *, type: str = "define.InspectContainerData") -> str:
    """What a template makes of a container's document."""
    value = Struct(type_of(type), CONTAINER if document is None else document, title="interface {}")
    return formats.render_list(template, [value], name="inspect").removesuffix("\n")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.ID}} {{ .Id }}", "0123456789abcdef 0123456789abcdef"),
        ("{{.State.Running}} {{.Args}} {{.ExecIDs}} {{.Config.Labels}}", "true [-c true] [] map[k:v z:]"),
        ("{{json .Args}} {{.Args | json}} {{json .State}}", None),
        ('{{join .Args ", "}}', "-c, true"),
        ("{{range .Args}}<{{.}}>{{end}}", "<-c><true>"),
        ("{{range $i, $n := .Args}}{{$i}}{{$n}}{{$.Name}};{{end}}", "0-cweb;1trueweb;"),
        ("{{range .ExecIDs}}x{{else}}none{{end}}", "none"),
        ("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}},{{end}}", "k=v,z=,"),
        ('{{range .Args}}{{if eq . "true"}}{{break}}{{end}}{{.}}{{end}}', "-c"),
        ("{{range 3}}{{if eq . 1}}{{continue}}{{end}}{{.}}{{end}}", "02"),
        ("{{if .ExecIDs}}a{{else if .State.Running}}b{{else}}c{{end}}", "b"),
        ("{{if and .State.Running (eq .State.Pid 7)}}y{{end}}{{if not .State.Running}}n{{end}}", "y"),
        ("{{with .State}}{{.Pid}}{{end}}{{with .Config.OnBuild}}x{{else}}-{{end}}", "7-"),
        ('{{len .Args}} {{index .Args 1}} {{index .Config.Labels "k"}} {{slice .ID 0 3}}', "2 true v 012"),
        ('{{.Config.Labels.k}} {{.Config.Labels.nope}} {{index .Config.Labels "nope"}}|', "v <no value> |"),
        ('{{printf "%-5s|%05d|%q|%x" .Name .HostConfig.Memory "x" 255}}', 'web  |02048|"x"|ff'),
        (
            '{{printf "%8.2f|%05s|%+v|%.2v|%5v|%-6v|" "abcd" "ab" 5 "abcdef" true nil}}',
            "%!f(string=      ab)|000ab|5|ab| true|<nil> |",
        ),
        ('{{printf "%[2]v %[1]v|%[3]v|%[1]*d|%*d|%.*f" 7 8 9 10}}', "8 7|9|      8|       10|%!(BADPREC)%!f(MISSING)"),
        ('{{printf "%*d %[9]d" "a" 5}}', "%!(BADWIDTH)5 %!d(BADINDEX)"),
        ('{{printf "%.2s %5.1s %X" .Args .Args .Args}}', "[-c tr] [    -     t] [2D63 74727565]"),
        (
            '{{printf "%6.2d|%+06d|%G|%x|%#q|%+q|%q" 5 5 1e-7 2.5 "é" "é" 39}}',
            "    05|+00005|1E-07|0x1.4p+01|`é`|\"\\u00e9\"|'\\''",
        ),
        ('{{printf "%#v %#v" .Name .Args}} {{truncate "éa" 2}}|', '"web" []string{"-c", "true"} é|'),
        ("{{print .State.Health}} {{print .Config.Healthcheck}}", "<nil> &{[CMD true] 0s 0s 1m30.5s 0s 0}"),
        (
            "{{html .Config.Healthcheck}} {{js .Config.Healthcheck}}",
            "{[CMD true] 0s 0s 1m30.5s 0s 0} {[CMD true] 0s 0s 1m30.5s 0s 0}",
        ),
        ('{{printf "%d" .Name}} {{printf "%s" 3}} {{printf "%d"}}', "%!d(string=web) %!s(int=3) %!d(MISSING)"),
        ("{{upper .Name}}{{/* a comment */}} {{println .State.Pid}}", "WEB 7\n\n"),
        ("a  {{- .Name -}}  b", "awebb"),
        ('{{$x := .Name}}{{$x}}{{if true}}{{$x = "y"}}{{end}}{{$x}}', "weby"),
        (r"{{.Name}}\t{{.Path}}\n", "web\tsh"),
        ("{{(index .Mounts 0).Source}}", "/a"),
        ("{{`raw}}`}} {{'a'}} {{0x10}} {{1e21}} {{2.50}}", "raw}} 97 16 1e+21 2.5"),
        ('{{title "hello wORLD"}} {{truncate "abcdef" 3}} {{pad "a" 2 1}}|', "Hello WORLD abc   a |"),
        ('{{define "t"}}<{{.}}>{{end}}{{template "t" .Name}}{{block "b" .Path}}[{{.}}]{{end}}', "<web>[sh]"),
        ('{{print 1 2 .Name 3}} {{html "<a>"}} {{urlquery "a b&"}}', "1 2web3 &lt;a&gt; a+b%26"),
        ('{{eq .Name "a" "web"}} {{lt 1 2}} {{ge "b" "a"}} {{ne 1 1}}', "true true true false"),
        # What the document leaves out and the type declares.
        ("{{.SizeRw}} {{.SizeRootFs}} {{json .SizeRw}}", "<nil> 0 null"),
        ("{{.Config.ExposedPorts}} {{json .Config.ExposedPorts}} {{json .Config.OnBuild}}", "map[] null null"),
        ("{{.State.FinishedAt}} {{.State.FinishedAt.IsZero}}", "0001-01-01 00:00:00 +0000 UTC true"),
        ("{{range .NetworkSettings.Networks}}x{{end}}|{{.NetworkSettings.Networks.a.IPAddress}}", "|<no value>"),
        ("{{.HostConfig.RestartPolicy}} {{with .Config.StartupHealthCheck}}{{else}}-{{end}}", "<nil> -"),
        # Types with methods and members under other names.
        ("{{.Created.Unix}} {{.Created}}", "1767366245 2026-01-02 15:04:05.000123 +0000 UTC"),
        (
            '{{.Created.Format "2006-01-02 15:04"}} {{.Created.Format "Mon Jan _2 3:04PM .000"}}',
            "2026-01-02 15:04 Fri Jan  2 3:04PM .000",
        ),
        ("{{.Created.Year}} {{.Created.Month}} {{.Created.Weekday}} {{.Created.YearDay}}", "2026 January Friday 2"),
        ("{{.Created.Sub .State.StartedAt}} {{.Created.After .State.StartedAt}}", "123µs true"),
        ("{{.Config.Healthcheck.Interval}} {{.Config.Healthcheck}}", "1m30.5s {[CMD true] 0s 0s 1m30.5s 0s 0}"),
        ("{{.NetworkSettings.InspectBasicNetworkConfig.IPAddress}}", "10.88.0.2"),
        (
            '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}} {{.NetworkSettings.Ports}}',
            "8080 map[80/tcp:[{ 8080}] 9/udp:[]]",
        ),
    ],
)
def test_template(template: str, text: str | None) -> None:
    if text is None:
        text = f'["-c","true"] ["-c","true"] {json.dumps(CONTAINER["State"], separators=(",", ":"))}'
    assert printed(template) == text.removesuffix("\n")


def test_a_template_may_trim_the_end_of_its_line() -> None:
    rows = [Struct(type_of("define.InspectContainerData"), CONTAINER) for _ in range(2)]
    assert formats.render_list("{{.Name -}}", rows, name="inspect") == "webweb"
    assert formats.render_list("{{.Name -}} x", rows, name="inspect") == "webx\nwebx\n"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.Foo}}", 'inspect:1:13: executing "inspect" at <.Foo>: can\'t evaluate field Foo in type interface {}'),
        ("{{.Config.Foo}}", "at <.Config.Foo>: can't evaluate field Foo in type *define.InspectContainerConfig"),
        ("{{.Config.Domainname}}", "can't evaluate field Domainname in type *define.InspectContainerConfig"),
        (
            "{{range .Mounts}}{{.X}}{{end}}",
            'inspect:1:30: executing "inspect" at <.X>: can\'t evaluate field X in type define.InspectMount',
        ),
        ("{{.Args.x}}", "can't evaluate field x in type []string"),
        ("{{.HostConfig.RestartPolicy.Name}}", "nil pointer evaluating *define.InspectRestartPolicy.Name"),
        ("{{.Created.Format}}", "wrong number of args for Format: want 1 got 0"),
        ("{{.Name .Id}}", "Name has arguments but cannot be invoked as function"),
        ("{{.ID", "bad character U+007B '{'"),
        ("{{range .}}{{.ID", "unclosed action"),
        ("{{if .ID}}x", "unexpected EOF"),
        ("{{end}}{{end}}", "unexpected {{end}}"),
        ("{{nosuch .ID}}", 'inspect:1: function "nosuch" not defined'),
        ("{{$y}}", 'undefined variable "$y"'),
        ("{{range .Name}}{{end}}", "at <.Name>: range can't iterate over web"),
        ("{{index .Args 9}}", "at <index .Args 9>: error calling index: index out of range: 9"),
        ("{{eq .Name 1}}", "error calling eq: incompatible types for comparison"),
        ('{{join .Name ","}}', "error calling join: wrong type for value; expected []string; got string"),
        ("{{len 3}}", "error calling len: len of type int"),
        ("{{upper}}", "wrong number of args for upper: want 1 got 0"),
        ("{{{.ID}}}", 'unexpected "{" in command'),
        ("{{.ID}", "bad character U+007D '}'"),
        ("{{}}", "missing value for command"),
        ("{{(.ID}}", "unclosed left paren"),
        ("{{break}}", None),
        ('{{template "x"}}', 'template "x" not defined'),
    ],
)
def test_malformed_template(template: str, message: str | None) -> None:
    if message is None:
        assert printed(template) == ""
        return
    with pytest.raises(InvalidError) as caught:
        printed(template)
    assert message in caught.value.message


def test_every_declared_type_names_declared_types_and_no_field_twice() -> None:
    for name in DECLARED:
        if name == "struct {}":
            continue
        fields = type_of(name).fields
        assert fields, name
        for field in fields.values():
            wanted: Type | None = field.type
            while wanted is not None and wanted.kind != "struct":
                wanted = wanted.element
            assert wanted is None or wanted.name in DECLARED, f"{name}.{field.name}"
        assert len({field.member for field in fields.values() if field.member}) == len(
            [f for f in fields.values() if f.member]
        )


def test_a_struct_that_the_document_lacks_is_zero_in_json() -> None:
    document = {"host": {"arch": "amd64"}}
    text = printed(
        "{{json .Host.Slirp4NetNS}} {{.Host.Slirp4NetNS}} {{.Host.CPUUtilization}}", document, type="define.Info"
    )
    assert text == '{"executable":"","package":"","version":""} {  } <nil>'


ROWS = Listing(
    "rows",
    type="network.ListPrintReports",
    fields={"ID": lambda row: row["id"][:3], "Labels": lambda row: "a=b"},
    document=lambda row: row,
    titles={"ID": "NETWORK ID"},
)
DOCUMENTS = [{"id": "abcdef", "name": "one", "internal": True}, {"id": "defabc", "name": "a-rather-long-name"}]


class Recorder(Context):
    """A context whose output stays here."""

    def __init__(self) -> None:
        super().__init__(CliOptions())
        self.text = ""

    def put(self, text: str) -> None:
        self.text += text


def listed(rows: list[dict[str, Any]], format: str | None = None, *, quiet: bool = False, heading: bool = True) -> str:
    recorder = Recorder()
    print_list(
        recorder,
        ROWS,
        rows,
        format=format,
        columns=["ID", ("NAME", lambda row: row["name"])],
        quiet=(lambda row: row["name"]) if quiet else None,
        heading=heading,
    )
    return recorder.text


@pytest.mark.parametrize(
    ("format", "text"),
    [
        (None, "NETWORK ID  NAME\nabc         one\ndef         a-rather-long-name\n"),
        ("{{.ID}} {{.Name}}", "abc one\ndef a-rather-long-name\n"),
        ("{{.ID}}\\t{{.Name}}", "abc\tone\ndef\ta-rather-long-name\n"),
        (
            "table {{.ID}} {{.Name}} {{.Internal}}",
            "NETWORK ID  NAME                INTERNAL\nabc         one                 true\ndef         a-rather-long-name  false\n",
        ),
        ("table {{.IPv6Enabled}}\\t{{.Network}}", "I PV 6 ENABLED  <no value>\n"),
        ("{{range .}}<{{.Name}}>{{end}}", "<one><a-rather-long-name>\n"),
        ("{{.Network.ID}} {{.Labels}} {{.Network.Labels}}", "abcdef a=b map[]\ndefabc a=b map[]\n"),
        ("", "\n\n"),
        ("{{println .ID}}", "abc\n\ndef\n\n"),
        ("{{json .Name}}", '"one"\n"a-rather-long-name"\n'),
    ],
)
def test_listing(format: str | None, text: str) -> None:
    assert listed(DOCUMENTS, format).startswith(text)


@pytest.mark.parametrize(
    ("format", "text"),
    [
        (None, "NETWORK ID  NAME\n"),
        ("{{.ID}}", ""),
        ("", ""),
        ("{{range .}}x{{end}}", "\n"),
        ("table {{.ID}} {{.Name}}", "NETWORK ID  NAME\n"),
        ("json", "[]\n"),
        ("{{json .}}", ""),
        ("{{.Nosuch}}", ""),
    ],
)
def test_listing_of_no_rows(format: str | None, text: str) -> None:
    assert listed([], format) == text


def test_listing_without_heading_and_in_quiet() -> None:
    assert listed(DOCUMENTS[:1], heading=False) == "abc         one\n"
    assert listed([], heading=False) == listed([], quiet=True) == listed([], "table {{.ID}}", heading=False) == ""
    assert listed(DOCUMENTS, quiet=True) == "one\na-rather-long-name\n"


def test_cells_of_a_table_cannot_break_out() -> None:
    document = {"id": "abc", "name": "x\n\x1b[2Jy\tz"}
    assert listed([document]) == "NETWORK ID  NAME\nabc         x\\n\\x1b[2Jy\\tz\n"
    assert listed([document], "table {{.Name}}") == "NAME\nx\\n\\x1b[2Jy\\tz\n"
    assert listed([document], "{{.Name}}") == "x\n\x1b[2Jy\tz\n"


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
        (2026 * 365 * 86400, "292 years"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (999, "999 B"), (1997895, "2 MB"), (1_440_000_000, "1.44 GB")])
def test_size(size: int, text: str) -> None:
    assert human_size(size, digits=3, space=" ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("6.18.44-x", "6.18.44-x"),
        ("12", '"12"'),
        ("1e3", '"1e3"'),
        ("", '""'),
        ("true", '"true"'),
        ("a: b", "'a: b'"),
        ("it's: x", "'it''s: x'"),
        ("- x", "'- x'"),
        ("0h 3m 1.00s", "0h 3m 1.00s"),
        ("a\x1b[2J", '"a\\x1b[2J"'),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        ([], "[]"),
        ({}, "{}"),
    ],
)
def test_yaml_of_a_value(value: object, text: str) -> None:
    assert yaml({"k": value}) == f"k: {text}\n"


def test_yaml_of_a_text_of_lines() -> None:
    assert yaml({"b": ["x", "1"], "a": {"t": "one\ntwo"}}) == 'a:\n  t: |-\n    one\n    two\nb:\n- x\n- "1"\n'


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.Name}}", r"x\ny\x1b"),
        ("{{println .Name}}", "x\\ny\\x1b\n"),
        ('{{printf "%s\t%q\n" .Name .Name}}', 'x\\ny\\x1b\t"x\\\\ny\\\\x1b"\n'),
        ('{{join .Args "\n"}}', "x\\ny\\x1b\nb"),
        ("{{print .Args}} {{.Args | json}}", r"[x\ny\x1b b] " + r'["x\ny\u001b","b"]'),
        ('{{"\x1b[31m"}}{{upper .Name}}', "\x1b[31mX\\nY\\x1b"),
    ],
)
def test_a_template_for_a_person_keeps_only_its_own_control_characters(template: str, text: str) -> None:
    document = {"Name": "x\ny\x1b", "Args": ["x\ny\x1b", "b"]}
    value = Struct(type_of("define.InspectContainerData"), document)
    assert parse(template, name="t").execute(value, human=True) == text
