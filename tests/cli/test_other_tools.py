"""Who types another tool's word is told ours; and what is told is there."""

import re
import shlex

import pytest

from qstash_sync.cli import other_tools
from qstash_sync.cli.main import cli as program
from tests.support import cli

WORDS = [(word, ours) for row, ours in other_tools._COMMANDS.items() for word in row.split(", ")]
OPTIONS = [(word, ours) for row, ours in other_tools._OPTIONS.items() for word in row.split(", ")]
KNOWN = {name: {o for one in program.commands[name].params for o in one.opts} for name in program.commands}  # fmt: skip


@pytest.mark.parametrize(("word", "ours"), WORDS, ids=[word for word, _ in WORDS])
def test_a_command_of_another_tool_is_told_as_ours(word: str, ours: str) -> None:
    ran = cli(word)
    assert ran.code == 64
    assert f"error: No such command '{word}'; here that is {ours.split(maxsplit=1)[0]}" in ran.err
    assert word not in program.commands
    assert (re.match(r"[a-z-]+", ours) or [""])[0] in {*program.commands, "--help", "--version"}


@pytest.mark.parametrize("command", ["plan", "apply", "import", "pause", "destroy", "next"])
@pytest.mark.parametrize(("word", "ours"), OPTIONS, ids=[word for word, _ in OPTIONS])
def test_an_option_is_told_where_the_command_has_it(
    word: str, ours: tuple[str, ...], command: str
) -> None:
    told = [one for one in ours if one.split()[0] in KNOWN[command]]
    if word in KNOWN[command]:
        return  # `import --out` is ours
    ran = cli(command, f"{word}=x" if word.startswith("--") else word)
    assert ran.code == 64
    assert ("here that is" in ran.err) == bool(told), ran.err
    assert all(one.split()[0] in " ".join(ran.err.split()) for one in told)
    assert "Did you mean" not in ran.err or not told


TYPED = [
    ("destroy", "--auto-approve", "here that is --yes NAMESPACE"),
    ("destroy", "-y", "here that is --yes NAMESPACE"),
    ("apply", "-auto-approve", "here that is --yes"),
    ("schema", "-o", "here that is --output FILE"),
    ("plan", "-o", "--save FILE for a plan, --output FMT=FILE, --format json"),
    ("plan", "-out", "--save FILE for a plan, --output FMT=FILE"),
    ("plan", "-var", "here that is --var K=V"),
    ("drift", "--config", "here that is -f PATH"),
    ("apply", "--force", "each guard has an option of its own"),
    ("plan", "--force", "such as --allow-deletes N"),
    ("import", "--force", "a file that is there is never overwritten: name another with --out"),
    ("init", "--force", "a file that is there is never overwritten: name another with --out"),
    ("drift", "--detailed-exitcode", "drift exits so always; plan takes it"),
    ("plan", "-destroy", "that is a command of its own: destroy"),
    ("apply", "--destroy", "that is a command of its own: destroy"),
    ("plan", "--quiet", "there is no quiet mode: > /dev/null hides what is no error"),
    ("drift", "-q", "there is no quiet mode: > /dev/null hides what is no error"),
]


@pytest.mark.parametrize(("command", "word", "told"), TYPED)
def test_what_is_told_is_typed_so_in_this_command(command: str, word: str, told: str) -> None:
    said = " ".join(cli(command, word).err.split())
    assert re.search(f"{re.escape(told)}(?= for a|,|;| |$)", said), said
    assert not re.search("--yes(?! NAMESPACE)", said) or command != "destroy"


LINES = [
    ("next j1", "unexpected extra argument (j1); write --name j1"),
    ("validate q.yml", "unexpected extra argument (q.yml); write -f q.yml"),
    ("validate tests", "write -f tests"),
    ("plan ./conf", "write -f ./conf"),
    ("plan j1", "write --target schedules.j1"),
    ("drift 'a b'", "write --target 'schedules.a b'"),
    ("schema plan x", "unexpected extra argument (x)"),
    ("-v plan", "No such option '-v'; options stand behind the command: qstash-sync plan -v"),
    ("--local=a.db plan", "behind the command: qstash-sync plan --local"),
    ("-v", "No such option '-v'"),
    ("destroy --yes", "requires an argument; write --yes NAMESPACE"),
    ("plan --target", "requires an argument; write --target KIND.NAME"),
    (
        "plan --allow-deletes -e production",
        "Option '--allow-deletes' requires an argument, and -e is an option; write --allow-deletes N",
    ),
    (
        "plan -e --allow-deletes 3",
        "Option '-e' requires an argument, and --allow-deletes is an option; write -e NAME",
    ),
    (
        "plan -f qstash.yaml -f --local",
        "Option '-f' requires an argument, and --local is an option; write -f PATH",
    ),
    ("apply --save=-e", "No such option '--save'"),
    ("apply --max-wait -e x", "write --max-wait DURATION"),
    (
        "next --days 3",
        "No such option '--days'; time is told in hours here: --hours 72 are three days",
    ),
    ("doctor --fix", "nothing is mended by itself: each finding says the way out"),
    (
        "taint x",
        "an apply writes whatever differs from the files, and nothing has to be marked for it",
    ),
    ("run j1", "a firing between times is a message of its own: publish it"),
    ("trigger j1", "a firing between times is a message of its own: publish it"),
    ("completion", 'eval "$(_QSTASH_SYNC_COMPLETE=bash_source qstash-sync)"'),
]


@pytest.mark.parametrize(("line", "told"), LINES, ids=[line for line, _ in LINES])
def test_a_word_in_the_wrong_place_is_told_where_it_belongs(line: str, told: str) -> None:
    ran = cli(*shlex.split(line))
    said = " ".join(ran.err.split())
    assert ran.code == 64
    assert told in said
    assert told[-1] != ")" or said.endswith((told, f"{told}."))
    assert "Did you mean" not in said


def test_no_option_lifts_every_guard() -> None:
    for command in KNOWN:
        assert "--yes" not in cli(command, "--force").err


def test_every_option_that_is_told_is_one_of_ours() -> None:
    every = set().union(*KNOWN.values())
    assert [o for _, ours in OPTIONS for o in ours if o.split()[0] not in every] == []


def test_a_slip_is_not_answered_with_another_word_of_the_line() -> None:
    ran = cli("apply", "--alow-deletes", "3", "--force")
    assert "Did you mean '--allow-deletes'" in ran.err
    assert "here that is" not in ran.err


def test_who_wants_to_look_is_told_of_plan_and_of_where_nobody_is_asked() -> None:
    """Off a terminal an apply without --yes writes at once."""
    ways = {
        "apply": "plan shows it, and cannot write; on a terminal this one asks first, elsewhere not",
        "pause": "on a terminal this one shows what it would do, and asks; elsewhere not",
        "destroy": "without --yes it shows what would go, and asks, or off a terminal ends",
        "plan": "No such option '--dry-run'.",
    }
    for command, way in ways.items():
        assert way in " ".join(cli(command, "--dry-run").err.split())


@pytest.mark.parametrize("word", ["", "a" * 300, "\n"])
def test_no_word_is_too_odd_to_be_refused(word: str) -> None:
    ran = cli("plan", word)
    assert (ran.code, "Got unexpected extra argument" in ran.err) == (64, True), ran


def test_what_nobody_says_is_left_to_the_nearest_words() -> None:
    assert "Did you mean" in cli("pln").err
    assert "Did you mean" in cli("plan", "--fil", "x").err
