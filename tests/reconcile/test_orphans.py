"""What an environment leaves that was renamed or taken out: told, and deleted by its id alone."""

import json
from pathlib import Path

import pytest

from qstash_sync.exit_codes import ExitCode
from tests.support import UNLINTED, Ran, cli

SCHEDULES = {
    name: {"cron": "30 9 * * *", "destination": f"https://a.example.com/{name}"} for name in "abc"
}
TOLD = "of an environment that the files do not have, so left alone"


class Place:
    """A local account to which `prod` was applied, with a, b and c, of several parts each."""

    def __init__(self, folder: Path) -> None:
        self.file, self.account = folder / "q.yaml", folder / "a.db"
        assert self.run("apply", "--yes", environment="prod").code == 0

    def run(self, *words: str, environment: str | None, names: str = "abc", more: str = "") -> Ran:
        has = "" if environment is None else f"environments: {{{environment}: {{}}{more}}}\n"
        schedules = json.dumps({name: SCHEDULES[name] for name in names})
        head = "version: 1\nnamespace: shop\ndefaults: {timezone: Europe/Berlin}\n"
        self.file.write_text(f"{head}{UNLINTED}{has}schedules: {schedules}\n")
        chosen = ("-e", environment) if environment else ()
        ran = cli(words[0], "-f", str(self.file), f"--local={self.account}", *chosen, *words[1:])
        return Ran(ran.code, " ".join(ran.out.split()), " ".join(ran.err.split()))

    def live(self) -> set[str]:
        """The names that are live, by a file that declares none of them in their environment."""
        ran = self.run("plan", "--format", "json", environment="prod", names="")
        return {change["name"] for change in json.loads(ran.out)["changes"]}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("environment", ["production", None])
@pytest.mark.parametrize("command", ["plan", "drift"])
def test_it_is_told(place: Place, command: str, environment: str | None) -> None:
    ran = place.run(command, environment=environment, names="a")
    assert f"warning: shop.b, shop.c: {TOLD}" in ran.text
    assert "--delete-orphan shop.b --delete-orphan shop.c deletes these schedules" in ran.text
    assert TOLD not in place.run(command, environment="prod", names="a").text


@pytest.mark.parametrize("glob", ["*", "?", "[ab]", "shop.*", "b", "shop.b"])
def test_a_take_over_is_none_of_it(place: Place, glob: str) -> None:
    """The one that was declared is taken over by it, and nothing else is."""
    place.run("apply", "--yes", "--adopt", glob, environment="production", names="a")
    assert {"b", "c"} <= place.live()


@pytest.mark.parametrize("glob", ["shop.b", "*.b"])
@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_its_own_option_does(place: Place, command: str, glob: str) -> None:
    """With all its parts, within the limits of deletes."""
    words = ("--yes", "shop") if command == "destroy" else ("--yes", "--allow-deletes", "9")
    ran = place.run(command, *words, "--delete-orphan", glob, environment="production", names="")
    assert "delete schedule b" in ran.text
    assert f"shop.a, shop.c: {TOLD}" in ran.text
    assert "4 unmanaged" in ran.out  # what goes is not left alone
    assert place.live() == {"a", "c"}
    assert ran.code == (ExitCode.PARTIAL if command == "destroy" else ExitCode.DONE)


def test_a_destroy_that_leaves_it_is_not_done(place: Place) -> None:
    for names in ("", "abc"):
        ran = place.run("destroy", "--yes", "shop", environment="production", names=names)
        assert ran.code == ExitCode.PARTIAL
        assert "Nothing of shop is to be deleted." in ran.out
        assert f"shop.a, shop.b, shop.c: {TOLD}" in ran.err
        assert "stays: carries" not in ran.err
    for glob, is_told in (("shop.x*", False), ("shop.x", True)):
        words = ("--yes", "shop", "--delete-orphan", glob)
        ran = place.run("destroy", *words, environment="production")
        assert (ran.code, place.live()) == (ExitCode.PARTIAL, {"a", "b", "c"})
        assert ("warning: --delete-orphan shop.x: no such schedule is left" in ran.text) == is_told
    words = ("--yes", "shop", "--delete-orphan", "shop.*")
    ran = place.run("destroy", *words, environment="production")
    assert (ran.code, place.live()) == (0, set())
    assert "stays" not in ran.text


AGAIN = [("shop.b",), ("shop.[bc]",), ("*",), ("shop.b", "shop.c")]


@pytest.mark.parametrize("globs", AGAIN, ids=" ".join)
@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_a_run_that_was_cut_off_is_typed_once_more(
    place: Place, command: str, globs: tuple[str, ...]
) -> None:
    """What is gone by then is no error, whatever names it; and the rest is done."""
    words = ["--yes", "shop"] if command == "destroy" else ["--yes", "--allow-deletes", "9"]
    words += [word for glob in globs for word in ("--delete-orphan", glob)]
    place.run("apply", "--yes", "--adopt", "a", environment="production", names="a")
    first = ("apply", "--yes", "--allow-deletes", "9", "--delete-orphan", "shop.b")
    assert place.run(*first, environment="production", names="a").code == 0
    ran = place.run(command, *words, environment="production", names="")
    assert "delete schedule a" in ran.text
    assert place.live() == ({"c"} if globs == ("shop.b",) else set())
    assert ("no such schedule is left" in ran.text) == ("shop.b" in globs)
    assert ran.code == (ExitCode.PARTIAL if command == "destroy" and place.live() else 0)
    assert place.run(command, *words, environment="production", names="").code == ran.code


@pytest.mark.parametrize("part_id", ["shop.a", "shop.b.2"])
def test_what_is_none_of_it_is_no_orphan(place: Place, part_id: str) -> None:
    place.run("apply", "--yes", "--adopt", "a", environment="production", names="a")
    words = ("apply", "--yes", "--delete-orphan", part_id)
    ran = place.run(*words, environment="production", names="a")
    assert (ran.code, place.live()) == (ExitCode.USAGE, {"b", "c"})
    assert (
        f"{part_id}: that is none of what an environment has left in shop there is shop.b, shop.c"
        in (ran.text)
    )
    ran = place.run("plan", "--delete-orphan", "b", environment="production", names="a")
    told = "that is its name name it by its id: --delete-orphan shop.b"
    assert (ran.code, told in ran.text) == (ExitCode.USAGE, True)
    ran = place.run("plan", "--adopt", "shop.b", environment="production", names="a")
    assert (ran.code, "--delete-orphan shop.b deletes it" in ran.text) == (ExitCode.USAGE, True)
    ran = place.run("plan", "--adopt", "shop.a", environment="production", names="a")
    assert (ran.code, "that is its id: --adopt a" in ran.text) == (ExitCode.USAGE, True)


def test_a_pause_names_it(place: Place) -> None:
    for glob in ("*", "b", "shop.b"):
        ran = place.run("pause", glob, environment="production", names="")
        assert ran.code == ExitCode.PARTIAL
        assert "refused production: pause schedule b: shop.b carries the mark" in ran.out
        look = "`qstash-sync plan --delete-orphan shop.b --target schedule.b "
        assert f"or delete all of it: {look}" in ran.out
    words = ("--delete-orphan", "shop.b", "--target", "schedule.b", "--allow-deletes", "9")
    ran = place.run("plan", *words, environment="production", names="a")
    assert (ran.code, "1 to delete" in ran.out) == (0, True), ran
    ran = place.run("resume", "*", environment="production", names="a")
    assert "schedule b" not in ran.text


def test_what_another_environment_of_the_file_has_is_none(place: Place) -> None:
    """Nor by its id: see `LiveParts.environment_of`."""
    more = ", prod: {}, live: {namespace: shop-live}"
    text = place.run("plan", environment="live", names="a", more=", prod: {}").text
    assert TOLD not in text
    words = ("plan", "--delete-orphan", "shop.b")
    ran = place.run(*words, environment="production", names="a", more=more)
    assert TOLD not in ran.text


@pytest.mark.parametrize("scope", [("--target", "schedules.a"), ("--exclude", "schedules.[bc]")])
def test_what_the_run_is_not_about_is_not_told(place: Place, scope: tuple[str, str]) -> None:
    assert TOLD not in place.run("plan", *scope, environment="production", names="a").text
    assert TOLD not in place.run("plan", "--only", "clock", environment="production").text


def test_a_saved_plan_takes_it_along(place: Place, tmp_path: Path) -> None:
    plan = str(tmp_path / "p.json")
    more = ("--allow-deletes", "9", "--delete-orphan", "shop.b", "--save", plan)
    assert place.run("plan", *more, environment="production", names="").code == 0
    assert place.live() == {"a", "b", "c"}
    ran = place.run("apply", plan, "--yes", environment="production", names="")
    assert ran.code == 0, ran
    assert TOLD not in ran.text
    assert place.live() == {"a", "c"}


def test_the_namespace_that_is_replaced_may_have_some(tmp_path: Path) -> None:
    """A file without environments gets one, with a namespace of its own."""
    place = Place(tmp_path)
    own = "prod: {namespace: shop-prod, namespace_was: shop}"
    text = place.file.read_text().replace("environments: {prod: {}}", f"environments: {{{own}}}")
    before = place.file.read_text().replace("environments: {prod: {}}\n", "")
    assert place.run("destroy", "--yes", "shop", environment="prod").code == 0
    common = ("-f", str(place.file), f"--local={place.account}")
    place.file.write_text(before)
    assert cli("apply", "--yes", *common).code == 0
    whole = json.loads(text.partition("schedules: ")[2])
    place.file.write_text(text.replace(json.dumps(whole), json.dumps({"a": whole["a"]})))
    assert cli("apply", "-e", "prod", "--yes", "--adopt", "*", *common).code == 0
    for command in ("plan", "drift"):
        told = " ".join(cli(command, "-e", "prod", *common).text.split())
        assert f"shop.b, shop.c: {TOLD}" in told
    assert cli("apply", "-e", "prod", "--yes", "--delete-orphan", "shop.b", *common).code == 0
    assert f"shop.c: {TOLD}" in " ".join(cli("plan", "-e", "prod", *common).text.split())
    ran = cli("destroy", "-e", "prod", "--yes", "shop-prod", *common)
    assert ran.code == 0  # it is of one namespace
    assert f"shop.c: {TOLD}" in " ".join(ran.text.split())
    assert "was the environment renamed? an apply with --delete-orphan shop.c" in " ".join(
        ran.text.split()
    )


@pytest.mark.parametrize("option", ["--adopt", "--delete-orphan"])
def test_a_name_of_the_file_is_no_id(tmp_path: Path, option: str) -> None:
    """A schedule that was adopted under an id, which another one has as its name."""
    file, account = tmp_path / "q.yaml", tmp_path / "a.db"
    common = ("-f", str(file), f"--local={account}")
    text = (
        f"version: 1\nnamespace: shop\n{UNLINTED}environments: {{prod: {{}}}}\nschedules:\n"
        "  nightly: {cron: '@daily', timezone: UTC, destination: 'https://e.com/n'}\n"
        "  old: {id: nightly, cron: '@hourly', timezone: UTC, destination: 'https://e.com/o'}\n"
    )
    file.write_text(text)
    assert cli("apply", "-e", "prod", "--yes", *common).code == 0
    file.write_text(text.replace("prod", "production").partition("  old")[0])
    ran = cli("apply", "-e", "production", "--yes", option, "nightly", *common)
    assert ran.code == (ExitCode.PARTIAL if option == "--delete-orphan" else 0)
    done = "1 to update, 0 to delete" if option == "--adopt" else "0 to update, 1 to delete"
    assert done in ran.out
    assert (TOLD in " ".join(ran.text.split())) == (option == "--adopt")


def test_the_command_that_deletes_it_may_be_typed_again(place: Place) -> None:
    words = ("apply", "--yes", "--delete-orphan", "shop.b", "--target", "schedule.b")
    assert place.run(*words, environment="production", names="a").code == 0
    assert place.live() == {"a", "c"}
    ran = place.run(*words, environment="production", names="a")
    assert (ran.code, "--delete-orphan shop.b: no such schedule is left" in ran.text) == (0, True)
    for other in ("queue.b", "schedule.shop"):
        assert place.run(*words[:-1], other, environment="production", names="a").code == 64
    glob = ("apply", "--yes", "--delete-orphan", "shop.[b]", "--target", "schedule.b")
    assert place.run(*glob, environment="production", names="a").code == 64
    ran = place.run(*words[:-1], "schedule.shop.b", environment="production", names="a")
    assert ran.code == 0
    ran = place.run(*words[:-1], "schedule.d", environment="production", names="a")
    assert (ran.code, "--target schedule.d: nothing in the files" in ran.err) == (64, True)


def test_a_resume_by_its_name_is_refused_and_by_a_glob_leaves_it(place: Place) -> None:
    place.run("pause", "*", environment="prod")
    ran = place.run("resume", "b", environment="production", names="a")
    assert (ran.code, "refused production: resume schedule b: shop.b carries" in ran.out) == (
        4,
        True,
    )
    assert "; resume it in the console, or delete all of it: `qstash-sync plan" in ran.out
    assert "shop.b" not in place.run("resume", "*", environment="production", names="a").text


@pytest.mark.parametrize("asked", ["b", "shop.b", "shop.b.2"])
def test_explain_says_of_which_kind_it_is(place: Place, asked: str) -> None:
    ran = place.run("explain", asked, environment="production", names="a")
    assert ran.code == 0
    assert "b: unmanaged It is of an environment that the files do not have" in ran.out
    assert "--delete-orphan shop.b --target schedule.b" in ran.out


def test_who_lists_what_is_not_ours_says_so(place: Place) -> None:
    ran = place.run("plan", "-v", environment="production", names="a")
    assert "of an environment that the files do not have" in ran.out
    assert "managed elsewhere" not in ran.out
    ran = place.run("plan", "--format", "json", environment="production", names="a")
    found = {one["name"]: one["orphan"] for one in json.loads(ran.out)["unmanaged"]}
    assert {"shop.b", "shop.c"} <= {name for name, orphan in found.items() if orphan}
