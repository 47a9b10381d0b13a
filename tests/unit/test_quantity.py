"""Numbers, sizes, durations and moments: what Go's parsers take and refuse, in their words."""

from __future__ import annotations

import pytest

from libpod import quantity, timestamp
from libpod.errors import InvalidError

HUGE = "9" * 5000


def _message(text: str) -> str:
    with pytest.raises(InvalidError) as caught:
        quantity.parse_integer(text)
    return caught.value.message.removeprefix(f'strconv.ParseInt: parsing "{text}": ')


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-5", -5),
        ("+5", 5),
        ("007", 7),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_whole_numbers(text: str, number: int) -> None:
    assert quantity.parse_integer(text) == number
    assert quantity.parse_integer("0" * 5000 + "8") == 8


def test_bad_whole_numbers_are_named() -> None:
    for text in ("", "-", "x", "1_000", "0x10", " 1", "1 ", "1.0", "--1", "²", "٣", "１"):
        assert _message(text) == "invalid syntax"
    for text in ("9223372036854775808", "-9223372036854775809", HUGE, "-" + HUGE):
        assert _message(text) == "value out of range"


def test_the_range_is_that_of_the_type() -> None:
    assert quantity.parse_integer("65535", signed=False, bits=16) == 65535
    for text, problem in (("65536", "out of range"), ("-1", "invalid syntax"), ("+1", "invalid syntax")):
        with pytest.raises(InvalidError, match=f"strconv.ParseUint: parsing .*{problem}"):
            quantity.parse_integer(text, signed=False, bits=16)
    with pytest.raises(InvalidError, match=r"strconv\.Atoi: parsing"):
        quantity.parse_integer("2147483648", bits=32, function="Atoi")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("010", 8),
        ("0o17", 15),
        ("0X1f", 31),
        ("0b11", 3),
        ("1_000", 1000),
        ("0_7", 7),
        ("-0x10", -16),
        ("0", 0),
        ("+12", 12),
    ],
)
def test_options_take_prefixes(text: str, number: int) -> None:
    assert quantity.parse_integer(text, prefixed=True) == number


@pytest.mark.parametrize("text", ["08", "0x", "1__0", "_1", "1_", "0xg", "", " 1", "1e3", "²"])
def test_bad_prefixes_are_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="invalid syntax"):
        quantity.parse_integer(text, prefixed=True)


def test_a_long_number_is_out_of_range_in_every_base() -> None:
    for text in (HUGE, "0x" + "f" * 5000, "0" + "7" * 5000):
        with pytest.raises(InvalidError, match="value out of range"):
            quantity.parse_integer(text, prefixed=True)


def test_numbers_with_a_fraction() -> None:
    assert [quantity.parse_float(text) for text in ("1.5", "-1e3", ".5", "0x1p-2", "1_0")] == [
        1.5,
        -1000,
        0.5,
        0.25,
        10,
    ]
    assert quantity.parse_float("inf") == -quantity.parse_float("-Infinity") == float("inf")
    for text, problem in (
        ("", "syntax"),
        (" 1", "syntax"),
        ("1\n", "syntax"),
        ("١", "syntax"),
        ("1e400", "range"),
        (HUGE, "range"),
    ):
        with pytest.raises(InvalidError, match=problem):
            quantity.parse_float(text)


def test_a_size_or_duration_fits_into_63_bits() -> None:
    assert quantity.parse_size("9223372036854775807") == 2**63 - 1
    assert quantity.parse_size("0.5k") == 512
    assert quantity.parse_size("0." + "9" * 5000 + "k") == 1023
    assert quantity.parse_size("5.031m", base=1000) == 5031000
    for text in ("9223372036854775808", "9007199254740992k", "99999999999g", HUGE, HUGE + "g"):
        with pytest.raises(InvalidError, match="value out of range"):
            quantity.parse_size(text)
    assert quantity.parse_duration_ns("2562047h47m16.854775807s") == 2**63 - 1
    assert quantity.parse_duration_ns("1.s") == quantity.parse_duration_ns("1s") == 10**9
    assert quantity.parse_duration_ns(".5s") == 5 * 10**8
    for text in ("2562047h47m16.854775808s", HUGE + "ns", "٣s", "1..s", ".s", "-"):
        with pytest.raises(InvalidError, match="invalid duration"):
            quantity.parse_duration_ns(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2024-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T23:59:60Z",
        "2024-01-01T23:60:00Z",
        "2024-01-01t00:00:00Z",
        "2024-01-01T00:00:00z",
        "2024-01-01T00:00:00",
        "2024-01-01",
        "12024-01-01T00:00:00Z",
        "2024-1-1T0:0:0Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00.1x2Z",
        "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00+1:00",
        "2024-01-01T00:00:00+0100",
        "2024-01-01T00:00:00 +01:00",
        "٢٠٢٤-01-01T00:00:00Z",
    ],
)
def test_a_time_of_a_document_is_that_of_go(text: str) -> None:
    with pytest.raises(InvalidError, match="parsing time"):
        timestamp.parse(text)


def test_times_of_documents_are_read_to_the_nanosecond() -> None:
    assert timestamp.parse("2024-02-29T23:59:59.123456789Z") == 1709251199123456789
    assert timestamp.parse("2024-01-01T00:00:00.1234567899+01:00") == (1704067200 - 3600) * 10**9 + 123456789
    assert timestamp.parse(timestamp.ZERO_TEXT) == timestamp.ZERO_NS
    assert timestamp.parse("9999-12-31T23:59:59Z") == 253402300799 * 10**9


def test_moments_of_users() -> None:
    now = 10**18
    assert timestamp.parse_moment("10m", now) == now - 600 * 10**9
    assert timestamp.parse_moment("10m", now, ahead=True) == now + 600 * 10**9
    assert timestamp.parse_moment("-1.5h", now) == now + 5400 * 10**9
    day = 1704067200 * 10**9
    for text in (
        "2024-01-01",
        "2024-01-01Z",
        "2024-01-01T00:00:00",
        "2024-01-01T01:00:00+01:00",
        "1704067200",
        "1704067200.0",
    ):
        assert timestamp.parse_moment(text, now) == day
    assert timestamp.parse_moment("1704067200.000000001", now) == day + 1
    assert timestamp.parse_moment("-5", now) == -5 * 10**9
    assert timestamp.parse_moment("1e3", now) == 1000 * 10**9
    assert timestamp.parse_moment("9" * 20, now) > 2**63
    for text in ("", "x", "10q", "inf", "nan", "1e400", "²", HUGE, "2024-01-01T00:00", "10000000000h", "2024-02-30"):
        with pytest.raises(InvalidError, match="unable to interpret time value"):
            timestamp.parse_moment(text, now)
