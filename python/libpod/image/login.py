"""Logging in to registries: who a user is there, proven at the registry, kept in auth.json or with a credential helper.

Start reading at `LoginManager.login`. It needs no store.
"""

from __future__ import annotations

from libpod.config import auth
from libpod.config import registries as configuration
from libpod.errors import DeniedError, InvalidError, LibpodError, NotFoundError
from libpod.image import reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.config.auth import Credentials
    from libpod.image.transport import Options


class LoginManager:
    """The logins of one user. authfile: in place of the files that are looked up (`config.lookup.auth_files`).

    A key is a registry, or a namespace or a repository of one: `quay.io`, `quay.io/team`.
    """

    def __init__(self, authfile: str | None = None) -> None:
        self._authfile = authfile or None

    def key(self, text: str | None = None) -> str:
        """Return the key that a user means; for None, the first registry of the search list.

        Raises: NotFoundError if there is none, InvalidError for a name with tag or digest.
        """
        if text is None:
            search = configuration.load_registries().unqualified_search
            if not search:
                raise NotFoundError("no registries found in registries.conf, a registry must be provided")
            return search[0]
        for scheme in ("https://", "http://"):
            if text.startswith(scheme):
                return text.removeprefix(scheme).partition("/")[0]
        if "/" not in text:
            return text
        try:
            wanted = reference.parse_name(text)
        except InvalidError as error:
            raise InvalidError(f'parse reference from "{text}": {error}') from None
        if isinstance(wanted, reference.ImageId) or wanted.tag is not None or wanted.digest is not None:
            raise InvalidError(f'reference "{text}" contains tag or digest')
        if isinstance(wanted, reference.ShortName):
            raise InvalidError(f'"{text}" names no registry')
        return wanted.name

    def find(self, key: str) -> Credentials | None:
        """Return the credentials of a key, of the files or of the helpers that registries.conf names.

        Raises: InvalidError for a file that is no auth file, NotFoundError for a helper that is missing.
        """
        helpers = configuration.load_registries().credential_helpers
        return auth.find_credentials(key, authfile=self._authfile, helpers=helpers)

    def accepts(self, key: str, credentials: Credentials, options: Options) -> bool:
        """Ask the registry whether it takes the credentials.

        Raises: RegistryError and OSError if it cannot be asked.
        """
        from libpod.image import docker

        host = key.partition("/")[0]
        insecure = configuration.load_registries().is_insecure(host)
        try:
            docker.open_client(host, options, insecure=insecure, credentials=credentials).check_credentials()
        except DeniedError:
            return False
        except LibpodError as error:
            raise error.prefixed(f'authenticating creds for "{key}": ') from None
        return True

    def login(self, key: str, credentials: Credentials, options: Options) -> str:
        """Prove credentials at the registry and keep them; return the file or the helper that holds them.

        Raises: DeniedError if the registry does not take them, and what `accepts` raises.
        """
        if not self.accepts(key, credentials, options):
            raise DeniedError(f'logging into "{key}": invalid username/password')
        return auth.set_credentials(key, credentials, authfile=self._authfile)

    def logout(self, key: str) -> bool:
        """Forget a key in the file that `login` writes; False if another tool keeps it elsewhere, where it stays.

        Raises: NotFoundError if there are no credentials for it.
        """
        if auth.remove_credentials(key, authfile=self._authfile):
            return True
        if self.find(key) is None:
            raise NotFoundError(f"not logged into {key}")
        return False

    def logout_all(self) -> None:
        """Forget every key in the file that `login` writes, helpers' keys included."""
        auth.remove_all(authfile=self._authfile)
