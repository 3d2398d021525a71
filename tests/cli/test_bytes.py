"""Any bytes as a file, as variables or as a body: no traceback, nothing that acts, no secret."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.cli.test_hostile import assert_harmless
from tests.support import cli

ROOT = Path(__file__).parents[2]
SECRET = "S3cretS3cret-of-the-file"  # that `assert_harmless` looks for
LITERAL = "L1teralL1teral"
ENVIRON = {"SECRET": SECRET, "REPORT_TOKEN": SECRET, "QSTASH_TOKEN": f"token-{SECRET}"}
WHOLE = f"""\
version: 1
namespace: billing
allow_private: true
vars: {{v: plain, n: 5, api_token: {LITERAL}, list: [1, {{a: b}}]}}
limits: {{plan: payg, max_deletes: 10}}
owns: {{queues: ["a*"]}}
x-base: &base {{timeout: 30s, headers: {{X-A: "${{env.SECRET}}", apikey: {LITERAL}}}}}
defaults: {{timezone: UTC, base_url: "https://e.example.com", retries: 3}}
url_groups:
  "g-${{var.v}}": {{endpoints: {{a: "https://a.example.com/?token={LITERAL}"}}}}
queues: {{q: {{parallelism: 1, paused: false}}}}
flow_controls: {{"k:1@x/y": {{parallelism: 5, rate: 10, period: 1m}}}}
schedules:
  a:
    <<: *base
    cron: ["0 9 * * 1-5", "*/5 10 * * *"]
    timezone: Europe/Berlin
    dst: {{strategy: split, gap: skip}}
    destination: /x?secret={LITERAL}
    body: {{type: daily, key: "${{env.SECRET}}", password: {LITERAL}, n: 1.50}}
    callback: {{url: "https://hooks.slack.com/services/T/B/{LITERAL}"}}
    flow_control: {{key: "k:1@x/y"}}
    retry_delay: "1000 * (1 + retried)"
  b: {{cron: "@daily", url_group: "g-${{var.v}}", body_file: body.txt, labels: [l], queue: q}}
"""
# Where the literals stand: a mutant that leaves these as they are shows none of them.
FRAGMENTS = [
    f"api_token: {LITERAL}", f"apikey: {LITERAL}", f"?token={LITERAL}", f"?secret={LITERAL}",
    f"password: {LITERAL}", f"services/T/B/{LITERAL}",
]  # fmt: skip
SEEDS = [WHOLE, *(path.read_text() for path in sorted((ROOT / "examples").glob("*/*.yaml")))]
SCRAPS = [
    b"", b"\n", b"\n  ", b": ", b"- ", b"? ", b"{", b"}", b"[", b"]", b",", b"*a", b"&a ", b"<<: ",
    b"!!int ", b"!!python/name:os.x ", b"!<", b"'", b'"', b"|\n", b">-\n", b"#", b"%", b"@", b"`",
    b"---\n", b"...\n", b"${", b"${env.SECRET}", b"${env.SECRET|plain}", b"${env.QSTASH_TOKEN|plain}",
    b"${var.v}", b"${var.list}", b"$${", b"\t", b"\r", b"\r\n", b"\0", b"\x1b[31m", b"\x07", b"\x7f",
    b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xae",
    b'"\\uD800"', b'"\\x1b[2J"', b'"\\n::error::x"', b"\n::error::x", b"##[error]", b"1e400", b"0x1F",
    b".inf", b"-", b"9" * 400, b"~", b"null", b"true", b"x" * 500, b"../", b"/dev/zero", b"/proc/self/environ",
    b"rate(5 minutes)", b"GMT+3", b"CRON_TZ=UTC ", b"${{ secrets.X }}",
]  # fmt: skip
ALWAYS = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@st.composite
def mutants(draw: Any, seeds: list[str]) -> bytes:
    """A file with a few bytes more, less or elsewhere, or noise from the start."""
    data: bytes = draw(st.sampled_from(seeds)).encode()
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 0, 1, 2, 7, 40])))
        scrap = draw(st.sampled_from(SCRAPS) | st.binary(max_size=6))
        data = data[:start] + scrap + data[end:]
    return data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "body.txt").write_text("from a file")
    (tmp_path / "q.yaml").write_text(WHOLE)
    return tmp_path


def assert_all_harmless(
    folder: Path, *words: str, environ: dict[str, str] = ENVIRON, hidden: str = SECRET
) -> None:
    """Each command that reads files, in each format."""
    local = f"--local={folder / 'a.db'}"
    common = ("-f", str(folder / "q.yaml"), *words)
    for command in (("validate",), ("compile",), ("plan", local, "-v")):
        ran = cli(*command, *common, environ=environ)
        assert_harmless(ran, context=command)
        assert hidden not in ran.text
    assert_harmless(cli("plan", local, "--format", "markdown", *common, environ=environ))
    ran = cli("plan", local, "--format", "json", *common, environ=environ)
    assert_harmless(ran)
    assert hidden not in ran.text
    json.loads(ran.out)


def test_the_whole_file_is_valid_and_shows_no_secret(folder: Path) -> None:
    """So the mutants begin with something that plans."""
    ran = cli("plan", "-f", str(folder / "q.yaml"), f"--local={folder / 'a.db'}", environ=ENVIRON)
    assert (ran.code, ran.out.count("  + ")) == (0, 5), ran
    assert_all_harmless(folder, hidden=LITERAL)


@given(data=mutants(SEEDS))
@ALWAYS
def test_any_bytes_as_a_file_end_in_a_page_or_an_error(data: bytes, folder: Path) -> None:
    (folder / "q.yaml").write_bytes(data)
    standing = sum(data.count(fragment.encode()) for fragment in FRAGMENTS)
    hidden = LITERAL if standing == data.count(LITERAL.encode()) else SECRET
    assert_all_harmless(folder, hidden=hidden)


@given(data=mutants([f"A=b\nexport SECRET='{SECRET}' # x\nB=\"${{SECRET}}\\n\"\n\nC=${{A:-z}}\n"]))
@ALWAYS
def test_any_bytes_as_variables_end_in_a_page_or_an_error(data: bytes, folder: Path) -> None:
    (folder / "env").write_bytes(data)
    assert_all_harmless(folder, "--env-file", str(folder / "env"), environ={})


@given(
    data=st.binary(max_size=200)
    | st.text(max_size=50).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
@ALWAYS
def test_any_bytes_as_a_body_are_shown_harmlessly(data: bytes, folder: Path) -> None:
    (folder / "body.txt").write_bytes(data)
    assert_all_harmless(folder)


@given(
    value=st.text(max_size=20)
    | st.sampled_from(SCRAPS).map(lambda b: b.decode("utf-8", "surrogateescape"))
)
@ALWAYS
def test_any_value_of_a_variable_ends_in_a_page_or_an_error(value: str, folder: Path) -> None:
    plain = value.replace("\0", "")  # which no environment can hold
    (folder / "q.yaml").write_text(
        "version: 1\nnamespace: n\ndefaults: {timezone: UTC}\nschedules:\n"
        "  a: {cron: '${env.V|plain}', destination: 'https://e.example.com/${env.V}'}\n"
        "  b: {cron: '@daily', destination: '${env.V|plain}', headers: {X: '${env.V}'}, body: '${env.V}'}\n"
        "  c: {cron: '@daily', timezone: '${env.V|plain}', url_group: '${env.V|plain}', retries: '${env.V|plain}'}\n"
        "queues: {'q-${env.V|plain}': {parallelism: '${env.V|plain}'}}\n"
    )
    assert_all_harmless(folder, environ={"V": plain, **ENVIRON})
