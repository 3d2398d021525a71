"""A mark has four digits of its namespace: two namespaces may share them, and stay two."""

from pathlib import Path

import pytest

from qstash_sync.reconcile import mark
from tests.support import UNLINTED, cli

FILE = f"""{UNLINTED}version: 1
namespace: shop
environments: {{preview: {{namespace: "shop-${{var.preview}}"}}}}
defaults: {{timezone: UTC}}
schedules:
  stock: {{cron: "0 9 * * *", destination: "https://api.example.com/cron/stock"}}
"""


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """The words behind a command, of the first of two previews that share the digits."""
    (tmp_path / "q.yaml").write_text(FILE)
    found = ["-f", str(tmp_path / "q.yaml"), f"--local={tmp_path / 'a.db'}"]
    of_each = [["-e", "preview", "--var", f"preview=pr-{n}", *found] for n in (137, 38)]
    assert [cli("apply", "--yes", *words).code for words in of_each] == [0, 0]
    return of_each[-1]


def test_two_namespaces_of_one_account_share_four_digits() -> None:
    """Of 300 namespaces two do in about half of the accounts."""
    assert mark.scope("shop-pr-38", "preview") == mark.scope("shop-pr-137", "preview")


def test_what_shares_the_digits_is_no_copy_of_ours(words: list[str]) -> None:
    told = " ".join(cli("plan", *words).text.split())
    assert "shop-pr-137.stock is another namespace's" in told
    assert "copy" not in told
    strays = cli("import", "--strays", *words)
    assert "No changes" in strays.text, strays
