"""The user's terminal and streams, as a session with a container needs them."""

from __future__ import annotations

import os
import sys

from libpod.cli.context import message_of
from libpod.errors import LibpodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from libpod._core import Session
    from libpod.cli.context import Context
    from libpod.container.foreground import Stay
    from libpod.container.model import Container


def size() -> tuple[int, int] | None:
    """Rows and columns of the terminal on stdin, or None where there is none."""
    try:
        found = os.get_terminal_size(0)
    except OSError:
        return None
    return found.lines, found.columns


def warn_without_terminal(context: Context) -> None:
    """Warn, as Podman does, that `-t` and `-i` will not behave as they do on a terminal."""
    if not os.isatty(0):
        context.log(
            "warning", "The input device is not a TTY. The --tty and --interactive flags might not work properly"
        )


def show_warnings(context: Context, warnings: Iterable[str]) -> None:
    """Show what was not as the user asked when a container or a process in it was started."""
    for text in warnings:
        context.log("warning", text)


def warn_killed(context: Context, container: Container, timeout_s: int | None) -> None:
    """Warn, as Podman does, that a container was killed because it did not end when it was asked to."""
    from libpod.signals import signal_name

    settings = container.settings
    seconds = settings.stop_timeout if timeout_s is None else timeout_s
    context.log(
        "warning",
        f"StopSignal {signal_name(settings.stop_signal)} failed to stop container {container.name} in {seconds} seconds,"
        " resorting to SIGKILL",
    )


def relay(
    session: Session,
    *,
    stdin: bool,
    stdout: bool = True,
    stderr: bool = True,
    terminal: bool,
    detach_keys: str,
    sig_proxy: bool,
) -> dict[str, Any]:
    """Connect the standard streams with a session until the container ends or the user detaches.

    Raises: OSError where stdout or stderr takes nothing more.
    """
    sys.stdout.flush()
    record: dict[str, Any] = session.relay(
        0 if stdin else None,
        1 if stdout else None,
        2 if stderr else None,
        tty=terminal,
        detach_keys=detach_keys,
        sig_proxy=sig_proxy,
    )
    return record


def stay(
    context: Context,
    staying: Stay,
    container: Container,
    *,
    stdin: bool,
    stdout: bool = True,
    stderr: bool = True,
    detach_keys: str,
    sig_proxy: bool,
) -> int:
    """Connect the standard streams with a container until it ends or the user detaches; return the exit code of this command.

    Raises: BrokenPipeError when the reader of stdout or stderr went away, LibpodError that names the container when they take
    nothing more for another reason.
    """
    sys.stdout.flush()
    try:
        code = staying.relay(
            0 if stdin else None,
            1 if stdout else None,
            2 if stderr else None,
            detach_keys=detach_keys,
            sig_proxy=sig_proxy,
        )
    except LibpodError:
        raise
    except BrokenPipeError:
        # The reader went away: it ends us silently, as every other command.
        raise
    except OSError as error:
        raise LibpodError(
            f"attaching to container {container.id}: {message_of(error)}", op="attach", errno=error.errno
        ) from None
    if staying.complaint is not None:
        context.log("error", f"Removing container {container.id}: {message_of(staying.complaint)}")
    return code
