"""A finding: a diagnostic whose code is in the table of lint."""

from collections.abc import Iterable
from dataclasses import replace

from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.lint import BY_CODE, Code
from qstash_sync.model.resources import FlowControl, Queue, Schedule, UrlGroup

Resource = Schedule | UrlGroup | Queue | FlowControl
_SECTIONS = {
    Schedule: "schedules",
    UrlGroup: "url_groups",
    Queue: "queues",
    FlowControl: "flow_controls",
}


def finding(
    code: Code,
    resource: Resource | None,
    fact: str,
    hint: str,
    *field: str,
) -> Diagnostic:
    """What a rule has found in a setting of a resource; None: in all of them together."""
    path = () if resource is None else (_SECTIONS[type(resource)], resource.name, *field)
    return Diagnostic(
        severity=BY_CODE[code].severity,
        code=code,
        message=fact,
        path=path,
        location=resource.location if resource else None,
        hint=hint,
    )


def shared(found: Diagnostic, resources: Iterable[Resource]) -> Diagnostic:
    """The same as a finding about several resources: it counts if any of them has changed."""
    named = dict.fromkeys((_SECTIONS[type(one)], one.name) for one in resources)
    return replace(found, shared_by=tuple(named))
