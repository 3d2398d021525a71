from collections.abc import Iterator

import pytest

from tests.support import World, world as make_world


@pytest.fixture
def world() -> Iterator[World]:
    """A fresh account in memory."""
    with make_world() as fresh:
        yield fresh
