"""docs/lint.md is the table of lint, as a page; QSTASH_SYNC_DOCS=write renews it."""

import os
from pathlib import Path

from qstash_sync.model.lint import RULES, Rule

PAGE = Path(__file__).parents[2] / "docs" / "lint.md"
HEAD = """\
# Lint: what a right file can still get wrong

`qstash-sync validate` tells what it finds in a file, `plan` what it finds in the resources that it creates or changes. A
finding is a warning, or a note that `validate -v` shows; each has a code:

```yaml
lint:
  disable: [peak_minute]              # never told
  error: [no_failure_callback]        # stops plan and apply, and fails validate
schedules:
  nightly:
    lint: {disable: [clock_change], until: 2027-01-31}   # for this schedule, and for a while
```

A schedule's own word goes before the file's; it can stand in `defaults`, too, and is about what is found of a schedule: not about
`peak_minute`, `daily_messages` or `queue_parallelism`. An unknown code is an error, and so is one in `disable` and in `error`, or `until`
without `disable`. `until` is a day of UTC, whatever the zone of the schedule: one day for the whole file, on each machine.

What is found of a flow-control key is about all schedules that use it: a plan tells it if any of them changes, or the key, or a URL
group that they call. A schedule that disables it is left out of it; one that makes an error of it makes an error of the whole.

- `validate --fail-on error|warning|none` (default: `error`) exits with 2 if a finding is as heavy as that.
- `plan` and `apply` take the same option: a finding as heavy as that, in what they create or change, stops them with 3, before anything is
  written. What stays as it is stops nothing, and a saved plan is not judged again.

What schedules send together (`peak_minute`, `daily_messages`, `slow_drain`) is counted for the coming eight days. With a day of the month or a
month in a cron, the eight days are also counted that begin before the day of the coming year with the most messages, and before that
on which the most schedules fire. What a plan says of an account's daily messages is of the coming eight days alone: the parts of a
schedule that it holds are renewed within the year.

No findings, and so without a code: a schedule that will need more parts on a later day of the coming year than `dst.max_parts`, and an account
that will be full then. Both are warnings, of `validate` and of a plan that changes a schedule; what is too much today is an error.

Whether a handler verifies QStash's signature cannot be seen from a configuration, so it is no rule. Check there: the signature
is verified in every handler, callbacks too; over the raw body, not one that was parsed and written again; with both keys, so that they can be
rotated; and against the address that QStash called, where a proxy has changed it.

| code | | finds |
| --- | --- | --- |
"""


def page() -> str:
    rows = [f"| [`{r.code}`](#{r.code}) | {_weight(r)} | {r.finds} |" for r in RULES]
    return HEAD + "\n".join([*rows, "", *(_section(rule) for rule in RULES)])


def _weight(rule: Rule) -> str:
    return "note" if rule.severity == "info" else str(rule.severity)


def _section(rule: Rule) -> str:
    handler = f"\n\n*In the handler:* {rule.handler}" if rule.handler else ""
    return f"## {rule.code}\n\nFinds {rule.finds}. {rule.reason}\n\n{rule.remedy}{handler}\n"


def test_the_page_is_the_table() -> None:
    if os.environ.get("QSTASH_SYNC_DOCS") == "write":
        PAGE.write_text(page())
    assert PAGE.read_text() == page()
