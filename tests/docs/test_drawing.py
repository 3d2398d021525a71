"""The drawing of docs/local-time.md is what the compiler does today; `python docs/img/draw.py` renews it."""

import subprocess
import sys
from pathlib import Path

from tests.docs.pages import DOCS, ROOT


def test_the_drawing_is_of_today(tmp_path: Path) -> None:
    target = tmp_path / "drawn.svg"
    script = DOCS / "img" / "draw.py"
    subprocess.run([sys.executable, script, target], check=True, cwd=ROOT)
    assert target.read_text() == (DOCS / "img" / "parts-of-a-year.svg").read_text()
