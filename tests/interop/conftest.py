"""What the comparisons with Podman share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import pairs


@pytest.fixture(scope="module", params=[pairs.OLD, pairs.NEW])
def pair(request: pytest.FixtureRequest) -> Iterator[pairs.Pair]:
    """Each Podman beside libpod."""
    with pairs.open_pair(request.param) as pair:
        yield pair
