from collections.abc import Iterator

import pytest

from tests.local.api import Api, an_api


@pytest.fixture
def api() -> Iterator[Api]:
    """A fresh account in memory under the default switches."""
    with an_api() as fresh:
        yield fresh
