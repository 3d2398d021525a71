"""Which account is spoken to: the file first, then the SDKs' variables; and what says so."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

import qstash_sync
from qstash_sync.config.account import Endpoint, resolve
from qstash_sync.config.environment import Account
from qstash_sync.errors import AuthError
from qstash_sync.local import LOCAL_TOKEN
from qstash_sync.local.serve import Served
from qstash_sync.qstash import proxies
from tests.support import HEAD, World, build, cli, ids, secret

EU, US = "https://qstash.upstash.io", "https://qstash-us-east-1.upstash.io"
LOCAL, OWN = "http://127.0.0.1:1", "https://us.example.com"
PLAIN = {"QSTASH_TOKEN": "plain"}
PAIR = {"US_EAST_1_QSTASH_TOKEN": "pair", "US_EAST_1_QSTASH_URL": OWN}
REGION = {"QSTASH_REGION": "US_EAST_1"}
BY_VARIABLES: list[tuple[str, dict[str, str], str, str, str]] = [
    ("nothing but a token", PLAIN, EU, "plain", "address by the default, token by QSTASH_TOKEN"),
    ("an address", {**PLAIN, "QSTASH_URL": LOCAL}, LOCAL, "plain", "address by QSTASH_URL, token by QSTASH_TOKEN"),
    ("a region", {**PLAIN, **REGION}, US, "plain", "address by QSTASH_REGION, token by QSTASH_TOKEN"),
    ("a region and an address", {**PLAIN, **REGION, "QSTASH_URL": LOCAL}, LOCAL, "plain", "address by QSTASH_URL, token by QSTASH_TOKEN"),
    ("a region's own pair", {**PLAIN, **REGION, **PAIR, "QSTASH_URL": LOCAL}, OWN, "pair", "address by US_EAST_1_QSTASH_URL, token by US_EAST_1_QSTASH_TOKEN"),
    ("a region's own token", {**REGION, "US_EAST_1_QSTASH_TOKEN": "pair", "QSTASH_URL": LOCAL}, US, "pair", "address by QSTASH_REGION, token by US_EAST_1_QSTASH_TOKEN"),
    ("a region's own address alone", {**PLAIN, **REGION, "US_EAST_1_QSTASH_URL": OWN, "QSTASH_URL": LOCAL}, LOCAL, "plain", "address by QSTASH_URL, token by QSTASH_TOKEN"),
    ("a pair without its region", {**PLAIN, **PAIR}, EU, "plain", "address by the default, token by QSTASH_TOKEN"),
    ("empty is not set", {**PLAIN, **REGION, "US_EAST_1_QSTASH_TOKEN": "", "QSTASH_URL": ""}, US, "plain", "address by QSTASH_REGION, token by QSTASH_TOKEN"),
    ("spelled as the region", {**PLAIN, "QSTASH_REGION": "us-east-1"}, US, "plain", "address by QSTASH_REGION, token by QSTASH_TOKEN"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("_id", "environ", "url", "token", "reason"), BY_VARIABLES, ids=ids(BY_VARIABLES)
)
def test_without_environments_the_variables_say_it(
    _id: str, environ: dict[str, str], url: str, token: str, reason: str
) -> None:
    found = resolve(Account(), None, environ)
    assert (found.url, found.token.reveal(), found.reason) == (url, token, reason)


OF_ENVIRONMENTS: list[tuple[str, Account, dict[str, str], str, str]] = [
    ("its own address", Account(url=OWN, region="us-east-1"), {"QSTASH_URL": LOCAL}, OWN, "environments.e.url"),
    ("its own region", Account(region="us-east-1"), {"QSTASH_URL": LOCAL}, US, "environments.e.region"),
    ("QSTASH_URL", Account(), {"QSTASH_URL": LOCAL}, LOCAL, "QSTASH_URL"),
    ("QSTASH_URL before a region", Account(), {"QSTASH_URL": LOCAL, **REGION}, LOCAL, "QSTASH_URL"),
    ("QSTASH_REGION", Account(), REGION, US, "QSTASH_REGION"),
    ("nothing", Account(), {}, EU, "the default"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("_id", "account", "environ", "url", "by"), OF_ENVIRONMENTS, ids=ids(OF_ENVIRONMENTS)
)
def test_of_an_environment_the_file_says_it_first_and_then_the_variables(
    _id: str, account: Account, environ: dict[str, str], url: str, by: str
) -> None:
    """A token of a local server must not go to the real one."""
    own = Account(url=account.url, region=account.region, token=secret("own"), token_from="T")
    found: Endpoint = resolve(own, "e", {**PLAIN, **PAIR, **environ})
    assert (found.url, found.token.reveal()) == (url, "own")
    assert found.reason == f"address by {by}, token by T"


TOP = "namespace_was: top\n"
NAMESPACES: list[tuple[str, str, str, str, str | None]] = [
    ("neither", "", "{}", "n", None),
    ("the file's", TOP, "{}", "n", "top"),
    ("its own", "", "{namespace_was: old}", "n", "old"),
    ("its own before the file's", TOP, "{namespace_was: old}", "n", "old"),
    ("null", TOP, "{namespace: null, namespace_was: null}", "n", "top"),
    ("another namespace", TOP, "{namespace: own}", "own", None),
    ("both", TOP, "{namespace: own, namespace_was: old}", "own", "old"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "top", "of", "is_now", "was"), NAMESPACES, ids=ids(NAMESPACES))
def test_the_namespace_of_an_environment_and_the_one_that_it_had(
    _id: str, top: str, of: str, is_now: str, was: str | None
) -> None:
    text = f"version: 1\nnamespace: n\n{top}environments: {{p: {of}}}\n"
    config, found = build(text, environment="p")
    assert config
    assert not found
    assert (config.desired.namespace, config.desired.namespace_was) == (is_now, was)


def test_a_missing_token_names_each_variable_that_would_do() -> None:
    with pytest.raises(AuthError, match="set US_EAST_1_QSTASH_TOKEN or QSTASH_TOKEN, or try"):
        resolve(Account(), None, REGION)


@pytest.mark.parametrize(
    ("token", "hint"),
    [
        ("{token: '${env.PROD_TOKEN}'}", "set PROD_TOKEN; $QSTASH_TOKEN is not used here"),
        ("{token: ' ${env.PROD_TOKEN} '}", "set PROD_TOKEN; $QSTASH_TOKEN is not used here"),
        ("{region: us-east-1}", "write token: ${env.NAME}, with the variable that holds it"),
    ],
    ids=["named", "named with spaces", "none"],
)
@pytest.mark.parametrize("command", ["plan", "apply", "drift", "destroy", "explain", "pause"])
def test_a_missing_token_of_an_environment_names_its_variable(
    command: str, token: str, hint: str, tmp_path: Path
) -> None:
    path = tmp_path / "q.yaml"
    entry = "{cron: '0 9 * * *', destination: 'https://a.example.com/a'}"
    path.write_text(f"{HEAD}environments: {{prod: {token}}}\nschedules: {{a: {entry}}}\n")
    more = {"explain": ("a",), "pause": ("a", "--yes"), "destroy": ("--yes", "billing")}
    environ = {"QSTASH_TOKEN": "another"}
    ran = cli(command, *more.get(command, ()), "-f", str(path), "-e", "prod", environ=environ)
    assert ran.code == 1
    assert "environments.prod: no token" in ran.err
    assert hint in " ".join(ran.err.replace("|", " ").split())


@pytest.mark.parametrize(
    ("environ", "doubt"),
    [
        ({}, "QSTASH_URL is not set, so it is the default address"),
        ({"QSTASH_URL": LOCAL}, "is QSTASH_URL right?"),
        (REGION, "is QSTASH_REGION right?"),
    ],
    ids=["none", "address", "region"],
)
def test_no_variable_is_doubted_that_is_not_set(
    tmp_path: Path, environ: dict[str, str], doubt: str
) -> None:
    (tmp_path / "q.yaml").write_text(HEAD)
    environ = {**PLAIN, **environ}
    config = qstash_sync.load(tmp_path, environ=environ)
    with qstash_sync.connect(config, environ=environ) as client:
        assert client._origin.doubt == doubt


def test_the_page_says_which_account_it_is_about_and_why(world: World, tmp_path: Path) -> None:
    path = tmp_path / "q.yaml"
    path.write_text(HEAD + "environments: {e: {token: '${env.T}'}}\nqueues: {}\n")
    with Served(world.account) as served:
        environ = {"T": LOCAL_TOKEN, "QSTASH_URL": served.url}
        for command in (("plan",), ("drift",), ("apply", "--yes"), ("destroy", "--yes", "billing")):
            ran = cli(*command, "-f", str(path), "-e", "e", environ=environ)
            assert ran.code == 0, ran
            assert ran.err.startswith(
                f"Account: e: localUser at {served.url} (address by QSTASH_URL, token by T)\n"
            )
            ran = cli(*command, "-f", str(path), "-e", "e", "--format", "json", environ=environ)
            assert "Account:" not in ran.err


@pytest.mark.parametrize(
    "command",
    [("plan",), ("drift",), ("apply", "--yes"), ("destroy", "--yes", "billing")],
    ids=" ".join,
)
def test_every_document_says_which_account_it_is_about(
    command: tuple[str, ...], world: World, tmp_path: Path
) -> None:
    path, summary = tmp_path / "q.yaml", tmp_path / "summary.md"
    world.now = datetime.now(UTC)
    path.write_text(HEAD + "environments: {e: {token: '${env.T}'}}\nqueues: {a: {}}\n")
    words = (*command, "-f", str(path), "-e", "e", "--format")
    local = (*command, "-f", str(path), "-e", "e", f"--local={tmp_path / 'a.db'}", "--format")
    with Served(world.account) as served:
        environ = {"T": LOCAL_TOKEN, "QSTASH_URL": served.url}
        told = f"localUser at {served.url}, address by QSTASH_URL, token by T"
        found = json.loads(cli(*words, "json", environ=environ).out)
        assert found["account"] == {
            "url": served.url, "user": "localUser", "address_by": "QSTASH_URL", "token_by": "T",
        }  # fmt: skip
        if command[0] in ("plan", "drift"):
            assert f"Account: `{told}`." in cli(*words, "markdown", environ=environ).out
            assert f", account <b>{told}</b>;" in cli(*words, "html", environ=environ).out
            assert "Account:" not in cli(*local, "markdown").out
            assert ", account <b>" not in cli(*local, "html").out
        elif command[0] == "apply":
            path.write_text(path.read_text().replace("{a: {}}", "{b: {}}"))
            github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
            assert cli(*words, "text", environ=environ | github).code == 0
            assert f"Account: `{told}`." in summary.read_text()
    assert json.loads(cli(*local, "json").out)["account"] is None


def test_that_line_is_no_wider_than_the_terminal(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "q.yaml"
    path.write_text(HEAD + "queues: {}\n")
    monkeypatch.setattr("qstash_sync.cli.streams.is_terminal", lambda _: True)
    with Served(world.account) as served:
        environ = {"QSTASH_TOKEN": LOCAL_TOKEN, "QSTASH_URL": served.url, "COLUMNS": "60"}
        lines = cli("plan", "-f", str(path), environ=environ).err.splitlines()
    assert max(map(len, lines)) <= 60
    told = f"Account: localUser at {served.url} (address by QSTASH_URL, token by QSTASH_TOKEN)"
    assert " ".join(line.strip() for line in lines) == told


WRONG = [
    ("a token that is none", {"T": "a b", "QSTASH_URL": LOCAL}, "set T"),
    ("an address that is none", {"T": "t", "QSTASH_URL": "http://"}, "is QSTASH_URL right?"),
    ("a port", {"T": "t", "QSTASH_URL": "http://127.0.0.1:port"}, "is QSTASH_URL right?"),
    ("no address", {"T": "t", "QSTASH_URL": "127.0.0.1:1"}, "QSTASH_URL is not an address"),
    ("a line break", {"T": "t", "QSTASH_URL": f"{LOCAL}\n"}, "is QSTASH_URL right?"),
]


@pytest.mark.parametrize(("_id", "environ", "said"), WRONG, ids=ids(WRONG))
def test_a_message_names_the_variable_that_was_really_used(
    tmp_path: Path, _id: str, environ: dict[str, str], said: str
) -> None:
    path = tmp_path / "q.yaml"
    path.write_text(HEAD + "environments: {e: {token: '${env.T}'}}\nqueues: {}\n")
    ran = cli("plan", "-f", str(path), "-e", "e", environ=environ)
    assert ran.code == 1
    assert said in ran.err
    assert "QSTASH_TOKEN" not in ran.err


def test_a_refused_token_of_an_environment_is_named_by_its_variable(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "q.yaml"
    with Served(world.account) as served:
        path.write_text(
            HEAD
            + f"environments: {{e: {{token: '${{env.T}}', url: '{served.url}'}}}}\nqueues: {{}}\n"
        )
        ran = cli("plan", "-f", str(path), "-e", "e", environ={"T": "wrong"})
    assert (ran.code, "set a valid T" in ran.err) == (1, True), ran


EXEMPT = [
    ("nothing", "", "https://h.example.com", True),
    ("another network", "fd00::/8", "https://h.example.com", True),
    ("a network", "fd00::/8", "https://[fd00::1]:8080", False),
    ("an older network", "10.0.0.0/8,fd00::/8", "https://10.1.2.3", False),
    ("an address", "::1", "https://[::1]", False),
    ("an address with a port", "[::1]:443", "https://[::1]", False),
    ("another port", "h.example.com:8443", "https://h.example.com", True),
    ("its port", "h.example.com:443", "https://h.example.com", False),
    ("a name", "h.example.com", "https://h.example.com", False),
    ("a domain", "example.com", "https://h.example.com", False),
    ("a domain with a dot", ".example.com", "https://h.example.com", False),
    ("a domain with a star", "*.example.com", "https://h.example.com", False),
    ("half a label", "ample.com", "https://h.example.com", True),
    ("everything", "*", "https://h.example.com", False),
    ("noise", "[::1, ,:,/,a/b,[,%%", "https://h.example.com", True),
]


@pytest.mark.parametrize(("_id", "exempt", "url", "is_proxied"), EXEMPT, ids=ids(EXEMPT))
def test_no_proxy_is_read_as_other_tools_read_it(
    monkeypatch: pytest.MonkeyPatch, _id: str, exempt: str, url: str, is_proxied: bool
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", exempt)
    assert proxies.for_url(url) is None
    monkeypatch.setenv("ALL_PROXY", "proxy.example.com:3128")
    assert proxies.for_url(url) == ("http://proxy.example.com:3128" if is_proxied else None)
    monkeypatch.setenv("HTTPS_PROXY", "https://other.example.com")
    assert proxies.for_url(url) == ("https://other.example.com" if is_proxied else None)


def test_a_network_in_no_proxy_breaks_no_command(world: World) -> None:
    world.account.clock = time.time  # a plan of a wrong clock ends with 3
    with Served(world.account) as served:
        environ = {"QSTASH_URL": served.url, "QSTASH_TOKEN": LOCAL_TOKEN, "NO_PROXY": "fd00::/8"}
        assert cli("plan", "-f", "examples/quickstart", environ=environ).code == 0
        refused = {**environ, "HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "127.0.0.0/8"}
        assert cli("plan", "-f", "examples/quickstart", environ=refused).code == 0


@pytest.mark.parametrize("token", ['"eyJabc"', "'eyJabc'", '"eyJabc', "eyJabc'"])
def test_quotes_around_a_token_are_told_and_the_token_is_not(token: str) -> None:
    """`docker run --env-file` keeps them, and QStash would say no more than that it is invalid."""
    with pytest.raises(AuthError) as caught:
        resolve(Account(), None, {"QSTASH_TOKEN": token})
    assert "QSTASH_TOKEN has quotes around the token" in str(caught.value)
    own = Account(token=secret(token), token_from="PROD_TOKEN")
    with pytest.raises(AuthError) as of_environment:
        resolve(own, "prod", {})
    assert "PROD_TOKEN has quotes" in str(of_environment.value)
    assert "eyJabc" not in str(caught.value) + str(of_environment.value)


@pytest.mark.parametrize(
    "token", ["Bearer eyJabc", "bearer  eyJabc", "Authorization: Bearer eyJabc"]
)
def test_the_word_bearer_before_a_token_is_told_and_the_token_is_not(token: str) -> None:
    with pytest.raises(AuthError) as caught:
        resolve(Account(), None, {"QSTASH_TOKEN": token})
    assert "set QSTASH_TOKEN without the word Bearer" in str(caught.value)
    own = Account(token=secret(token), token_from="PROD_TOKEN")
    with pytest.raises(AuthError, match="set PROD_TOKEN without the word Bearer") as of_environment:
        resolve(own, "prod", {})
    assert "eyJabc" not in str(caught.value) + str(of_environment.value)
