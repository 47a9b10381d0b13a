"""Paired runs: ours and theirs alternate in random order, so that noise of the machine falls on both."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Work = Callable[[], object]


@dataclass
class Case:
    """One row of the table.

    name: what is done. ours, theirs: do it once; each is timed from call to return, or returns its own figure where `unit`
    is not `ms`. budget: the ratio that must not be passed, or None. rounds: how many pairs. peer: who the other side is.
    reset: called before each timed call, outside its time.
    """

    name: str
    ours: Work
    theirs: Work
    budget: float | None = None
    rounds: int = 15
    unit: str = "ms"
    peer: str = "podman"
    reset: Callable[[], None] = lambda: None


@dataclass
class Outcome:
    """Medians of one case."""

    case: Case
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Median of ours over median of theirs."""
        return statistics.median(self.ours) / statistics.median(self.theirs)

    def median(self, side: str) -> float:
        """Median of one side: `ours` or `theirs`."""
        return statistics.median(self.ours if side == "ours" else self.theirs)

    @property
    def spread(self) -> float:
        """Largest deviation of a middle half from the median, relative, over both sides."""
        worst = 0.0
        for values in (self.ours, self.theirs):
            if len(values) >= 4:
                low, middle, high = statistics.quantiles(values, n=4)
                worst = max(worst, (high - low) / 2 / middle)
        return worst


def _once(work: Work, unit: str) -> float:
    start = time.perf_counter()
    answer = work()
    elapsed = (time.perf_counter() - start) * 1000
    return elapsed if unit == "ms" else float(answer)  # type: ignore[arg-type]


def run(case: Case, *, rounds: int | None = None) -> Outcome:
    """Measure one case: one untimed pair to warm caches where runs are cheap, then `rounds` pairs in random order.

    What the run before left to be written is written first: a side that syncs what it publishes would else wait for the data of
    the side that does not.
    """
    outcome = Outcome(case)
    wanted = rounds or case.rounds
    if case.rounds > 5:
        case.reset()
        case.ours()
        case.reset()
        case.theirs()
    for _ in range(wanted):
        sides = [("ours", case.ours), ("theirs", case.theirs)]
        random.shuffle(sides)
        for side, work in sides:
            case.reset()
            os.sync()
            getattr(outcome, side).append(_once(work, case.unit))
    return outcome
