"""The table in Markdown, the chart in SVG, and the words around them."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from pathlib import Path

from benches.measure import OURS, Outcome
from benches.newer import Newer


def _figure(value: float, unit: str) -> str:
    if unit != "ms":
        return f"{value:,.0f} {unit}"
    return f"{value / 1000:.2f} s" if value >= 10_000 else f"{value:.1f} ms"


def row(outcome: Outcome) -> str:
    """One line of the table."""
    case = outcome.case
    budget = f"{case.budget:.2f}" if case.budget is not None else "–"
    verdict = "" if case.budget is None or outcome.ratio <= case.budget else " **over**"
    count = len(outcome.values[OURS])
    spread = f"{outcome.spread:.0%}" if count >= 4 else "–"
    peers = ", ".join(f"{name} {_figure(outcome.median(name), case.unit)}" for name in case.peers)
    return (
        f"| {case.name} | {_figure(outcome.median(OURS), case.unit)} | {peers} "
        f"| **{outcome.ratio:.2f}**{verdict} ({outcome.rival}) | {budget} | {count} | {spread} |"
    )


def table(outcomes: list[Outcome]) -> str:
    """The whole table."""
    head = "| what | libpod | peers | ratio (to) | budget | rounds | spread |\n|---|---|---|---|---|---|---|\n"
    return head + "\n".join(row(outcome) for outcome in outcomes) + "\n"


def _version(*words: str) -> str:
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[0].strip()
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "not installed"


def _newer(newer: Newer) -> list[str]:
    programs = (("podman", "--version"), ("runc", "--version"), ("crun", "--version"), ("conmon", "--version"))
    return [newer.version(*words) for words in (*programs, ("docker", "--version"))]


def _machine() -> str:
    model = next(
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 1024 // 1024
    return f"{os.cpu_count()} cores ({model}), {memory} GiB, Linux {platform.release()}, Python {platform.python_version()}"


def write(outcomes: list[Outcome], docs: Path, newer: Newer | None) -> None:
    """Write docs/benchmarks.md and docs/benchmarks.svg."""
    _chart(outcomes, docs / "benchmarks.svg")
    notes = docs / "benchmark-notes.md"
    page = [
        "# Benchmarks\n",
        f"Measured on {datetime.date.today().isoformat()} by `make bench`: {_machine()}.\n",
        f"Peers: {_version('podman', '--version')}; {_version('runc', '--version')}; {_version('conmon', '--version')}; "
        f"{_version('skopeo', '--version')}; {_version('docker-registry', '--version')}."
        + ("" if newer is None else f" In a root of Debian's testing release: {', '.join(_newer(newer))}.")
        + "\n",
        "The wheel is installed with its byte code compiled. libpod and its peers run in turn, in random order, each on a"
        " store of its own on one file system, and before each run the disk is given what the run before left to write. The"
        " figures are medians, the ratio is libpod's over the faster Podman's (or that of the peer named), and the spread is half"
        " the width of the middle half relative to the median. Loads and pulls go into stores that are new each time, in memory"
        " (tmpfs) or on ext4 with a journal on a loop device."
        " The large image has 1.4 GB in 25,000 files of this machine's own, in four layers, committed by Buildah and saved by Skopeo.\n",
        "![Ratios to the peer; below 1 is faster or smaller](benchmarks.svg)\n",
        table(outcomes),
    ]
    if notes.exists():
        page.append(notes.read_text())
    (docs / "benchmarks.md").write_text("\n".join(page))


def _chart(outcomes: list[Outcome], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "libpod"
    from matplotlib import pyplot

    names = [outcome.case.name for outcome in outcomes][::-1]
    ratios = [outcome.ratio for outcome in outcomes][::-1]
    figure, axes = pyplot.subplots(figsize=(9, 0.38 * len(names) + 1.2), layout="constrained")
    bars = axes.barh(names, ratios, color="#3b6ea5", height=0.62)
    axes.bar_label(bars, labels=[f"{ratio:.2f}" for ratio in ratios], padding=4, fontsize=9)
    for index, outcome in enumerate(reversed(outcomes)):
        if outcome.case.budget is not None:
            axes.plot([outcome.case.budget] * 2, [index - 0.4, index + 0.4], color="#c0392b", linewidth=2)
    axes.axvline(1.0, color="#555555", linewidth=1)
    axes.set_xlim(0, max(1.1, max(ratios) * 1.12))
    axes.set_xlabel("libpod / faster peer (below 1: faster or smaller; red: budget)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0, labelsize=9)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
