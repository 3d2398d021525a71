"""What a person types wrong, and the hint that gets them on; each at its place."""

import pytest

from tests.support import HEAD, cli, ids, messages

URL = "https://e.example.com/x"


def block(*lines: str) -> str:
    inner = "".join(f"    {line}\n" for line in (f"destination: {URL}", *lines))
    return HEAD + f"schedules:\n  a:\n{inner}"


def flow(settings: str) -> str:
    return HEAD + f"schedules:\n  a: {{{settings}}}\n"


CASES = [
    ("flow cron", flow(f"cron: */5 * * * *, destination: {URL}"), "5:13", 'quote it: "*/5 * * * *"'),
    ("flow cron last", flow(f"destination: {URL}, cron: */5 * * * *"), "5:51", 'quote it: "*/5 * * * *"'),
    ("flow cron with a list", flow(f"cron: */5 1,2 * * *, destination: {URL}"), "5:13", 'quote it: "*/5 1,2 * * *"'),
    ("bare macro", block("cron: @daily"), "7:11", 'quote it: "@daily"'),
    ("bare macro in flow", flow(f"cron: @daily, destination: {URL}"), "5:13", 'quote it: "@daily"'),
    ("bare macro in a list", block("cron:", "- @daily"), "8:7", 'quote it: "@daily"'),
    ("bare macro in a flow list", block("cron: [@daily, '0 9 * * *']"), "7:12", 'quote it: "@daily'),
    ("backquote", block("cron: '@daily'", "description: `x`"), "8:18", 'quote it: "`x`"'),
    ("first key", HEAD + f"schedules:\n  a:\n    cron: 61 * * * *\n    destination: {URL}\n", "6:5", "61 is out of range"),
    ("first key of defaults", f"version: 1\nnamespace: n\ndefaults:\n  timezone: Mars\nschedules: {{a: {{cron: '@daily', destination: {URL}}}}}", "4:3", "Mars"),
    ("second cron of a list", block("cron: ['0 9 * * *', '61 9 * * *']"), "7:25", "61 is out of range"),
    ("wrong indentation", HEAD + f"schedules:\n  a:\n    cron: '@daily'\n   destination: {URL}\n", "7:4", "begin in the same column"),
    ("deeper", HEAD + f"schedules:\n  a:\n    cron: '@daily'\n      destination: {URL}\n", "7:7", "begin in the same column"),
    ("settings beside the name", HEAD + f"schedules:\n  a:\n  cron: '@daily'\n  destination: {URL}\n", "6:3", "indent it below the name"),
    ("the name beside the section", HEAD + f"schedules:\na:\n  cron: '@daily'\n  destination: {URL}\n", "4:1", "is `a` a schedule? indent it below schedules:"),
    ("the name itself", HEAD + f"schedules:\na:\n  cron: '@daily'\n  destination: {URL}\n", "5:1", "is `a` a schedule? indent it below schedules:"),
    ("all in the first column", HEAD + f"schedules:\na:\ncron: '@daily'\ndestination: {URL}\n", "4:1", "is `cron` a setting? indent it below the name"),
    ("a group beside its section", HEAD + f"url_groups:\ng:\n  endpoints: [{URL}]\n", "4:1", "is `g` a URL group? indent it below url_groups:"),
    ("a queue beside its section", HEAD + "queues:\nq: {parallelism: 2}\n", "4:1", "is `q` a queue? indent it below queues:"),
    ("a queue itself", HEAD + "queues:\nq: {parallelism: 2}\n", "5:1", "is `q` a queue? indent it below queues:"),
    ("a section below another one", HEAD + "queues:\n  q: {parallelism: 2}\n  schedules:\n    a: {cron: '@daily'}\n", "7:5", "is `schedules` a section of the file? let it begin in the first column"),
    ("a section among the environments", HEAD + "environments:\n  p: {}\n  schedules:\n    a: {cron: '@daily'}\n", "7:5", "is `schedules` a section of the file? let it begin in the first column"),
    ("a setting among the environments", HEAD + "environments:\n  p: {}\n  defaults:\n    paused: true\n", "7:5", "is `defaults` a setting? indent it below the name"),
    ("a setting in the column of names", HEAD + f"schedules:\n  a: {{cron: '@daily', destination: '{URL}'}}\n  headers:\n    X-A: b\n", "7:5", "is `headers` a setting? indent it below the name"),
    ("a schedule that is called as a setting", HEAD + f"schedules:\n  delay: {{cron: '@daily', destination: '{URL}', retires: 2}}\n", "5:67", "did you mean retries?"),
    ("one that is called as a section", HEAD + f"schedules:\n  limits: {{cron: '@daily', destination: '{URL}', retires: 2}}\n", "5:68", "did you mean retries?"),
    ("an environment that is called as a setting", HEAD + "environments:\n  region: {namespace: x, tokn: 3}\n", "5:26", "did you mean token?"),
    ("a character of another encoding", "version: 1\nnamespace: n\x00\n", "2:1", "save the file as UTF-8 text"),
    ("a key beside its section", HEAD + "flow_controls:\nk: {rate: 2}\n", "4:1", "is `k` a flow control? indent it below flow_controls:"),
    ("one level too deep", HEAD + f"schedules:\n  a:\n    cron: '@daily'\n    destination: {URL}\n    b:\n      cron: '@daily'\n      destination: {URL}\n", "8:5", "is `b` a schedule? let it begin in the column of a"),
    ("a queue too deep", HEAD + "queues:\n  a:\n    b: {parallelism: 1}\n", "6:5", "is `b` a queue? let it begin in the column of a"),
    ("an empty section alone", HEAD + "schedules:\nx-a: {cron: '@daily'}\n", "4:1", "write `schedules: {}` for none of ours"),
    ("a tab", HEAD + "schedules:\n\ta: {}\n", "5:1", "indent with spaces"),
    ("two documents", HEAD + "---\nqueues: {}\n", "4:1", "several files"),
    ("a colon in a text", block("cron: '@daily'", "description: note: x"), "8:22", "quote a text that has a colon"),
    ("a quoted version", "version: '1'\nnamespace: n\n", "1:1", "version: 1"),
    ("a decimal version", "version: 1.0\nnamespace: n\n", "1:1", "version: 1"),
    ("a workflow's secret", block("cron: '@daily'", "headers: {Authorization: 'Bearer ${{ secrets.X }}'}"), "8:15", "write ${env.NAME}"),
    ("a workflow's secret alone", block("cron: '@daily'", "body: ${{ secrets.X }}"), "8:5", "write ${env.NAME}"),
    ("flow, a template in a text", flow(f"cron: '@daily', destination: {URL}, headers: {{Authorization: Bearer ${{env.X}}}}"), "5:86", 'quote it: "Bearer ${env.X}"'),
    ("flow, a template before a comment", f"{HEAD}schedules:\n  a:\n    headers: {{A: ${{env.X}} # c\n      , B: c}}\n", "6:18", 'quote it: "${env.X}"'),
    ("flow, a template alone", flow(f"cron: '@daily', destination: {URL}, headers: {{A: ${{env.X}}, B: c}}"), "5:74", 'quote it: "${env.X}"'),
    ("flow, a template first", flow("destination: ${var.url}/a/b, cron: '@daily'"), "5:20", 'quote it: "${var.url}/a/b"'),
    ("flow, a template in an address", flow("destination: https://${var.host}:80/${var.x}, cron: '@daily'"), "5:20", 'quote it: "https://${var.host}:80/${var.x}"'),
    ("flow, a template in a list", flow(f"destination: {URL}, cron: '@daily', labels: [a, b ${{var.x}} c]"), "5:73", 'quote it: "b ${var.x} c"'),
    ("flow, a template in a list in a block", block("cron: '@daily'", "labels: [${var.x}]"), "8:14", 'quote it: "${var.x}"'),
    ("flow, a template over lines", block("cron: '@daily'", "headers: {", "  A: Bearer ${env.X:-y z}", "}"), "9:10", 'quote it: "Bearer ${env.X:-y z}"'),
    ("flow, a template with quotes", flow(f"cron: '@daily', destination: {URL}, body: ${{env.X:-\"a\"}}"), "5:67", "quote it: '${env.X:-\"a\"}'"),
    ("flow, a template with both quotes", flow(f"cron: '@daily', destination: {URL}, body: it's ${{env.X:-\"a\"}}"), "5:67", "quote it: 'it''s ${env.X:-\"a\"}'"),
    ("flow, a template with a backslash", flow(f"cron: '@daily', destination: {URL}, body: a\\d${{env.X}}"), "5:67", "quote it: 'a\\d${env.X}'"),
    ("flow, a workflow's secret", flow(f"cron: '@daily', destination: {URL}, headers: {{A: Bearer ${{{{ secrets.X }}}}, B: c}}"), "5:74", 'quote it: "Bearer ${{ secrets.X }}"'),
    ("flow, a template that is plain", flow(f"cron: '@daily', destination: {URL}, body: ${{env.X|plain}}"), "5:67", 'quote it: "${env.X|plain}"'),
    ("flow, a template in a key", HEAD + "queues: {${var.p}-q: {parallelism: 1}}\n", "4:10", 'quote it: "${var.p}-q"'),
    ("flow, braces of no template", flow(f"cron: '@daily', destination: {URL}, body: a {{b}}"), "5:69", "not valid YAML: expected"),
    ("flow, a literal", flow(f"cron: '@daily', destination: {URL}, body: a$${{b}}"), "5:67", 'quote it: "a$${b}"'),
    ("flow, a token", HEAD + "environments: {e: {token: ${env.T}}}\n", "4:27", 'quote it: "${env.T}"'),
    ("a shell's variable", block("cron: '@daily'", "body: ${X}"), "8:5", "write ${env.X} or ${var.X}"),
    ("true in a header", block("cron: '@daily'", "headers: {X-Debug: true}"), "8:15", 'quote it: "true"'),
    ("a version in a header", block("cron: '@daily'", "headers: {X-V: 1.10}"), "8:15", 'quote it: "1.10"'),
    ("false as a label", block("cron: '@daily'", "labels: [False]"), "8:14", 'quote it: "false"'),
    ("true as a body", block("cron: '@daily'", "body: true"), "8:5", 'quote it: "true"'),
    ("a list of schedules", HEAD + "schedules:\n  - cron: '@daily'\n", "4:1", "schedules: {NAME: …}"),
    ("AWS", block("cron: 0 12 ? * 2 *"), "7:5", "write '0 12 * * 1'"),
    ("a time of day", block("cron: 09:00"), "7:5", "write '0 9 * * *'"),
    ("midnight", block("cron: '0 24 * * *'"), "7:5", "hour: 24 is out of range 0-23; midnight is 0"),
    ("yes", block("cron: '@daily'", "paused: yes"), "8:5", "write true"),
    ("On", block("cron: '@daily'", "paused: On"), "8:5", "write true"),
    ("no", block("cron: '@daily'", "protect: no"), "8:5", "write false"),
    ("off in a queue", HEAD + "queues:\n  q: {paused: off}\n", "5:7", "write false"),
    ("0", block("cron: '@daily'", "identify: 0"), "8:5", "write false"),
    ("true in quotes", block("cron: '@daily'", "paused: 'True'"), "8:5", "write true, without quotes"),
    ("yes in the defaults", "version: 1\nnamespace: n\ndefaults:\n  paused: yes\n", "4:3", "write true"),
    ("yes at the top", HEAD + "allow_private: yes\n", "4:1", "write true"),
    ("a flow-control key alone", block("cron: '@daily'", "flow_control: openai:gpt"), "8:5", "write {key: openai:gpt}"),
    ("a strategy alone", block("cron: '@daily'", "dst: auto"), "8:5", "write {strategy: auto}"),
    ("another policy alone", block("cron: '@daily'", "dst: skip"), "8:5", "write {gap: skip}"),
    ("a plan alone", HEAD + "limits: payg\n", "4:1", "write {plan: payg}"),
    ("a path in a group", HEAD + "url_groups: {g: {endpoints: [/x]}}\n", "4:30", "write the whole address"),
    ("a flag alone", HEAD + "environments: {e: {overrides: {queues: {q: paused}}}}\nqueues: {q: {}}\n", "4:41", "write {paused: true}"),
    ("a key that is no flag", HEAD + "environments: {e: {overrides: {queues: {q: parallelism}}}}\nqueues: {q: {}}\n", "4:41", "its keys: only, except, parallelism, paused"),
    ("a word that two keys take", HEAD + "limits: none\n", "4:1", "its keys: plan, max_deletes, max_delete_percent"),
    ("what no key takes alone", block("cron: '@daily'", "flow_control: a b"), "8:5", "its keys: key, parallelism, rate, period"),
    ("patterns alone", HEAD + "owns: mails\n", "4:1", "its keys: url_groups, queues, flow_controls"),
    ("a number in place of a mapping", block("cron: '@daily'", "flow_control: 5"), "8:5", "its keys: key, parallelism, rate, period"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "text", "place", "hint"), CASES, ids=ids(CASES))
def test_the_hint_stands_at_the_place(_id: str, text: str, place: str, hint: str) -> None:
    environment = "e" if "environments: {e: {overrides" in text else None
    told = messages(text, environment=environment)
    found = [message for message in told if message.startswith(f"q.yaml:{place}: ")]
    assert found, told
    assert any(hint in message for message in found), found


def test_none_of_ours_is_not_advised_beside_what_may_be_ours() -> None:
    """Who follows the advice would plan the delete of all."""
    for section, entry in (("schedules", "{url_group: g}"), ("queues", "{paused: false}")):
        told = messages(HEAD + f"{section}:\na: {entry}\n")
        assert not any("{}" in message for message in told), told


ALONE = [
    case for case in CASES if case[0].startswith(("flow", "bare", "two", "a workflow", "true"))
]


@pytest.mark.parametrize(("_id", "text", "place", "hint"), ALONE, ids=ids(ALONE))
def test_one_mistake_is_told_once(_id: str, text: str, place: str, hint: str) -> None:
    assert len(messages(text)) == 1


KEYS = {
    "url": "destination", "path": "destination", "schedule": "cron", "expression": "cron",
    "tz": "timezone", "scheduleId": "id", "enabled": "paused", "suspend": "paused",
    "topic": "url_group", "payload": "body", "json": "body", "flowControl": "flow_control",
    "failureCallback": "failure_callback", "contentType": "content_type", "environments": "only",
}  # fmt: skip


@pytest.mark.parametrize(("theirs", "ours"), KEYS.items())
def test_a_key_of_elsewhere_gets_its_name_here(theirs: str, ours: str) -> None:
    (found,) = messages(block("cron: '@daily'", f"{theirs}: x"))
    assert found.startswith(f"q.yaml:8:5: schedules.a.{theirs}: unknown key | ")
    assert ours in found.partition(" | ")[2]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("jobs", "schedules"),
        ("crons", "schedules"),
        ("topics", "url_groups"),
        ("variables", "vars"),
    ],
)
def test_a_section_of_elsewhere_gets_its_name_here(theirs: str, ours: str) -> None:
    (found,) = messages(HEAD + f"{theirs}: {{}}\n")
    assert f"write {ours}:" in found


def test_what_cannot_be_compiled_is_told_at_its_cron() -> None:
    text = block("cron: '30 2 * * *'", "timezone: Europe/Berlin", "dst: {strategy: native}")
    ran = cli("validate", "-f", "-", stdin=text)
    assert ran.code == 1, ran
    assert ran.err.startswith("<stdin>:7:5: error: schedules.a.cron: ")


def test_a_long_file_gets_the_hint_of_a_template_in_braces_too() -> None:
    """It is read by libyaml alone."""
    text = flow(f"destination: {URL}, headers: {{A: Bearer ${{env.X}}}}") + "#\n" * 200_000
    (found,) = messages(text)
    assert 'quote it: "Bearer ${env.X}"' in found
