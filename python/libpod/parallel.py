"""One verb for several things at once: a bounded number of threads, and results in the order of the things."""

from __future__ import annotations

import os

from libpod.errors import LibpodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeVar

    Thing = TypeVar("Thing")
    Result = TypeVar("Result")

#: Threads for each processor: what they do is mostly waiting. As many as Podman has.
_FOR_EACH_PROCESSOR = 3


def each(
    act: Callable[[Thing], Result], things: Sequence[Thing]
) -> Iterator[tuple[Thing, Result | LibpodError | OSError]]:
    """Act on all things at once; yield each with what `act` returned for it, or the error that it raised, in their order.

    An error of one thing keeps no other from being acted upon. Another exception ends everything. A single thing is acted upon
    by the calling thread. Ctrl-C raises here; what has begun goes on.
    """
    if len(things) < 2:
        for thing in things:
            yield thing, _attempt(act, thing)
        return
    from threading import Event, Thread

    outcomes: list[Result | LibpodError | OSError | BaseException] = [InterruptedError()] * len(things)
    done = [Event() for _ in things]
    waiting = iter(range(len(things)))

    def work() -> None:
        # The threads share the iterator: `next` of a range is one step.
        for index in waiting:
            try:
                outcomes[index] = _attempt(act, things[index])
            except BaseException as error:
                outcomes[index] = error
            done[index].set()

    count = min(len(things), (os.cpu_count() or 1) * _FOR_EACH_PROCESSOR + 1)
    for _ in range(count):
        Thread(target=work, daemon=True).start()
    for index, thing in enumerate(things):
        done[index].wait()
        outcome = outcomes[index]
        if isinstance(outcome, BaseException) and not isinstance(outcome, (LibpodError, OSError)):
            raise outcome
        yield thing, outcome


def _attempt(act: Callable[[Thing], Result], thing: Thing) -> Result | LibpodError | OSError:
    try:
        return act(thing)
    except (LibpodError, OSError) as error:
        return error
