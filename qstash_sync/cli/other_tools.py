"""What other tools call our commands and options: the way out for who types theirs.

The words are Terraform's, kubectl's, Pulumi's and octoDNS's.
"""

import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_COMMANDS = {
    "diff, preview, show, dry-run": "plan",
    "up, sync, deploy, push, create, update": "apply",
    "down, delete, rm, remove": "destroy for all of a namespace; one thing goes with its lines"
    " in the file, at the next apply",
    "status, refresh, list, ls, get, state": "drift, which tells where each resource stands",
    "lint, check, fmt, test": "validate",
    "export, pull, dump, adopt": "import",
    "describe, why, logs": "explain NAME",
    "stop, suspend, disable": "pause",
    "start, unpause, enable": "resume",
    "upcoming, when, calendar": "next",
    "rollback, undo": "apply, with the files of an earlier commit",
    "help": "--help, also behind a command",
    "version": "--version",
}
# What no command does.
_NOWHERE = {
    "run, trigger, fire, invoke": "a firing between times is a message of its own: publish it to"
    " the schedule's destination, as QStash's console does",
    "taint, untaint": "an apply writes whatever differs from the files, and nothing has to be"
    " marked for it",
    "completion, completions": "the shell completes with"
    ' eval "$(_QSTASH_SYNC_COMPLETE=bash_source qstash-sync)", or zsh_source, fish_source',
}
# {}: what the command wants behind it.
_OPTIONS = {
    "-auto-approve, --auto-approve, -y, --assume-yes, --approve, --doit": ("--yes {}",),
    "-out, --out": ("--save {} for a plan", "--output {}", "--out {}"),
    "-o": ("--save {} for a plan", "--output {}", "--format json", "--out {}"),
    "--json, -json": ("--format json",),
    "--config-file, --config, -c, --filename": ("-f {}",),
    "--environment, --workspace, --stack": ("-e {}",),
    "-var": ("--var {}",),
    "-target": ("--target {}",),
    "--no-color, -no-color": ("--color never",),
}
# What is done without an option of its own, in commands that have another one, or that one with
# what it wants behind it; the first counts.
_WITHOUT = (
    ("-dry-run, --dry-run, --check, --preview", "--yes NAMESPACE",
     "without --yes it shows what would go, and asks, or off a terminal ends"),
    ("-dry-run, --dry-run, --check, --preview", "--max-wait DURATION",
     "plan shows it, and cannot write; on a terminal this one asks first, elsewhere not"),
    ("-dry-run, --dry-run, --check, --preview", "--yes",
     "on a terminal this one shows what it would do, and asks; elsewhere not"),
    ("--prune", "--yes", "what is no longer in the file goes by itself"),
    ("--force, --overwrite", "--out",
     "a file that is there is never overwritten: name another with --out, or move it away"),
    ("--force", "--allow-deletes",
     "each guard has an option of its own, which its refusal names, such as --allow-deletes N"),
    ("-destroy, --destroy", "-f", "that is a command of its own: destroy"),
    ("-detailed-exitcode, --detailed-exitcode", "-f", "drift exits so always; plan takes it"),
    ("--fix, --repair", "-f", "nothing is mended by itself: each finding says the way out"),
    ("--days, --weeks", "--hours", "time is told in hours here: --hours 72 are three days"),
    ("-q, --quiet, --silent", "-f", "there is no quiet mode: > /dev/null hides what is no error"),
)  # fmt: skip


def command(word: str) -> str | None:
    """What to write for a command that is none of ours, as a clause; None: who knows."""
    meant = _found(word, _COMMANDS)
    return f"here that is {meant}" if meant else _found(word, _NOWHERE)


def option(unknown: str, words: Sequence[str], known: Mapping[str, str]) -> str | None:
    """Likewise for an option that is unknown, of all words.

    known: those of the command, and what each of them wants behind it.
    """
    forms = [f"{name} {wanted}" for name, wanted in known.items()]
    for word in words:
        name = word.partition("=")[0]
        if unknown not in (name, *_letters(name)):
            continue
        ours = ((one, one.split()[0]) for one in _found(name, _OPTIONS) or ())
        meant = [form.format(known[first]).strip() for form, first in ours if first in known]
        if meant:
            return f"here that is {', '.join(meant)}"
        for theirs, needed, told in _WITHOUT:
            if needed in (*known, *forms) and name in theirs.split(", "):
                return told
    return None


def argument(word: str, known: Mapping[str, str]) -> str | None:
    """Likewise for a word that the command takes in no place."""
    if not word:
        return None
    is_file = "/" in word or word.endswith((".yaml", ".yml"))
    with suppress(OSError):  # longer than a name can be
        is_file = is_file or Path(word).exists()
    ways = {"-f": word} if is_file else {"--name": word, "--target": f"schedules.{word}"}
    return next((f"write {shlex.join(way)}" for way in ways.items() if way[0] in known), None)


def before(option: str, words: Sequence[str], commands: Mapping[str, object]) -> str | None:
    """Likewise for an option that stands before the command."""
    command = next((word for word in words if word in commands), None)
    return command and f"options stand behind the command: qstash-sync {command} {option}"


def _letters(name: str) -> list[str]:
    """The options that the parser takes a word such as -var for."""
    is_several = name.startswith("-") and not name.startswith("--")
    return [f"-{letter}" for letter in name[1:]] if is_several else []


def _found(name: str, table: Mapping[str, T]) -> T | None:
    return next((ours for theirs, ours in table.items() if name in theirs.split(", ")), None)
