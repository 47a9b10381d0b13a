"""A pipe between two calls into the extension: one writes, in a thread, what the other reads."""

from __future__ import annotations

import os

from libpod import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from libpod._core import Blob

    Written = TypeVar("Written")
    Read = TypeVar("Read")


def through_pipe(write: Callable[[int], Written], read: Callable[[Blob], Read]) -> tuple[Written, Read]:
    """Call `write` with the descriptor of one end while `read` reads the other; returns what the two returned.

    When `write` fails, the reader sees an early end of the stream and may believe it: its result is dropped and the
    writer's error raised, so the caller must not have acted on it before this returns.
    """
    import threading

    reader, writer = os.pipe2(os.O_CLOEXEC)
    written: list[Written] = []
    failed: list[BaseException] = []

    def produce() -> None:
        try:
            written.append(write(writer))
        except BaseException as error:
            failed.append(error)
        finally:
            os.close(writer)

    thread = threading.Thread(target=produce, daemon=True)
    try:
        stream = _core.open_stream(reader)
    finally:
        os.close(reader)
    thread.start()
    # Should `read` fail, the stream dies with its error's frames, and the writer ends on the broken pipe.
    result = read(stream)
    thread.join()
    if failed:
        raise failed[0]
    return written[0], result
