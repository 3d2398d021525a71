"""The schemas of the documents: as they are stored, and strict enough to fail."""

import json
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.render import contracts
from tests import contract
from tests.support import HEAD, cli

ROOT = Path(__file__).parents[2]
FILE = HEAD + "schedules: {a: {cron: '0 9 * * *', destination: https://e.example.com/x}}\n"


@pytest.mark.parametrize("command", contracts.DOCUMENTS)
def test_the_stored_schema_is_the_contract(command: str) -> None:
    """Run `qstash-sync schema COMMAND --output schema/COMMAND.schema.json` when this fails."""
    stored = json.loads((ROOT / "schema" / f"{command}.schema.json").read_text())
    assert stored == contracts.schema(command)
    assert json.loads(cli("schema", command).out) == stored


def document(tmp_path: Path, *words: str) -> dict[str, Any]:
    file = tmp_path / "q.yaml"
    file.write_text(FILE)
    found: dict[str, Any] = json.loads(
        cli(*words, "-f", str(file), f"--local={tmp_path}/a.db", "--format", "json").out
    )
    return found


WRONG = [
    lambda d: d.pop("summary"),
    lambda d: d.update(surprise=1),
    lambda d: d["changes"][0].pop("kind"),
    lambda d: d["changes"][0].update(action="explode"),
    lambda d: d["changes"][0]["fields"][0].update(path=3),
    lambda d: d.update(format_version=2),
    lambda d: d["requests"].update(read=-1),
]


@pytest.mark.parametrize("spoil", WRONG, ids=range(len(WRONG)))
def test_what_is_not_of_the_contract_is_seen(spoil: Any, tmp_path: Path) -> None:
    found = document(tmp_path, "plan")
    contract.check(["plan"], json.dumps(found))
    spoil(found)
    with pytest.raises(AssertionError):
        contract.check(["plan"], json.dumps(found))


def test_a_consumer_lets_keys_pass_that_it_does_not_know(tmp_path: Path) -> None:
    import jsonschema

    found = document(tmp_path, "plan")
    found["later"] = found["changes"][0]["later"] = 1
    jsonschema.validate(found, contracts.schema("plan"))
