"""What a valid file means: merging, environments, interpolation, types."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from qstash_sync.config.account import resolve
from qstash_sync.config.load import Source, gather, load
from qstash_sync.config.missing import Missing
from qstash_sync.config.schema import json_schema
from qstash_sync.model.resources import Schedule, Secret
from tests.support import HEAD, build, cli, config, ids, messages

ROOT = Path(__file__).parents[2]
URL = "https://app.example.com/x"


def only(text: str, environ: dict[str, str] | None = None) -> Schedule:
    """The single schedule of a file."""
    schedules = config(text, environ).desired.schedules
    assert schedules and len(schedules) == 1
    return schedules[0]


def test_yaml_means_what_it_looks_like() -> None:
    text = HEAD + "x-a: 1\nschedules:\n  a:\n    cron: 0 9 * * *\n    destination: https://e.com\n"
    text += "    body: {t: 12:30, no: NO, on: on, n: 010, f: 1.5, b: true, z: null}\n"
    assert json.loads(str(only(text).message.body)) == {
        "t": "12:30", "no": "NO", "on": "on", "n": "010", "f": 1.5, "b": True, "z": None,
    }  # fmt: skip


def test_defaults_merge_headers_by_name_and_null_unsets() -> None:
    text = (
        "version: 1\nnamespace: b\n"
        "defaults: {timezone: UTC, retries: 7, headers: {X-A: '1', X-B: '2'}, failure_callback: 'https://f.com'}\n"
        f"schedules: {{a: {{cron: '0 9 * * *', destination: {URL}, headers: {{x-b: null, X-C: 5, X-B: null}}, "
        "failure_callback: null, labels: [l]}}\n"
    )
    message = only(text.replace("x-b: null, ", "")).message
    assert message.headers == (("X-A", "1"), ("X-C", "5"))
    assert message.retries == 7
    assert message.failure_callback is None


def test_a_more_specific_body_replaces_the_default_one(tmp_path: Path) -> None:
    (tmp_path / "b.bin").write_bytes(b"\xff\x00")
    text = (
        "version: 1\nnamespace: b\ndefaults: {timezone: UTC, body: {a: 1}, destination: 'https://d.com'}\n"
        "url_groups: {g: {endpoints: ['https://e.com']}}\n"
        "schedules: {a: {cron: '0 9 * * *', url_group: g, body_file: b.bin}}\n"
    )
    found = load([Source("q.yaml", str(tmp_path), text)], environ={}).desired.schedules
    assert found is not None
    assert found[0].message.body == b"\xff\x00"
    assert (found[0].message.destination, found[0].to_group) == ("g", True)


ENVIRONMENTS = """
version: 1
namespace: shop
vars: {host: shop.example.com, n: 4}
environments:
  production: {token: "${env.P}", account: me}
  staging:
    namespace: shop-stg
    region: us-east-1
    token: ${env.S}
    vars: {host: staging.example.com}
    defaults: {paused: true, retries: 0}
    overrides: {schedules: {a: {paused: false}}}
defaults: {timezone: UTC, base_url: "https://${var.host}", retries: "${var.n}"}
schedules:
  a: {cron: "0 9 * * *", destination: /a}
  b: {cron: "0 9 * * *", destination: /b, retries: 5, except: [production]}
  c: {cron: "0 9 * * *", destination: /c, only: [production]}
"""


def test_an_environment_inherits_and_overrides() -> None:
    staging = config(ENVIRONMENTS, {"P": "p", "S": "s"}, environment="staging")
    found = {s.name: s for s in staging.desired.schedules or ()}
    assert sorted(found) == ["a", "b"]
    assert found["a"].id == "shop-stg.a"
    assert (found["a"].paused, found["a"].message.retries) == (False, 0)
    assert (found["b"].paused, found["b"].message.retries) == (True, 5)
    assert found["b"].message.destination == "https://staging.example.com/b"
    assert (staging.account.region, str(staging.account.token)) == ("us-east-1", "(secret)")
    production = config(ENVIRONMENTS, {"P": "p", "S": "s"}, environment="production")
    assert [s.name for s in production.desired.schedules or ()] == ["a", "c"]
    assert [s.message.retries for s in production.desired.schedules or ()] == [4, 4]


def test_var_on_the_command_line_wins() -> None:
    built = config(ENVIRONMENTS, environment="staging", variables={"host": "x.example.org"})
    assert (built.desired.schedules or ())[0].message.destination == "https://x.example.org/a"


def test_what_contains_an_environment_variable_is_a_secret_through_vars_too() -> None:
    text = HEAD + "vars: {t: 'Bearer ${env.T}'}\nschedules: {a: {cron: '0 9 * * *', destination: '"
    text += (
        URL + "?k=${env.T}', headers: {Authorization: '${var.t}'}, body: {k: '${env.T}', n: 1}}}\n"
    )
    message = only(text, {"T": 's3"cret'}).message
    headers = dict(message.headers)
    assert isinstance(headers["Authorization"], Secret)
    assert str(headers["Authorization"]) == "Bearer (secret)"
    assert headers["Authorization"].reveal() == 'Bearer s3"cret'
    assert isinstance(message.body, Secret)
    assert str(message.body) == '{"k":"(secret)","n":1}'
    assert json.loads(message.body.reveal()) == {"k": 's3"cret', "n": 1}
    assert isinstance(message.destination, Secret)
    assert message.destination.reveal() == f"{URL}?k=s3%22cret"
    assert "s3" not in repr(message)


def test_defaults_and_plain_and_literals_of_the_environment() -> None:
    text = HEAD + "schedules: {a: {cron: '0 9 * * *', destination: 'https://${env.H|plain}/x', "
    text += "retries: '${env.R|plain}', body: '${env.N:-nothing} $${env.X}', timeout: '${env.T:-90s|plain}'}}\n"
    message = only(text, {"H": "e.com", "R": "5"}).message
    assert (message.destination, message.retries, message.timeout) == ("https://e.com/x", 5, 90)
    assert message.body == "nothing ${env.X}"


def test_an_empty_variable_counts_as_missing() -> None:
    """CI hands over a secret that is not there as empty text."""
    text = (
        HEAD + f"schedules: {{a: {{cron: '0 9 * * *', destination: {URL}, body: '${{env.B}}'}}}}\n"
    )
    assert "B is empty" in messages(text, {"B": ""})[0]
    assert messages(text, {"B": ""}, missing=Missing.MOCK) == []
    assert messages(text, {"B": ""}, missing=Missing.UNKNOWN) == []


def test_mock_env_needs_no_variable_of_any_type(tmp_path: Path) -> None:
    text = (
        HEAD + "schedules: {a: {cron: '${env.C|plain}', destination: 'https://${env.H|plain}/x', "
    )
    text += "retries: '${env.R|plain}'}}\n"
    file = tmp_path / "q.yaml"
    file.write_text(text)
    assert cli("validate", "--mock-env", "-f", str(file)).code == 0
    assert cli("validate", "-f", str(file)).err.count("is not set") == 3


def test_destinations_are_brought_to_the_form_that_is_sent() -> None:
    for written, sent in (
        (
            "https://EXAMPLE.com/Päth x?q=ä&u=https://y//z",
            "https://example.com/P%C3%A4th%20x?q=%C3%A4&u=https://y//z",
        ),
        ("https://bücher.example.com/", "https://xn--bcher-kva.example.com/"),
        ("https://e.com", "https://e.com"),
        ("https://e.com/%7Ea//b/?x=%20", "https://e.com/%7Ea//b/?x=%20"),
    ):
        text = HEAD + f"schedules: {{a: {{cron: '0 9 * * *', destination: '{written}'}}}}\n"
        assert only(text).message.destination == sent


def test_private_hosts_serve_local_servers_when_allowed() -> None:
    text = (
        HEAD
        + "allow_private: true\nschedules: {a: {cron: '0 9 * * *', destination: 'http://localhost:3000/x'}}\n"
    )
    assert only(text).message.destination == "http://localhost:3000/x"


def test_files_of_a_directory_are_merged_and_defaults_hold_for_their_own(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\nnamespace: n\nqueues: {q: {}}\n")
    (tmp_path / "b.yml").write_text(
        f"version: 1\ndefaults: {{timezone: UTC, retries: 9}}\nschedules: {{x: {{cron: '0 9 * * *', destination: {URL}}}}}\n"
    )
    (tmp_path / "c.yaml").write_text(
        f"version: 1\ndefaults: {{timezone: UTC}}\nschedules: {{y: {{cron: '0 9 * * *', destination: {URL}}}}}\n"
    )
    built = load(gather([str(tmp_path)], None), environ={})
    assert [s.message.retries for s in built.desired.schedules or ()] == [9, 3]
    (tmp_path / "d.yaml").write_text(
        f"version: 1\nnamespace: m\nschedules: {{y: {{cron: '0 9 * * *', destination: {URL}}}}}\n"
    )
    ran = cli("validate", "-f", str(tmp_path))
    assert "namespace: stands in two files" in ran.err
    assert "schedules.y: this name stands in two files" in ran.err


def test_a_file_comes_from_stdin() -> None:
    text = HEAD + f"schedules: {{a: {{cron: '0 9 * * *', destination: {URL}}}}}\n"
    assert cli("validate", "-f", "-", stdin=text).code == 0
    assert (
        "<stdin>:4:17: error:" in cli("validate", "-f", "-", stdin=text.replace("cron", "corn")).err
    )


def test_an_env_file_counts_like_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# secrets\nexport B='x y'\n\nC=1\n")
    (tmp_path / "q.yaml").write_text(
        HEAD
        + f"schedules: {{a: {{cron: '0 9 * * *', destination: {URL}, body: '${{env.B}} ${{env.C}}'}}}}\n"
    )
    words = ("validate", "-f", str(tmp_path / "q.yaml"))
    assert cli(*words).code == 1
    assert cli(*words, "--env-file", str(tmp_path / ".env")).code == 0


def test_anchors_and_merge_keys_keep_their_places() -> None:
    text = (
        HEAD + "x-base: &base\n  cron: '0 9 * * *'\n  retires: 3\nschedules:\n  a:\n    <<: *base\n"
    )
    text += f"    destination: {URL}\n"
    assert messages(text) == [
        "q.yaml:6:3: schedules.a.retires: unknown key | did you mean retries?"
    ]


def test_a_mistake_in_defaults_is_told_once() -> None:
    text = "version: 1\nnamespace: b\ndefaults: {timezone: UTC, retires: 3}\nschedules:\n"
    text += "".join(f"  s{n}: {{cron: '0 9 * * *', destination: {URL}}}\n" for n in range(3))
    assert len(messages(text)) == 1


@pytest.mark.parametrize("destination", ["/x?k=${env.K}", "${var.host}/x?k=${env.K}"])
def test_a_host_from_elsewhere_goes_with_a_secret_behind_it(destination: str) -> None:
    """`base_url` and variables are plain: only what follows them is a secret."""
    text = (
        "version: 1\nnamespace: b\nvars: {host: 'https://App.example.com'}\n"
        "defaults: {timezone: UTC, base_url: 'https://App.example.com'}\n"
        f"schedules: {{a: {{cron: '0 9 * * *', destination: '{destination}'}}}}\n"
    )
    found = only(text, {"K": "s"}).message.destination
    assert isinstance(found, Secret)
    assert (str(found), found.reveal()) == (
        "https://app.example.com/x?k=(secret)",
        "https://app.example.com/x?k=s",
    )


def test_the_settings_of_an_environment_and_the_top_level_take_variables() -> None:
    """A preview has its own namespace; no key of the file takes `${…}` for its literal text."""
    text = (
        "version: 1\nvars: {host: https://q.example.com, place: us-east-1, on: true}\n"
        "namespace: top-${env.PR|plain}\nallow_private: ${var.on}\nenvironments:\n"
        "  a: {token: '${env.T}', url: '${var.host}', account: 'u-${env.PR|plain}'}\n"
        "  b: {token: '${env.U}', region: '${var.place}', namespace: 'pr-${env.PR|plain}'}\n"
        "schedules: {s: {cron: '0 9 * * *', timezone: UTC, destination: 'http://10.0.0.1'}}\n"
    )
    environ = {"T": "t", "U": "u", "PR": "17"}
    a, b = (config(text, environ, environment=name) for name in "ab")
    assert (a.desired.namespace, a.account.url) == ("top-17", "https://q.example.com")
    assert (a.account.user, a.account.region) == ("u-17", None)
    assert (b.desired.namespace, b.account.region) == ("pr-17", "us-east-1")
    assert [
        m.partition(" | ")[0] for m in messages(text, {**environ, "PR": "A_1"}, environment="b")
    ] == ["q.yaml:7:50: namespace: 'pr-A_1' is not allowed"]


def test_the_schema_in_the_repository_is_the_one_of_the_models() -> None:
    """Run `qstash-sync schema --output schema/qstash-sync.schema.json` when this fails."""
    stored = json.loads((ROOT / "schema" / "qstash-sync.schema.json").read_text())
    assert stored == json_schema()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples").glob("*/*.yaml")), ids=lambda p: f"{p.parent.name}/{p.name}"
)
def test_a_real_validator_accepts_the_examples(path: Path) -> None:
    jsonschema.Draft202012Validator(json_schema()).validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    "bad",
    [
        "namespace: a",
        "version: 2",
        "version: 1\nschedule: {}",
        "version: 1\nnamespace: A_b",
        "version: 1\nschedules: {a: {retries: three}}",
        "version: 1\nschedules: {a: {retires: 3}}",
        "version: 1\nschedules: {a: {timeout: soon}}",
        "version: 1\nschedules: {a: {method: FETCH}}",
        "version: 1\nurl_groups: {g: {endpoints: 5}}",
        "version: 1\nqueues: []",
        "version: 1\nlimits: {plan: gold}",
    ],
)
def test_a_real_validator_refuses_bad_files(bad: str) -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    assert list(validator.iter_errors(yaml.safe_load(bad)))


def test_an_environments_address_may_use_variables() -> None:
    text = (
        "version: 1\nnamespace: a\nvars: {region: us-east-1}\n"
        "environments:\n  p: {token: '${env.T}', region: '${var.region}'}\n"
    )
    built = config(text, {"T": "t"}, environment="p")
    assert resolve(built.account, "p", {}).url == "https://qstash-us-east-1.upstash.io"


def test_a_secret_is_no_base64() -> None:
    """What it is decoded to would be shown as a body."""
    text = (
        HEAD + f"schedules: {{a: {{cron: '0 9 * * *', destination: '{URL}', body_base64: '%s'}}}}"
    )
    (told,) = messages(text % "${env.X}", {"X": "eA=="})
    assert "a secret cannot stand here" in told
    assert not messages(text % "${env.X|plain}", {"X": "eA=="})


MISSING = [
    ("neither", "x: 1\nlimits: {plan: nope}\nqueues: {q: {parallelism: a}}\n",
     {"namespace", "version", "x", "limits.plan", "queues.q.parallelism"}),
    ("no version", "namespace: a\nx: 1\nowns: {queues: 5}\n", {"version", "x", "owns.queues"}),
    ("no namespace", "version: 1\nx: 1\nprotect: 5\n", {"namespace", "x", "protect"}),
    ("nothing at all", "", {"namespace", "version"}),
    ("a namespace that is none", "version: 1\nnamespace: A b\nx: 1\n", {"namespace", "x"}),
    ("another version", "version: 2\nx: 1\n", {"version", "namespace", "x"}),
    ("two keys of a schedule", "version: 1\nnamespace: a\nschedules: {a: {retries: 1}}\n",
     {"schedules.a.cron", "schedules.a.timezone", "schedules.a.destination"}),
    ("of two schedules", "version: 1\nnamespace: a\nschedules: {a: {}, b: {}}\n",
     {f"schedules.{name}.{key}" for name in "ab" for key in ("cron", "timezone", "destination")}),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "text", "paths"), MISSING, ids=ids(MISSING))
def test_what_is_missing_hides_no_other_mistake(_id: str, text: str, paths: set[str]) -> None:
    """All of a run at once: who mends one is not sent back for the next."""
    _, found = build(text)
    assert {".".join(map(str, one.path)) for one in found} == paths
    assert len(found) == len(paths)
