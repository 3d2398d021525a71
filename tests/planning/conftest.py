"""Plans are tested as comparisons are: wherever the short way is taken, the long one is asked as well."""

from tests.reconcile.conftest import both_ways_everywhere  # noqa: F401 - a fixture that is always on
