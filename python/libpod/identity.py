"""Which user runs this process, and that user's directories by the XDG Base Directory Specification. Values; nothing is made."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Identity:
    """The user of a process: its effective user id, and what its environment says. Both can be given in place of the process's own."""

    __slots__ = ("environment", "uid")

    def __init__(self, environment: Mapping[str, str] | None = None, uid: int | None = None) -> None:
        self.environment = os.environ if environment is None else environment
        self.uid = os.geteuid() if uid is None else uid

    @property
    def is_rootless(self) -> bool:
        """Whether it is another user than root."""
        return self.uid != 0

    def below_home(self, path: str) -> str:
        """Return a path below the home directory, which HOME names, or the table of users."""
        home = self.environment.get("HOME") or os.path.expanduser("~")
        return f"{home.rstrip('/')}/{path}"

    @property
    def config_home(self) -> str:
        """The directory of the user's configuration."""
        return self.environment.get("XDG_CONFIG_HOME") or self.below_home(".config")

    @property
    def data_home(self) -> str:
        """The directory of the user's data."""
        return self.environment.get("XDG_DATA_HOME") or self.below_home(".local/share")

    @property
    def runtime_directory(self) -> str | None:
        """The user's directory for this boot; None if the environment names none."""
        return self.environment.get("XDG_RUNTIME_DIR") or None
