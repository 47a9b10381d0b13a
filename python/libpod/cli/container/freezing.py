"""What `podman pause` and `podman unpause` share: one verb of the manager for the containers that are named, or for all in a state."""

from __future__ import annotations

from libpod.cli.command import Command
from libpod.cli.container import targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def command(name: str, *, status: str, short: str, long: str, everything: str, examples: tuple[str, ...]) -> Command:
    """Declare the command of a verb. status: of the containers that `--all` means. everything: the help of `--all`."""

    def run(context: Context, options: Options, arguments: list[str]) -> int:
        found = targets.select(context, options, arguments, all_in=lambda state: state.status == status)
        return targets.for_each(context, found, getattr(context.engine.containers, name))

    return Command(
        name,
        call=run,
        usage="[options] CONTAINER [CONTAINER...]",
        short=short,
        long=long,
        options=(targets.all_of(everything), targets.CIDFILE, targets.FILTER, targets.LATEST),
        examples=examples,
    )
