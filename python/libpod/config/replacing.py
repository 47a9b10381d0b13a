"""Write a file of the user's configuration in one step: readers and crashes see the old text or the new one, whole."""

from __future__ import annotations

import os


def replace_text(path: str, text: str) -> None:
    """Replace a file, readable by its owner alone; its directory is made where it is missing.

    Raises: OSError; then the old file stands, and nothing else is left.
    """
    import tempfile

    directory = os.path.dirname(path) or "."
    os.makedirs(directory, mode=0o700, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", dir=directory)  # mode 0600
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
