"""A file that was applied without environments, or as another namespace, and then gets them."""

from pathlib import Path

import pytest

from tests.support import Ran, cli

NOW = "2026-11-26"  # in winter the first part alone is right until the horizon of a renewal
SCHEDULE = (
    "{cron: '30 9 * * *', timezone: Europe/Berlin, destination: 'https://app.acme.com/x',"
    " failure_callback: 'https://app.acme.com/f', retries: 1}"
)
PLAIN = f"version: 1\nnamespace: acme\nschedules:\n  a: {SCHEDULE}\n"
ENVIRONMENTS = PLAIN.replace("schedules:", "environments: {prod: {}}\nschedules:")
RENAMED = ENVIRONMENTS.replace("  a: {", "  b: {was: a, ")
MOVED = ENVIRONMENTS.replace("prod: {}", "prod: {namespace: acme-prod, namespace_was: acme}")
BOTH = MOVED.replace("acme}}", "acme}, stage: {namespace: acme-stage, namespace_was: acme}}")


class Place:
    """A local account to which the plain file was applied."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        assert self.run("apply", PLAIN, "--yes").code == 0

    def run(self, command: str, text: str, *words: str, name: str = "prod") -> Ran:
        file = self.folder / "q.yaml"
        file.write_text(text)
        chosen = ("-e", name) if "environments" in text else ()
        moment = ("--now", NOW) if command in ("plan", "apply", "drift") else ()
        local = f"--local={self.folder / 'a.db'}"
        ran = cli(command, "-f", str(file), local, *chosen, *moment, *words)
        return Ran(ran.code, " ".join(ran.out.split()), " ".join(ran.err.split()))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_all_parts_are_taken_over(place: Place) -> None:
    refused = place.run("plan", ENVIRONMENTS)
    assert "refused: acme.a carries the mark of another environment or namespace" in refused.out
    assert "0 unmanaged" in refused.out
    told = place.run("explain", ENVIRONMENTS, "a").out
    assert "A plan refuses to overwrite it" in told
    assert "acme.a.2 30 7 * 4-10 *" in told
    assert "an apply would" not in told
    taken = place.run("apply", ENVIRONMENTS, "--yes", "--adopt", "*")
    assert taken.code == 0, taken.text
    after = place.run("plan", ENVIRONMENTS)
    assert "No changes" in after.out
    assert "1 unchanged, 0 unmanaged" in after.out
    assert "looks like a part" not in after.text
    assert "2 -> 0" in place.run("destroy", ENVIRONMENTS, "--yes", "acme").out


def test_they_are_taken_over_whole_when_the_environment_is_renamed(place: Place) -> None:
    assert place.run("apply", ENVIRONMENTS, "--yes", "--adopt", "a").code == 0
    text = ENVIRONMENTS.replace("prod", "live")
    assert place.run("apply", text, "--yes", "--adopt", "a", name="live").code == 0
    assert "2 -> 0" in place.run("destroy", text, "--yes", "acme", name="live").out


@pytest.mark.parametrize(("text", "name"), [(MOVED, "a"), (RENAMED, "b")])
def test_a_new_namespace_and_a_new_name_need_consent(place: Place, text: str, name: str) -> None:
    """The mark of no environment is another one's: two environments may say `namespace_was:`."""
    refused = place.run("plan", text)
    assert "refused: acme.a carries the mark of another environment or namespace" in refused.out
    assert f"--adopt {name}" in refused.out
    assert "0 to create" in refused.out, refused.text
    assert "nothing in the account" not in refused.text
    assert "fires beside" not in refused.text
    assert place.run("apply", text, "--yes").code == 4
    assert place.run("apply", text, "--yes", "--adopt", name).code == 0
    after = place.run("plan", text)
    assert "No changes" in after.out
    assert "Schedules in the account: 2;" in after.out
    assert "0 unmanaged" in after.out


def test_nobody_takes_what_another_environment_may_mean(place: Place) -> None:
    others = place.run("plan", BOTH.replace("  a: {", "  c: {"), name="stage")
    assert "1 to create, 0 to update, 0 to delete" in others.out
    gone = place.run("destroy", BOTH, "--yes", "acme-stage", name="stage")
    assert gone.code == 0, gone.text
    assert "No changes" in place.run("plan", PLAIN).out


def test_a_destroy_says_what_it_leaves_of_the_namespace(place: Place) -> None:
    done = place.run("destroy", ENVIRONMENTS, "--yes", "acme")
    assert "Nothing of acme is to be deleted" in done.out
    assert "acme.a: of an environment that the files do not have, so left alone" in done.text
    assert done.code == 4
    assert "Schedules in the account: 2;" in place.run("plan", PLAIN).out


def test_a_pause_says_whose_it_is(place: Place) -> None:
    paused = place.run("pause", ENVIRONMENTS, "a", "--yes")
    assert paused.code == 4
    assert "acme.a carries the mark of another environment or namespace" in paused.text
    assert "No changes" in place.run("plan", PLAIN).out
    assert place.run("apply", ENVIRONMENTS, "--yes", "--adopt", "a").code == 0
    assert place.run("pause", ENVIRONMENTS, "a", "--yes").code == 0
    assert place.run("resume", PLAIN, "a", "--yes").code == 4


def test_a_namespace_that_moves_is_paused_before_it_has(place: Place) -> None:
    moved = PLAIN.replace("namespace: acme", "namespace: corp\nnamespace_was: acme")
    paused = place.run("pause", moved, "a", "--yes")
    assert paused.code == 0, paused.text
    assert "Paused: 1 done" in paused.out
    assert "1 paused" in place.run("drift", PLAIN).out


def test_what_another_namespace_manages_is_never_ended(place: Place) -> None:
    text = PLAIN.replace("namespace: acme", "namespace: other").replace(
        "  a: {", "  a: {was: acme.a, "
    )
    plan = place.run("plan", text, "--adopt", "*")
    assert "1 to create, 0 to update, 0 to delete" in plan.out
    assert (
        "acme.a carries the mark of another environment or namespace; it is left alone" in plan.text
    )
    assert place.run("apply", text, "--yes", "--adopt", "*").code == 0
    assert "No changes" in place.run("plan", PLAIN).out
