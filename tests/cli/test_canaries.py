"""No secret is in any output: not those of the file, and not those that only the account holds."""

import base64
import io
import json
import logging
import random
import string
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest

from qstash_sync.applying import proposal
from qstash_sync.config.load import Source, load
from qstash_sync.config.missing import Missing
from qstash_sync.errors import AccountError, ConfigError
from qstash_sync.local import LOCAL_TOKEN, Switches
from qstash_sync.local.serve import Served
from qstash_sync.model.resources import Piece, Secret
from qstash_sync.planning.decide import Plan
from qstash_sync.qstash import wire
from qstash_sync.qstash.client import Client
from qstash_sync.qstash.connections import Connection, Connections
from qstash_sync.render import json as json_view, text as text_view
from tests.fault_server import Fault, FaultServer
from tests.support import HEAD, World, cli, config, ids, messages, world as make_world

URL = "https://app.example.com/x"


def schedule(settings: str) -> str:
    """A file with one schedule; settings is what it has beside its time and destination."""
    return HEAD + f"schedules:\n  s: {{cron: '0 9 * * *', destination: {URL}, {settings}}}\n"


def group(endpoints: str) -> str:
    return HEAD + f"url_groups: {{g: {{endpoints: {endpoints}}}}}\n"


def pages(plan: Plan) -> str:
    """A plan in every format."""
    text = text_view.plan(plan, text_view.Paint(color=False), verbose=True)
    return text + json_view.plan(plan, (0, 0)) + repr(plan)


def paths(plan: Plan) -> list[str]:
    return [field.path for change in plan.changes for field in change.fields]


# What may be told of a difference: the file before with SECRET in the account, the file after, and
# the paths of the plan.
LIVE_SECRETS: list[tuple[str, str, str, list[str]]] = [
    ("list item before a plain one", schedule("body: {l: ['${env.S}', x]}"), schedule("body: {l: [x]}"), ["body.l"]),
    ("list item after a plain one", schedule("body: {l: [x, '${env.S}']}"), schedule("body: {l: [x]}"), ["body.l"]),
    ("nested list", schedule("body: {l: [['${env.S}'], x]}"), schedule("body: {l: [[], x]}"), ["body.l[0]"]),
    ("list to text", schedule("body: {l: ['${env.S}']}"), schedule("body: {l: x}"), ["body.l"]),
    ("mapping to text", schedule("body: {k: '${env.S}'}"), schedule("body: x"), ["body", "headers.Content-Type"]),
    ("text to mapping", schedule("body: 'k=${env.S}'"), schedule("body: {k: x}"), ["body", "headers.Content-Type"]),
    ("mapping to list", schedule("body: {k: '${env.S}'}"), schedule("body: [x]"), ["body"]),
    ("unnamed endpoint", group("['https://e.com/${env.S}', 'https://f.com']"), group("['https://f.com']"), ["endpoints.(unnamed)"]),
    ("named endpoint", group("{a: 'https://e.com/${env.S}', b: 'https://f.com'}"), group("{b: 'https://f.com'}"), ["endpoints.a"]),
    ("header", schedule("headers: {X-A: '${env.S}'}"), schedule("headers: {}"), ["headers.X-A"]),
    ("all headers", schedule("headers: {X-A: '${env.S}', X-B: '${env.S}'}"), schedule("retries: 3"), ["headers.X-A", "headers.X-B"]),
    ("callback", schedule("callback: 'https://c.com/${env.S}'"), schedule("retries: 3"), ["callback"]),
    ("query", schedule("callback: 'https://c.com/${env.S}'"), schedule("callback: 'https://c.com/${env.T}'"), ["callback"]),
    ("whole body", schedule("body: '${env.J}'"), schedule("body: '${env.K}'"), ["body"]),
    ("number in a body", schedule("body: '{\"n\": ${env.N}}'"), schedule("body: '{\"n\": ${env.M}}'"), ["body"]),
    ("header redacted from now on", schedule("headers: {X-A: '${env.S}'}"), schedule("headers: {X-A: '${env.S}'}, redact: {headers: [X-A]}"), ["headers.X-A"]),
    ("body redacted from now on", schedule("body: '${env.S}'"), schedule("body: '${env.S}', redact: {body: true}"), ["body"]),
    ("body no more redacted", schedule("body: '${env.S}', redact: {body: true}"), schedule("body: '${env.S}'"), ["body"]),
    ("JSON that a secret makes", schedule("body: '{\"k\": \"${env.I}\"}'"), schedule("body: '{\"k\": \"${env.H}\"}'"), ["body"]),
]  # fmt: skip
SECRET = "S3cretS3cret"
ENVIRON = {
    "S": SECRET, "T": "t-" + SECRET[::-1], "N": "314159265358979", "M": "271828182845904",
    "J": f'{{"password": "{SECRET}"}}', "K": f'{{"password": "{SECRET[::-1]}"}}',
    "I": f'x", "{SECRET}": "{SECRET}', "H": f'x", "{SECRET[::-1]}": "{SECRET[::-1]}',
}  # fmt: skip


@pytest.mark.parametrize(("_id", "before", "after", "told"), LIVE_SECRETS, ids=ids(LIVE_SECRETS))
def test_a_secret_that_only_the_account_has_is_no_part_of_a_plan(
    world: World, _id: str, before: str, after: str, told: list[str]
) -> None:
    """A live value is shown only where the file has a plain value at the same path."""
    world.environ = ENVIRON
    world.apply(before)
    assert world.plan(before).empty
    plan = world.plan(after)
    assert paths(plan) == told
    for hidden in (SECRET, SECRET[::-1], "password", ENVIRON["N"], ENVIRON["M"]):
        assert hidden not in pages(plan)
    world.apply(after)
    assert world.plan(after).empty


UNKNOWN: list[tuple[str, str]] = [
    ("header", schedule("headers: {X-A: 'Bearer ${env.S}'}")),
    ("body of JSON", schedule("body: '${env.J}'")),
    ("number in a body", schedule("body: '{\"n\": ${env.N}}'")),
    ("JSON that a secret breaks", schedule("body: '{\"k\": \"${env.Q}\"}'")),
    ("list in a body", schedule("body: ['${env.S}', x]")),
    ("deep list in a body", schedule("body: {l: [[x, '${env.S}']]}")),
    ("body text", schedule("body: 'a ${env.S} b'")),
    ("destination", schedule("retries: 3").replace(URL, f"'{URL}?k=${{env.S}}'")),
    ("callback", schedule("callback: {url: 'https://c.com/${env.S}', headers: {X: '${env.S}'}}")),
    ("redacted", schedule("body: [{k: '${env.S}'}], redact: {body: true}")),
    ("redacted header", schedule("headers: {X-A: '${env.S}'}, redact: {headers: true}")),
    ("unnamed endpoints", group("['https://e.com/${env.S}', 'https://e.com/${env.T}', 'https://f.com']")),
    ("endpoints by names", group("{a: 'https://e.com/${env.S}', b: 'https://e.com/${env.T}'}")),
]  # fmt: skip


def plan_unknown(world: World, text: str) -> Plan:
    with world.client(read_only=True) as client:
        desired = config(text, {}, missing=Missing.UNKNOWN).desired
        return proposal.propose(client, desired, now=world.now)


@pytest.mark.parametrize(("_id", "text"), UNKNOWN, ids=ids(UNKNOWN))
@pytest.mark.parametrize("digest", ["sha256", "hmac"])
def test_a_secret_that_is_not_known_here_equals_what_is_live(
    digest: str, _id: str, text: str
) -> None:
    with make_world(Switches().with_(redact_digest=digest)) as world:
        world.environ = {**ENVIRON, "Q": 'a"b\\'}
        world.apply(text)
        assert world.plan(text).empty
        assert plan_unknown(world, text).changes == ()


CHANGED_AROUND: list[tuple[str, str, str, str]] = [
    ("header", "headers: {X-A: 'Bearer ${env.S}'}", "headers: {X-A: 'Token ${env.S}'}", "headers.X-A"),
    ("body text", "body: 'a ${env.S}'", "body: 'b ${env.S}'", "body"),
    ("list item", "body: ['${env.S}', x]", "body: ['${env.S}', y]", "body[1]"),
    ("list grown", "body: ['${env.S}', x]", "body: ['${env.S}', x, y]", "body"),
    ("another setting", "body: '${env.S}'", "body: '${env.S}', delay: 5s", "delay"),
    ("redacted", "body: '${env.S}', redact: {body: true}", "body: '${env.S}', redact: {body: true}, delay: 5s", "delay"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("_id", "before", "after", "path"), CHANGED_AROUND, ids=ids(CHANGED_AROUND)
)
def test_what_changes_around_an_unknown_secret_is_told_and_the_secret_stays_out(
    world: World, _id: str, before: str, after: str, path: str
) -> None:
    world.environ = ENVIRON
    world.apply(schedule(before))
    plan = plan_unknown(world, schedule(after))
    assert paths(plan) == [path]
    assert SECRET not in pages(plan)


JSON_TYPES: list[tuple[str, Any, Any]] = [
    ("a number for true", "true", "1"),
    ("true for a number in a list", "[1, 2]", "[true, 2]"),
    ("a text for a number", "1", "'1'"),
]


@pytest.mark.parametrize(("_id", "before", "after"), JSON_TYPES, ids=ids(JSON_TYPES))
def test_a_body_that_differs_in_a_type_alone_differs(
    world: World, _id: str, before: str, after: str
) -> None:
    world.apply(schedule(f"body: {{k: {before}}}"))
    plan = world.plan(schedule(f"body: {{k: {after}}}"))
    assert [path.partition("[")[0] for path in paths(plan)] == ["body.k"]


IN_CLEAR: list[tuple[str, str]] = [
    ("beside another mistake", schedule(f"body: '{LOCAL_TOKEN}', retires: 3")),
    ("not valid YAML", schedule(f"body: {LOCAL_TOKEN}: x: ")),
    ("in a name", HEAD + f"queues: {{'{LOCAL_TOKEN}': {{paralelism: 1}}}}\n"),
    ("a header", schedule(f"headers: {{Authorization: 'Bearer {SECRET}'}}, retries: -1")),
    ("an environment's token", HEAD + f"environments: {{e: {{token: {SECRET}, regoin: x}}}}\n"),
]


@pytest.mark.parametrize(("_id", "text"), IN_CLEAR, ids=ids(IN_CLEAR))
def test_a_line_that_holds_a_secret_is_not_shown_whatever_is_wrong_with_it(
    tmp_path: Path, _id: str, text: str
) -> None:
    file = tmp_path / "q.yaml"
    file.write_text(text)
    for output_format in ("text", "json"):
        chosen = ("-e", "e") if "environments" in text else ()
        ran = cli("validate", "-f", str(file), *chosen, "--format", output_format)
        assert ran.code == 1
        assert "q.yaml" in ran.text
        assert LOCAL_TOKEN not in ran.text
        assert SECRET not in ran.text


def test_a_parameter_that_a_secret_holds_is_refused_without_its_name() -> None:
    environ = {"S": f"upstash-{SECRET}=1"}
    found = messages(schedule("retries: 3").replace(URL, f"'{URL}?${{env.S}}'"), environ)
    assert "QStash takes the query parameter that a secret holds for itself" in found[0]
    assert SECRET not in str(found)


NO_TEXT = "S3cret\udcff"  # what Python makes of a byte that is no UTF-8


@pytest.mark.parametrize(
    "setting", ["body: '${env.S}'", "body: '${env.S|plain}'", "body: ['${env.S}']"]
)
def test_a_variable_that_is_no_text_is_refused_without_its_value(setting: str) -> None:
    found = messages(schedule(setting), {"S": NO_TEXT})
    assert "the environment variable S is not UTF-8 text" in found[0]
    assert "S3cret" not in str(found)
    given = messages(schedule("body: '${var.x}'"), variables={"x": NO_TEXT})
    assert "--var x: is not UTF-8 text" in given[0]


# The whole command line


SEED = 20261124
# Each place that takes a secret, by the name of its variable, with the shapes that may stand there.
HEADER, BODY, ADDRESS = "plain url json short base64", "plain url json lines letters base64 short", "plain url json letters short base64"  # fmt: skip
PLACES = {
    "TOKEN": "plain base64", "VAR": HEADER, "ENV_VAR": HEADER, "GIVEN": HEADER, "DEFAULT": HEADER,
    "DEFAULT_URL": ADDRESS, "DEFAULT_CALLBACK": HEADER, "OVERRIDE": HEADER, "NAMED": ADDRESS,
    "UNNAMED": ADDRESS, "HEADER": HEADER, "WHOLE": HEADER, "FIELD": BODY, "ITEM": BODY,
    "TEXT": BODY, "JSON_TEXT": "plain url base64", "NUMBER": "digits", "INNER": BODY,
    "LINES": "lines", "PATH_PART": ADDRESS, "QUERY": ADDRESS, "CALLBACK": ADDRESS,
    "CALLBACK_HEADER": HEADER, "REDACTED": HEADER, "REDACTED_BODY": BODY, "FROM_FILE": HEADER,
}  # fmt: skip
EVERYWHERE = """
version: 1
namespace: billing
allow_private: true
limits: {max_deletes: none, max_delete_percent: none}
owns: {url_groups: ['*'], queues: ['*']}
vars: {api_key: 'k-${env.VAR}'}
environments:
  prod:
    url: SERVER
    token: ${env.TOKEN}
    vars: {tenant: 't-${env.ENV_VAR}'}
    defaults: {headers: {X-Tenant: '${var.tenant}'}}
    overrides: {schedules: {headers: {headers: {X-Override: '${env.OVERRIDE}'}}}}
defaults:
  timezone: UTC
  cron: 0 9 * * *
  base_url: https://app.example.com
  destination: /x
  headers: {X-Default: 'Bearer ${env.DEFAULT}'}
  failure_callback: {url: '/dead?k=${env.DEFAULT_URL}', headers: {Authorization: '${env.DEFAULT_CALLBACK}'}}
url_groups:
  named: {endpoints: {a: 'https://a.example.com/${env.NAMED}', b: https://b.example.com}}
  unnamed: {endpoints: ['https://u.example.com/x?t=${env.UNNAMED}', https://v.example.com]}
queues: {q: {}}
schedules:
  headers: {headers: {Authorization: 'Bearer ${env.HEADER}', X-Whole: '${env.WHOLE}', X-Var: '${var.api_key}', X-Given: '${var.given}', X-File: '${env.FROM_FILE}'}}
  mapping: {body: {type: x, key: '${env.FIELD}', deep: {list: ['${env.ITEM}', plain]}}}
  text: {body: 'key=${env.TEXT}&x=1'}
  json-text: {body: '{"key": "${env.JSON_TEXT}", "n": ${env.NUMBER}}'}
  whole: {body: '${env.PAYLOAD}'}
  lines: {body: '${env.LINES}'}
  url: {destination: 'https://app.example.com/${env.PATH_PART}?q=${env.QUERY}'}
  callback: {callback: {url: 'https://c.example.com/${env.CALLBACK}', headers: {X-C: '${env.CALLBACK_HEADER}'}}}
  redacted: {headers: {X-R: '${env.REDACTED}'}, body: '${env.REDACTED_BODY}', redact: {headers: [X-R], body: true}}
"""
# The same without the settings that hold a secret: what they were, only the account knows.
BARE = """
version: 1
namespace: billing
allow_private: true
limits: {max_deletes: none, max_delete_percent: none}
owns: {url_groups: ['*'], queues: ['*']}
environments: {prod: {url: SERVER, token: '${env.TOKEN}'}}
defaults: {timezone: UTC, cron: 0 9 * * *, destination: 'https://app.example.com/x'}
url_groups: {named: {endpoints: {b: 'https://b.example.com'}}, unnamed: {endpoints: ['https://v.example.com']}}
queues: {q: {}}
schedules:
  headers: {}
  mapping: {body: {type: x, deep: {list: [plain]}}}
  text: {body: [text]}
  json-text: {}
  whole: {body: {type: x}}
  lines: {}
  url: {destination: 'https://app.example.com/${env.PATH_PART}'}
  callback: {}
  redacted: {headers: {X-R: '${env.REDACTED}'}}
"""
NOTHING = BARE.partition("\nurl_groups:")[0] + "\nurl_groups: {}\nqueues: {}\nschedules: {}\n"
LETTERS = string.ascii_letters + string.digits
# What stands between random words, by shape.
BETWEEN = {
    "plain": "-", "url": " /?&=+%:;@,'", "json": '"\\<>&{', "letters": "éß√ ", "lines": "\n", "spaces": " ",
}  # fmt: skip


class Canaries:
    """Random secrets; whatever was one at any time stays one."""

    def __init__(self, seed: int) -> None:
        print(f"seed {seed}")  # noqa: T201 pytest shows it with a failure
        self.random = random.Random(seed)
        self.hidden: dict[str, str] = {}  # by themselves: where they were
        self.environ: dict[str, str] = {}
        self.turn = 0

    def new(self, location: str, shapes: str = "plain") -> str:
        """A secret that nothing else in the world is; its shapes take turns."""
        shape = shapes.split()[self.turn % len(shapes.split())]
        if shape == "digits":
            found = "9" + "".join(self.random.choices(string.digits, k=17))
        elif shape == "short":
            found = "".join(self.random.choices("~^|!JQXZ", k=6))
        elif shape == "base64":
            found = base64.b64encode(self.random.randbytes(22)).decode()
        else:
            words = ("".join(self.random.choices(LETTERS, k=10)) for _ in range(3))
            between = self.random.choices(BETWEEN[shape], k=2)
            found = "".join(w + b for w, b in zip(words, [*between, ""], strict=True))
        self.hidden[found] = location
        return found

    def rotate(self) -> None:
        """New values everywhere; the old ones may be in the account."""
        self.turn += 1
        self.environ = {location: self.new(location, shapes) for location, shapes in PLACES.items()}
        inner = {"password": self.environ["INNER"], "list": [1, {"k": self.environ["INNER"]}]}
        self.environ["PAYLOAD"] = json.dumps(inner)

    def found_in(self, text: str) -> list[str]:
        """The places whose secret is in a text, in whatever form."""
        folded = text.casefold()
        return sorted(
            {
                f"{location} {secret!r} as {form!r}"
                for secret, location in self.hidden.items()
                for form in forms(secret)
                if form.casefold() in folded
            }
        )


@cache
def forms(secret: str) -> frozenset[str]:
    """What a secret looks like: quoted, percent-encoded or in base64, also amid other text."""
    escaped = {json.dumps(secret, ensure_ascii=flag)[1:-1] for flag in (True, False)}
    escaped |= {
        text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
        for text in escaped
    }
    sent = {secret, *escaped, quote(secret), quote(secret, safe="")}
    sent |= {quote(secret, safe="!#$%&'()*+,/:;=?@[]~"), quote_plus(secret), repr(secret)[1:-1]}
    sent |= {line for line in secret.splitlines() if len(line) >= 8}
    if len(secret) > 6:
        sent |= {form for text in (secret, *escaped) for form in _base64(text.encode())}
    return frozenset(sent)


def _base64(data: bytes) -> Iterator[str]:
    for before in range(3):
        found = base64.b64encode(bytes(before) + data).decode().rstrip("=")
        inside = found[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        yield from (inside, inside.replace("+", "-").replace("/", "_"))


@dataclass
class Peer:
    """QStash on a socket under a token of its own; `answer` may take a request for itself."""

    account: FaultServer
    canaries: Canaries
    answer: Callable[[httpx.Request], httpx.Response | None] = lambda _request: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        found = self.answer(request)
        if found is not None:
            return found
        if request.headers["Authorization"] == f"Bearer {self.canaries.environ['TOKEN']}":
            request.headers["Authorization"] = f"Bearer {LOCAL_TOKEN}"
        return self.account(request)


# Every command that there is, as often as its options show something else; {} is a folder.
LOOKS: list[tuple[str, ...]] = [
    ("validate",), ("validate", "--mock-env"), ("compile",), ("plan",), ("plan", "-v"), ("plan", "--unknown-env"),
    ("plan", "--detailed-exitcode"), ("plan", "--save", "{}/plan.json"), ("drift", "-v"), ("drift", "--unknown-env"), ("pause", "nothing-*", "--yes"),
]  # fmt: skip
WRITES: list[tuple[str, ...]] = [
    ("apply", "--yes"), ("apply", "{}/plan.json"), ("pause", "*", "--yes"), ("resume", "*", "--yes"),
]  # fmt: skip
ENDS: list[tuple[str, ...]] = [("destroy", "--yes", "nope"), ("destroy", "--yes", "billing")]
OUTPUTS = [("--format", "text", "--color", "always"), ("--format", "json")]
REPORTS = [
    *OUTPUTS,
    ("--format", "markdown", "--output", "json={}/plan.out", "--output", "text={}/text.out"),
    ("--format", "html"),
]
HAVE_REPORTS = {"plan", "drift"}


@dataclass
class Scene:
    """A file full of secrets, an account, and all that was ever printed or written."""

    folder: Path
    canaries: Canaries
    peer: Peer
    url: str
    text: str = EVERYWHERE
    seen: list[str] = field(default_factory=list)
    environ: dict[str, str] | None = None  # in place of the canaries'

    def run(self, *words: str, code: set[int] | None = None) -> str:
        """Run one command in every format; returns what it printed."""
        work, variables = self.folder / "work", self.folder / "env"
        (self.folder / "q.yaml").write_text(self.text.replace("SERVER", self.url))
        environ = dict(self.canaries.environ if self.environ is None else self.environ)
        secret = environ.pop("FROM_FILE", "")
        variables.write_text(f"FROM_FILE='{secret}'\n" if secret else "")
        common = (
            "-f",
            str(self.folder / "q.yaml"),
            "-e",
            "prod",
            *(("--var", "given=${env.GIVEN}") if "var.given" in self.text else ()),
            "--env-file",
            str(variables),
        )
        printed = ""
        for output in REPORTS if words[0] in HAVE_REPORTS else OUTPUTS:
            log = io.StringIO()
            handler = logging.StreamHandler(log)
            logging.root.addHandler(handler)
            logging.root.setLevel(logging.DEBUG)
            try:
                ran = cli(
                    *(word.format(work) for word in (*words, *output)), *common, environ=environ
                )
            finally:
                logging.root.removeHandler(handler)
                logging.root.setLevel(logging.WARNING)
            assert code is None or ran.code in code, (words, ran)
            assert "Traceback" not in ran.text
            self.note(words, ran.text + log.getvalue())
            printed += ran.text
        for path in work.iterdir():
            self.note((*words, path.name), path.read_text())
        return printed

    def note(self, what: object, text: str) -> None:
        """Look for every secret that there ever was."""
        found = self.canaries.found_in(text)
        assert not found, (what, found, text)
        self.seen.append(text)

    def look(self) -> str:
        idle = ("pause", "nothing-*", "--yes")  # a name that nothing has
        return "".join(
            self.run(*words, code={64} if words == idle else {0, 1, 2, 3}) for words in LOOKS
        )


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr("qstash_sync.qstash.throttle.FIRST", 0.001)
    canaries = Canaries(SEED)
    canaries.rotate()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    with FaultServer() as account:
        peer = Peer(account, canaries)
        transport = httpx.MockTransport(peer)
        monkeypatch.setattr(
            Connections, "_open", lambda _self: Connection(httpx.Client(transport=transport))
        )
        yield Scene(tmp_path, canaries, peer, "https://q.example.com")


@pytest.fixture
def served(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """The same on a socket, with all that httpx does there."""
    monkeypatch.undo()
    monkeypatch.chdir(scene.folder / "work")
    with Served(scene.peer) as server:  # type: ignore[arg-type]  # all that it needs of an account
        yield replace(scene, url=server.url)


def test_the_file_has_a_secret_in_every_place_and_the_search_finds_it(scene: Scene) -> None:
    """A test of this test: what is sent holds every one of them, and in other forms, too."""
    scene.run("apply", "--yes", code={0})
    sent = json.dumps(scene.peer.account.console.snapshot(), ensure_ascii=False)
    sent += base64.b64encode(b"x" + scene.canaries.environ["HEADER"].encode()).decode()
    found = {location.partition(" ")[0] for location in scene.canaries.found_in(sent)}
    bodies = {"FIELD", "ITEM", "TEXT", "JSON_TEXT", "NUMBER", "INNER", "LINES", "REDACTED_BODY"}
    assert found | bodies | {"TOKEN"} == set(PLACES)
    stored = scene.peer.account.store.all("schedule")
    text = "".join(base64.b64decode(s["bodyBase64"]).decode() for s in stored)
    assert {location.partition(" ")[0] for location in scene.canaries.found_in(text)} >= bodies
    assert LOCAL_TOKEN not in "".join(scene.seen)


def test_no_command_prints_a_secret_while_all_goes_well(served: Scene) -> None:
    """Created, unchanged, paused, rotated, removed, destroyed: in every format."""
    scene = served
    scene.look()
    for words in WRITES:
        scene.run(*words, code={0, 5})
    scene.look()
    scene.canaries.rotate()
    assert "(secret) (changed)" in scene.look()
    scene.run("apply", "{}/plan.json", code={0})
    assert "No changes" in scene.run("plan", code={0})
    scene.text = BARE
    assert "removed" in scene.look()
    scene.run("apply", "--yes", code={0})
    for text in (EVERYWHERE, NOTHING, EVERYWHERE):
        scene.text = text
        scene.run("plan", "-v", code={0})
        scene.run("apply", "--yes", code={0})
    for words in ENDS:
        scene.run(*words, code={0, 64})
    assert scene.peer.account.store.count("schedule") == 0


# What only the account has


def hands(scene: Scene) -> None:
    """Somebody's edits, where the file has no plain value; and a neighbour's resources."""
    store, new = scene.peer.account.store, scene.canaries.new
    for stored in store.all("schedule"):
        live = {
            "error": new("error"), "retryDelayExpression": new("retry_delay"),
            "header": {**stored["header"], "X-Live": [new("header", HEADER)]},
        }  # fmt: skip
        live.setdefault("callback", f"https://l.example.com/{new('callback', 'plain base64')}")
        store.put("schedule", stored["scheduleId"], {**live, **stored, **live})
    put_body(scene, "mapping", json.dumps({"type": "x", "live": new("key"), "deep": {"list": [new("item"), "plain", new("more")]}}))  # fmt: skip
    for name in ("text", "json-text", "whole", "lines"):
        put_body(scene, name, new(f"body of {name}", BODY))
    unmarked = store.get("schedule", "billing.whole") or {}
    store.put("schedule", "billing.whole", {**unmarked, "labels": ["theirs"]})
    foreign = {
        **unmarked, "labels": ["theirs"], "destination": f"https://f.example.com/{new('destination')}",
        "header": {"Authorization": [new("foreign header")]}, "error": new("foreign error"),
        "callback": f"https://f.example.com/{new('foreign callback')}",
        "callbackHeader": {"X": [new("foreign callback header")]},
    }  # fmt: skip
    for schedule_id in ("scd_foreign", "billing.neighbour", "billing.text.2", "billing2.text"):
        store.put("schedule", schedule_id, {**foreign, "scheduleId": schedule_id})
    for name in ("named", "unnamed", "foreign"):
        stored = store.get("topic", name) or {"name": name, "createdAt": 1, "endpoints": []}
        urls = [
            {"url": f"https://l.example.com/{new('endpoint')}", **more}
            for more in ({}, {"name": "live"})
        ]
        store.put("topic", name, {**stored, "endpoints": [*stored["endpoints"], *urls]})


def put_body(scene: Scene, name: str, body: str) -> None:
    stored = scene.peer.account.store.get("schedule", f"billing.{name}") or {}
    changed = {**stored, "bodyBase64": base64.b64encode(body.encode()).decode()}
    scene.peer.account.store.put("schedule", f"billing.{name}", changed)


def test_no_command_prints_what_only_the_account_has(scene: Scene) -> None:
    scene.run("apply", "--yes", code={0})
    hands(scene)
    printed = scene.look()
    for told in (
        "header X-Live",
        "endpoint live",
        "endpoint (unnamed)",
        "body.live",
        "retry_delay",
    ):
        assert f"{told:20} removed" in printed, told
    assert "has no mark of ours" in printed
    scene.run("apply", "--yes", code={4})
    hands(scene)
    scene.text = BARE
    scene.look()
    scene.run("pause", "*", "--yes", code={0, 4})
    scene.run("apply", "--yes", "--adopt", "*", code={0})
    hands(scene)
    for words in ENDS:
        scene.run(*words, code={0, 3, 4, 64})


# Errors


def go(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it was sent": str,
    "as JSON": json.dumps,
    "as Go's JSON": go,
    "percent-encoded": partial(quote, safe=""),
    "percent-encoded path": quote,
    "as a form": quote_plus,
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in base64 for URLs": lambda text: base64.urlsafe_b64encode(b"in" + text.encode()).decode(),
}
WITH_ACCOUNT = [words for words in (*LOOKS, *WRITES, ENDS[1]) if words[0] not in ("validate", "compile")]  # fmt: skip


def sent(request: httpx.Request) -> list[str]:
    """What a request holds, piece by piece."""
    target = bytes(request.extensions.get("target", request.url.raw_path)).decode()
    return [target, request.content.decode("utf-8", "replace"), *request.headers.values()]


@dataclass
class Echo:
    """Answers with what it was sent, a piece with a secret each time."""

    canaries: Canaries
    encode: Callable[[str], str]
    status: int
    writes_only: bool = True
    count: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response | None:
        if self.writes_only and request.method == "GET":
            return None
        pieces = [piece for piece in sent(request) if self.canaries.found_in(piece)]
        self.count += 1
        text = self.encode(pieces[self.count % len(pieces)])
        return httpx.Response(self.status, json={"error": f"cannot take {text}, sorry"})


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_words_of_a_server_that_echoes_what_was_sent_are_masked(
    scene: Scene, encoding: str
) -> None:
    for status in (400, 500):
        scene.peer.answer = Echo(scene.canaries, ENCODINGS[encoding], status)
        printed = scene.run("apply", "--yes", code={4})
        assert "cannot take" in printed
        assert "(secret)" in printed
        scene.canaries.rotate()


@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_a_command_that_is_told_its_token_again_does_not_repeat_it(
    scene: Scene, status: int
) -> None:
    scene.run("apply", "--yes", code={0})
    scene.run("plan", "--save", "{}/plan.json", code={0})
    for writes_only in (True, False):
        scene.peer.answer = Echo(scene.canaries, go, status, writes_only=writes_only)
        for words in WITH_ACCOUNT:
            scene.run(*words, code={0, 1, 2, 4, 64} if writes_only else {1, 64})


def page(request: httpx.Request) -> httpx.Response:
    html = f"<html>{' '.join(sent(request))}</html>"
    return httpx.Response(200, text=html, headers={"Content-Type": "text/html"})


def text(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, text=" ".join(sent(request)))


def redirect(request: httpx.Request) -> httpx.Response:
    where = f"https://elsewhere.example.com/?t={quote(' '.join(sent(request)))}"
    return httpx.Response(302, headers={"Location": where})


def other_region(request: httpx.Request) -> httpx.Response:
    words = f"user not found in this region (eu-central-1): {request.headers['Authorization']}"
    return httpx.Response(404, json={"error": words})


def strange(request: httpx.Request) -> httpx.Response:
    """A list of resources that have texts where other types belong."""
    token = request.headers["Authorization"]
    keys = ("scheduleId", "name", "cron", "destination", "flowControlKey")
    item: dict[str, Any] = dict.fromkeys(keys, "x")
    for key in ("retries", "endpoints", "parallelism", "isPinnedRate", "header", "lag"):
        item[key] = token
    return httpx.Response(200, json=[item] if request.method == "GET" else {"scheduleId": token})


ANSWERS = [page, text, redirect, other_region, strange]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.__name__)
@pytest.mark.parametrize("writes", [True, False], ids=["of a write", "of anything"])
def test_an_answer_that_is_none_of_qstash_shows_no_secret(
    scene: Scene, answer: Callable[[httpx.Request], httpx.Response], writes: bool
) -> None:
    scene.peer.answer = lambda r: None if writes and r.method == "GET" else answer(r)
    scene.run("apply", "--yes", code={0, 4} if writes else {1})
    if not writes:
        for words in WITH_ACCOUNT:
            scene.run(*words, code={1, 64})


FAULTS = ["401", "429_headers", "500", "html", "reset_before", "reset_after"]


@pytest.mark.parametrize("kind", FAULTS)
def test_no_fault_of_the_network_makes_a_secret_appear(scene: Scene, kind: str) -> None:
    for at in (2, 9):
        scene.peer.account.inject(Fault(kind=kind, at=at, times=2))
        scene.run("apply", "--yes", code={0, 1, 4})
        scene.peer.account.forget()
        scene.canaries.rotate()
    scene.run("apply", "--yes", code={0})


# Where any key is right, or where a setting may stand in the wrong column: this file redacts.
FREE = ("vars", "headers: {X-Default", "headers: {headers", "callback: {callback")
SPOTS = [
    line
    for line in EVERYWHERE.splitlines()
    if "{" in line.partition("${env.")[0].replace("${", "") and not line.strip().startswith(FREE)
]


@pytest.mark.parametrize("line", [spot for spot in SPOTS if "${env." in spot])
def test_an_error_beside_a_secret_shows_the_line_with_its_variable(scene: Scene, line: str) -> None:
    """The offending line is shown as it was written, not as it is read."""
    scene.text = EVERYWHERE.replace(line, line.replace("{", "{wrong: ~, ", 1))
    for words in (("validate",), ("apply", "--yes")):
        printed = scene.run(*words, code={1})
        assert line.partition("{")[2][:100] in printed


REFUSED: list[tuple[str, str, str]] = [
    ("a line break in a header", "HEADER", "lines"),
    ("a header outside ASCII", "WHOLE", "letters"),
    ("a line break in a callback's header", "CALLBACK_HEADER", "lines"),
    ("a space in a token", "TOKEN", "spaces"),
    ("a token outside ASCII", "TOKEN", "letters"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "location", "shape"), REFUSED, ids=[case[0] for case in REFUSED])
def test_a_secret_that_cannot_be_sent_is_refused_without_being_shown(
    scene: Scene, _id: str, location: str, shape: str
) -> None:
    scene.canaries.environ[location] = scene.canaries.new(location, shape)
    for words in (("plan",), ("apply", "--yes"), ("destroy", "--yes", "billing")):
        assert "error" in scene.run(*words, code={1})


MISSING = ["HEADER", "TOKEN", "VAR", "GIVEN", "PAYLOAD"]


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_secret_is_named_and_no_other_is_shown(scene: Scene, name: str) -> None:
    scene.environ = {key: value for key, value in scene.canaries.environ.items() if key != name}
    assert name in scene.run("plan", code={1}) + scene.run("apply", "--yes", code={1})


def test_wrong_usage_does_not_repeat_a_secret(scene: Scene) -> None:
    secret = scene.canaries.new("--var")
    for words in (("--var", secret), ("--var", f"={secret}")):
        scene.run("plan", *words, code={64})
    scene.environ = {**scene.canaries.environ, "FROM_FILE": f"'\n{scene.canaries.new('a line')}"}
    scene.run("plan", code={64})


ADDRESSES = ["https://u:{}@q.example.com", "https://q.example.com/?t={}", "u:{}@q.example.com", "https://q.example.com/#{}", "https://q.example.com:{}/"]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_with_a_secret_in_it_is_not_repeated(scene: Scene, address: str) -> None:
    file = scene.folder / "q.yaml"
    file.write_text(HEAD + "queues: {}\n")
    environ = {
        "QSTASH_URL": address.format(scene.canaries.new("address")),
        "QSTASH_TOKEN": scene.canaries.new("token"),
    }
    for output in OUTPUTS:
        ran = cli("plan", "-f", str(file), *output, environ=environ)
        assert ran.code == 1
        assert "QSTASH_URL" in ran.text
        scene.note(address, ran.text)


# Values and exceptions


def told(error: BaseException) -> str:
    """Everything that an exception and those behind it say."""
    chain, pending = [], [error]
    while pending:
        found = pending.pop()
        if found not in chain:
            chain.append(found)
            pending += [e for e in (found.__cause__, found.__context__) if e]
    shown = [f"{e!r} {e} {e.args!r} {vars(e)!r}" for e in chain]
    return "\n".join([*shown, *traceback.format_exception(error)])


def quiet(request: httpx.Request) -> httpx.Response:
    return httpx.Response(400, json={"error": f"no {request.method}"})


@pytest.mark.parametrize("turn", range(6))
def test_no_repr_and_no_exception_holds_a_secret(turn: int) -> None:
    """Values may end up in anybody's log; every shape of secret, in every encoding."""
    canaries = Canaries(SEED + turn)
    canaries.turn = turn
    canaries.rotate()
    values: list[Any] = []
    with make_world() as world:
        peer = Peer(world.account, canaries)
        text = EVERYWHERE.replace("SERVER", "http://q.example.com")
        given = {"given": "${env.GIVEN}"}
        built = config(text, canaries.environ, environment="prod", variables=given)
        token = Secret((Piece(canaries.environ["TOKEN"], hidden=True),))
        with Client(
            "http://q.example.com", token, read_only=False, transport=httpx.MockTransport(peer),
            hide=built.secrets, sleep=world.sleep, clock=world.time,
        ) as client:  # fmt: skip
            plan = proposal.propose(client, built.desired, now=world.now)
            steps = [step for change in plan.changes for step in change.steps]
            values += [built, plan, plan.changes, steps, client, token, built.account]
            values += [wire.of_step(step) for step in steps]
            peer.answer = lambda r: None if r.method == "GET" else quiet(r)
            values += world.carry_out(client, built.desired, plan).outcomes
            for answer in (*echoes(canaries), page, redirect, other_region):
                peer.answer = answer
                calls: list[Callable[[], object]] = [partial(client.write, step) for step in steps]
                calls.append(partial(client.read, {"queues"}))
                for call in calls:
                    with pytest.raises(AccountError) as caught:
                        call()
                    values.append(told(caught.value))
        broken = text.replace("queues:", "wrong: '${env.HEADER}'\nqueues:")
        with pytest.raises(ConfigError) as refused:
            load([Source("q.yaml", ".", broken)], environment="prod", environ=canaries.environ)
        values.append(told(refused.value))
    shown = "\n".join(f"{value!r} {value}" for value in values)
    assert "(secret)" in shown
    assert canaries.found_in(shown) == []


def echoes(canaries: Canaries) -> Iterator[Callable[[httpx.Request], httpx.Response | None]]:
    """Each piece of a request with a secret, in each encoding."""
    for encode in ENCODINGS.values():
        for first in range(3):
            yield Echo(canaries, encode, 400, writes_only=False, count=first)
