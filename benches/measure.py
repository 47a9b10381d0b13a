"""Alternating runs: libpod and its peers in random order, so that noise of the machine falls on all of them."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Work = Callable[[], object]

#: How libpod is called among the sides of a case.
OURS = "libpod"


@dataclass
class Case:
    """One row of the table.

    name: what is done. ours: does it once; it is timed from call to return, or returns its own figure if `unit` is not `ms`.
    peers: the same for every other side, by its name. against: the peers of which the fastest one counts for the ratio; all of
    them for none. budget: the ratio that must not be passed, or None. rounds: how often each side is measured. reset: called
    before each timed call, outside its time. close: called after the last one.
    """

    name: str
    ours: Work
    peers: Mapping[str, Work]
    against: tuple[str, ...] = ()
    budget: float | None = None
    rounds: int = 15
    unit: str = "ms"
    reset: Callable[[], None] = lambda: None
    close: Callable[[], None] = lambda: None


@dataclass
class Outcome:
    """What was measured of one case, by the names of the sides."""

    case: Case
    values: dict[str, list[float]] = field(default_factory=dict)

    def median(self, side: str) -> float:
        """Median of one side."""
        return statistics.median(self.values[side])

    @property
    def rival(self) -> str:
        """The peer that the ratio is against: the fastest, or smallest, of those that count."""
        return min(self.case.against or self.case.peers, key=self.median)

    @property
    def ratio(self) -> float:
        """Median of libpod over that of the rival."""
        return self.median(OURS) / self.median(self.rival)

    @property
    def spread(self) -> float:
        """Largest deviation of a middle half from the median, relative, over libpod and the rival."""
        worst = 0.0
        for values in (self.values[OURS], self.values[self.rival]):
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
    """Measure one case: one untimed run of each side to warm caches if runs are cheap, then `rounds` of all in random order.

    What the run before left to be written is written first: a side that syncs what it publishes would otherwise wait for the data
    of a side that does not.
    """
    sides = {OURS: case.ours, **case.peers}
    outcome = Outcome(case, {side: [] for side in sides})
    try:
        if case.rounds > 5:
            for work in sides.values():
                case.reset()
                work()
        for _ in range(rounds or case.rounds):
            for side in random.sample(list(sides), len(sides)):
                case.reset()
                os.sync()
                outcome.values[side].append(_once(sides[side], case.unit))
    finally:
        case.close()
    return outcome
