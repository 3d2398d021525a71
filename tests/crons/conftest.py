"""The repository's root on the path, so that `tests.crons.oracle` is found however pytest starts."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
