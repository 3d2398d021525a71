"""Wherever people read names, j2 stands before j10; machines get them as ever."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from qstash_sync.applying import watching
from qstash_sync.model.diagnostics import listed
from qstash_sync.planning.decide import Plan
from qstash_sync.planning.drift import Drift
from qstash_sync.render import coming as comings, drift, html, json, markdown, text
from qstash_sync.timeline import coming, week as weeks
from tests.support import HEAD, NOW, cli, config, world as make_world

PLAIN = text.Paint(color=False)
COUNTED = [f"j{number}" for number in (1, 2, 3, 10, 11, 20)]
SOME = HEAD + "schedules:\n" + "".join(
    f"  {name}: {{cron: '{number} 9 * * *', destination: 'https://e.example.com/x'}}\n"
    for number, name in enumerate(reversed(COUNTED))
)  # fmt: skip
MANY = SOME + "".join(
    f"  x{number}: {{cron: '0 8 * * *', destination: 'https://e.example.com/x'}}\n"
    for number in range(20)
)


def names(page: str) -> list[str]:
    """The names in a page, each where it stands first."""
    return list(dict.fromkeys(re.findall(r"\bj\d+\b", page)))


VIEWS: dict[str, Callable[[Plan, Drift], str]] = {
    "plan": lambda plan, _: text.plan(plan, PLAIN),
    "plan, all of it": lambda plan, _: text.plan(plan, PLAIN, verbose=True),
    "plan as Markdown": lambda plan, _: markdown.plan(plan),
    "plan as HTML": lambda plan, _: html.plan(plan, config(SOME).desired, (0, 0)),
    "drift": lambda _, found: drift.text(found, (0, 0), PLAIN),
    "drift as Markdown": lambda _, found: markdown.drift(found, (0, 0)),
    "drift as HTML": lambda _, found: html.drift(found, config(SOME).desired, (0, 0)),
}


@pytest.mark.parametrize("file", [SOME, MANY], ids=["few", "many"])
@pytest.mark.parametrize("view", VIEWS)
def test_of_a_page(view: str, file: str) -> None:
    with make_world() as world:
        plan = world.plan(file)
        with world.client() as client:
            found = watching.watch(client, config(file).desired, now=world.now)
        assert names(VIEWS[view](plan, found)) == COUNTED
        # What programs read stays sorted as they sort.
        assert names(json.plan(plan, (0, 0))) == sorted(COUNTED)
        assert names(drift.document(found, (0, 0), None)) == sorted(COUNTED)
        assert [change.name for change in plan.changes if change.name[0] == "j"] == sorted(COUNTED)


def test_of_a_picture_and_of_coming_firings() -> None:
    often = config(re.sub("'\\d+ 9", "'0 9", SOME)).desired.schedules or ()
    found = coming.coming(often, NOW, hours=48, count=9)
    assert names(comings.text(found, None, PLAIN)) == COUNTED
    assert names(comings.document(found, None)) == sorted(COUNTED)
    paused = coming.coming([replace(one, paused=True) for one in often], NOW, hours=48, count=9)
    assert names(comings.text(paused, None, PLAIN)) == COUNTED
    assert [lane.name for lane in weeks.of_schedules(often, NOW).lanes] == COUNTED


@pytest.mark.parametrize("words", [("compile",), ("next", "--load", "--count", "1")])
def test_of_a_command_line(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text(re.sub("'\\d+ 9", "'0 9", SOME).replace("j3", "x3"))
    asked = (*words, "-f", str(tmp_path / "q.yaml"), "--now", "2026-11-23T12:00Z")
    counted = [name for name in COUNTED if name != "j3"]
    page, found = (cli(*asked, "--format", form).out for form in ("text", "json"))
    listed = names(page.partition("peak")[2] or page), names(found.partition('"load"')[2] or found)
    assert sorted(listed[0]) == listed[1]
    assert listed[0] == [name for name in counted if name in listed[0]]
    assert len(listed[0]) > 2


def test_of_a_message() -> None:
    assert listed(set(COUNTED)) == ", ".join(COUNTED)
