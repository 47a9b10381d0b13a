"""`podman completion SHELL`: the script that a shell sources."""

from __future__ import annotations

from libpod.cli.command import Command
from libpod.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options

SHELLS = ("bash", "fish", "zsh")


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Print the script."""
    from libpod.cli.help import completion_script

    if arguments[0] not in SHELLS:
        raise UsageError(f'"{arguments[0]}" is not a valid shell; choose from: {", ".join(SHELLS)}')
    context.write(completion_script(arguments[0]))
    return 0


COMMAND = Command(
    "completion",
    call=run,
    usage="SHELL",
    short="Generate shell completion scripts",
    long="Generate the completion script of a shell: source it, or put it where the shell finds it",
    least=1,
    most=1,
    examples=("source <(podman completion bash)",),
)
