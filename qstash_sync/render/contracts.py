"""The documents of `--format json` as JSON Schemas: what a program may rely on.

Consumers let keys pass that they do not know: more can come with any version. What is here stays:
a key keeps its name, its type and its meaning as long as `format_version` is the same.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from qstash_sync.applying.outcomes import Status as Outcome
from qstash_sync.crons.compile import Strategy
from qstash_sync.crons.gap_and_fold import Fold, Gap
from qstash_sync.health.check import Subject
from qstash_sync.model.change import Action, Origin, Reason
from qstash_sync.model.diagnostics import Severity
from qstash_sync.model.resources import Kind
from qstash_sync.planning.drift import Status
from qstash_sync.render.json import FORMAT_VERSION
from qstash_sync.timeline.explained import Verdict

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
TRUTH: Schema = {"type": "boolean"}
ANYTHING: Schema = {}
INSTANT: Schema = {
    "type": "string",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$",
    "description": "ISO 8601 in UTC, to the second.",
}
LOCAL: Schema = {
    "type": "string",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:\d\d)?$",
    "description": "ISO 8601 in a schedule's zone; without an offset where the time may not exist.",
}


def told(schema: Schema, description: str) -> Schema:
    """With what it means."""
    return {**schema, "description": description}


def maybe(schema: Schema) -> Schema:
    """Or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def several(item: Schema) -> Schema:
    """A list of them."""
    return {"type": "array", "items": item}


def one_of(words: type[StrEnum] | Iterable[str]) -> Schema:
    """One of a few words."""
    return {"enum": [str(word) for word in words]}


def record(keys: Mapping[str, Schema], sometimes: Mapping[str, Schema] | None = None) -> Schema:
    """An object with keys that are always there, and others that are not."""
    return {
        "type": "object",
        "properties": {**keys, **(sometimes or {})},
        "required": list(keys),
    }


# ---------------------------------------------------------------- what documents share

REQUESTS = told(record({"read": COUNT, "write": COUNT}), "Requests sent to QStash.")
DIAGNOSTIC = record(
    {
        "code": told(TEXT, "What kind of message it is: the same for each of its kind."),
        "severity": one_of(Severity),
        "message": told(TEXT, "For people: may be worded otherwise in any version."),
        "hint": told(TEXT, "The way out; empty where there is none."),
        "file": maybe(TEXT),
        "line": maybe(COUNT),
        "column": maybe(COUNT),
    }
)
COUNTS = dict.fromkeys(("create", "update", "delete", "refused"), COUNT)
SUMMARY = record({**COUNTS, "unchanged": COUNT, "unmanaged": COUNT})
FIELD = record(
    {
        "path": told(TEXT, "The setting, as in headers.X-Team."),
        "before": told(ANYTHING, "Null: absent, or not to be shown."),
        "after": ANYTHING,
    },
    {"note": TEXT},
)
NAMED = {
    "kind": one_of(Kind),
    "name": TEXT,
    "id": told(TEXT, "Of a schedule its first part's; of what has none, the name."),
    "action": one_of(Action),
    "reason": one_of(Reason),
}
TIME = record({"cron": TEXT, "timezone": TEXT})
CHANGE = record(
    {**NAMED, "fields": several(FIELD)},
    {
        "origin": told(one_of(Origin), "With a base: whose it is."),
        "notes": several(TEXT),
        "wanted": told(record({"before": maybe(TIME), "after": maybe(TIME)}), "In local time."),
        "firings": record(
            {
                "days": COUNT,
                "moved": COUNT,
                "added": COUNT,
                "removed": COUNT,
                "moved_otherwise": COUNT,
                "moved_by_minutes": maybe(NUMBER),
                "doubled": COUNT,
                "first_before": maybe(INSTANT),
                "first_after": maybe(INSTANT),
            }
        ),
        "takes": told(
            record(
                {
                    "crons": several(TEXT),
                    "local": maybe(TEXT),
                    "destination": TEXT,
                    "paused": TRUTH,
                    "next_firing": maybe(INSTANT),
                    "last_firing": maybe(INSTANT),
                }
            ),
            "What a delete takes away.",
        ),
        "pauses_all": TRUTH,
        "refused": told(TEXT, "Why it is not made, and the way out."),
        "outcome": told(one_of(Outcome), "After an apply."),
        "message": TEXT,
        "facts": several(TEXT),
    },
)
_ENDS = {
    "warnings": several(DIAGNOSTIC),
    "errors": told(several(DIAGNOSTIC), "Empty where all went well."),
    "requests": REQUESTS,
}
_PLAN = {
    "environment": maybe(TEXT),
    "namespace": TEXT,
    "tzdata": told(TEXT, "The version of the zone data, as in 2026f."),
    "summary": SUMMARY,
    "changes": several(CHANGE),
    "rows": told(
        record({"before": COUNT, "after": COUNT, "allowed": maybe(COUNT)}),
        "Schedules in the account, as QStash counts them.",
    ),
    "messages_a_day": maybe(record({"before": COUNT, "after": COUNT, "allowed": COUNT})),
    "left": told(COUNT, "Changes that have another reason than --only asks for."),
    "left_out": told(several(record(NAMED)), "What --target and --exclude leave out."),
    "summary_left_out": record(COUNTS),
    "ignored": several(record({"kind": one_of(Kind), "name": TEXT, "fields": several(TEXT)})),
    "managed": told(several(one_of(Kind)), "The kinds that the files have a section of."),
    "unmanaged": several(
        record(
            {
                "kind": one_of(Kind),
                "name": TEXT,
                "cron": maybe(TEXT),
                "destination": maybe(TEXT),
                "marked": told(maybe(TEXT), "The name behind a mark of ours."),
                "orphan": told(TRUTH, "Of an environment that the files do not have."),
                "endpoints": maybe(COUNT),
                "waiting": maybe(COUNT),
            }
        )
    ),
    **_ENDS,
}
_ACCOUNT = {
    "account": told(
        maybe(
            record({"url": TEXT, "user": maybe(TEXT), "address_by": maybe(TEXT), "token_by": TEXT})
        ),
        "Which it is about, and what says so; null: a local one.",
    ),
}
_PLAN_SOMETIMES = {
    **_ACCOUNT,
    "saved": told(maybe(TEXT), "With --save: the file, or null where it was not written."),
    "unapproved": told(several(record(NAMED)), "After an apply: what came up meanwhile."),
}
_FAILED = record(
    {"summary": SUMMARY, "changes": {"type": "array", "maxItems": 0}, **_ENDS},
    {
        "moved": told(
            several(
                record(
                    {
                        **NAMED,
                        "why": TEXT,
                        "fields": several(
                            record({"path": TEXT, "approved": maybe(FIELD), "now": maybe(FIELD)})
                        ),
                    }
                )
            ),
            "Of a saved plan that no longer holds.",
        )
    },
)
RULE = record({"local": LOCAL, "policy": TEXT, "chosen": TRUTH})

# ---------------------------------------------------------------- each command's own

_WRONG = dict.fromkeys(("missing", "extra", "doubled"), COUNT)
_SCHEDULE = record(
    {
        "name": told(maybe(TEXT), "Null: a cron of the command line."),
        "cron": {"anyOf": [TEXT, several(TEXT)]},
        "timezone": TEXT,
        "gap": maybe(one_of(Gap)),
        "fold": maybe(one_of(Fold)),
        "requested": one_of(Strategy),
        "strategy": one_of(Strategy),
        "reason": told(TEXT, "Why `auto` chose; else empty."),
        "parts": told(several(TEXT), "The UTC crons that QStash stores, in order."),
        "parts_detail": several(record({"cron": TEXT, "serves": TEXT, "offsets": several(NUMBER)})),
        "valid_from": INSTANT,
        "valid_until": told(maybe(INSTANT), "Null: for ever."),
        "renew_at": maybe(INSTANT),
        "proof": record({"firings": COUNT, **_WRONG}),
        "transitions": several(
            record({"at": INSTANT, "offset_before": NUMBER, "offset_after": NUMBER})
        ),
        "next_firings": several(record({"local": LOCAL, "utc": INSTANT})),
        "after_the_end": record({**_WRONG, "first": maybe(INSTANT)}),
        "warnings": several(TEXT),
    }
)
_STATUS = record(
    {
        "kind": one_of(Kind),
        "name": TEXT,
        "status": one_of(Status),
        "grade": one_of(("information", "warning", "difference", "error")),
        "origin": maybe(one_of(Origin)),
        "owner": maybe(TEXT),
        "runbook": maybe(TEXT),
        "facts": several(record({"grade": TEXT, "code": TEXT, "message": TEXT})),
    }
)
_DRIFT = {
    **_PLAN,
    "differences": told(COUNT, "How many there are; 0: exit code 0."),
    "attention": several(DIAGNOSTIC),
    "status": several(_STATUS),
}
_NEXT = {
    "start": INSTANT,
    "until": told(maybe(INSTANT), "Null: as many as --count says, however far."),
    "firings": several(
        record(
            {
                "name": TEXT,
                "id": TEXT,
                "at": INSTANT,
                "local": LOCAL,
                "timezone": TEXT,
                "rule": told(maybe(RULE), "Of a clock change that put it where it is."),
                "delay": told(COUNT, "Seconds until it is delivered."),
            }
        )
    ),
    "clock_changes": several(
        record({"timezone": TEXT, "at": INSTANT, "offset_before": NUMBER, "offset_after": NUMBER})
    ),
    "more": told(COUNT, "Firings that --count leaves out."),
    "paused": told(several(TEXT), "Schedules that the file pauses."),
    **_ENDS,
}
_LOAD = record(
    {
        "days": COUNT,
        "messages": COUNT,
        "busiest_day": TEXT,
        "messages_of_busiest_day": COUNT,
        "worst_of_busiest_day": COUNT,
        "plan": maybe(TEXT),
        "allowed_a_day": maybe(COUNT),
        "peak_minute": maybe(INSTANT),
        "messages_at_peak": COUNT,
        "of_peak": several(record({"name": TEXT, "messages": COUNT})),
        "uncounted_url_groups": several(TEXT),
    }
)
_RETRY = record({"number": COUNT, "of": INSTANT, "due": INSTANT})
_EXPLAIN = {
    "verdict": one_of(Verdict),
    "why": several(TEXT),
    "name": TEXT,
    "id": TEXT,
    "at": told(maybe(INSTANT), "The time that was asked for."),
    "local": told(maybe(LOCAL), "The same as it was written, where it was local."),
    "location": maybe(TEXT),
    "wanted": several(record({"at": INSTANT, "local": LOCAL})),
    "rule": maybe(RULE),
    "firing": maybe(INSTANT),
    "retry": maybe(_RETRY),
    "also": told(several(_RETRY), "Retries of other firings that are due at the same second."),
    "retries": maybe(several(INSTANT)),
    "other": told(
        maybe(record({"id": TEXT, "name": maybe(TEXT), "location": maybe(TEXT)})),
        "A schedule that calls the same address at that time.",
    ),
    "holder": told(
        maybe(record({"kind": one_of(Kind), "name": TEXT, "waiting": maybe(COUNT)})),
        "A queue or flow-control key that is paused, and holds its messages back.",
    ),
    "live": maybe(record({"id": TEXT, "cron": TEXT})),
    "parts": several(record({"id": TEXT, "cron": TEXT, "paused": TRUTH})),
    "differences": several(FIELD),
    "exact_until": maybe(INSTANT),
    "next": record({"expected": maybe(INSTANT), "server": maybe(INSTANT)}),
    "last_run": told(maybe(INSTANT), "As QStash notes it."),
    **_ENDS,
}
_STATUSES = ("ok", Severity.INFO, Severity.WARNING, Severity.ERROR)
_DOCTOR = {
    "summary": record({str(status): COUNT for status in _STATUSES}),
    "checks": several(
        record(
            {
                "subject": one_of(Subject),
                "status": one_of(_STATUSES),
                "message": TEXT,
                "hint": TEXT,
            }
        )
    ),
    **_ENDS,
}
_COMPILE = {"tzdata": TEXT, "schedules": several(_SCHEDULE), **_ENDS}

DOCUMENTS: dict[str, tuple[Mapping[str, Schema], Mapping[str, Schema]]] = {
    "plan": (_PLAN, _PLAN_SOMETIMES),
    "drift": (_DRIFT, _ACCOUNT),
    "apply": (_PLAN, _PLAN_SOMETIMES),
    "compile": (_COMPILE, {}),
    "next": (_NEXT, {"load": _LOAD}),
    "explain": (_EXPLAIN, {}),
    "doctor": (_DOCTOR, {}),
}


def schema(command: str) -> Schema:
    """Of the document of a command, or of the one that it ends in an error with."""
    keys, sometimes = DOCUMENTS[command]
    version = {"format_version": {"const": FORMAT_VERSION}}
    done = record({**version, **keys}, sometimes)
    failed = {**_FAILED, "properties": {**version, **_FAILED["properties"]}}
    failed = {**failed, "required": [*version, *_FAILED["required"]]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"qstash-sync {command} --format json",
        "anyOf": [done, failed],
    }
