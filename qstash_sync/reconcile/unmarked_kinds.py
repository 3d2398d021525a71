"""The kinds that carry no mark: URL groups, queues and flow-control keys, known by their names."""

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from qstash_sync.model import ignorable
from qstash_sync.model.change import Action, Change, FieldChange, Reason, Takes, pause_field
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import (
    Desired,
    FlowControl,
    Kind,
    Live,
    LiveFlowControl,
    LiveQueue,
    LiveUrlGroup,
    Queue,
    UrlGroup,
)
from qstash_sync.model.steps import (
    DeleteQueue,
    DeleteUrlGroup,
    PauseFlowControl,
    PinFlowControl,
    PutQueue,
    SettleUrlGroup,
    Step,
    UnpinFlowControl,
)
from qstash_sync.reconcile import canonical, diff, ignored
from qstash_sync.reconcile.compared import Compared, Comparison, Within
from qstash_sync.reconcile.pauses import LEFT_SO


def compare(found: Comparison, kind: Kind, desired: Desired, live: Live, within: Within) -> None:
    """Compare one of the kinds whose resources are known by their names alone."""
    wanted, there, owned = {
        Kind.URL_GROUP: (desired.url_groups, live.url_groups, desired.owns.url_groups),
        Kind.QUEUE: (desired.queues, live.queues, desired.owns.queues),
        Kind.FLOW_CONTROL: (desired.flow_controls, live.flow_controls, desired.owns.flow_controls),
    }[kind]
    if wanted is None:
        return
    left: dict[str, Any] = {resource.name: resource for resource in there or ()}
    for resource in wanted:
        name, stored = resource.name, left.pop(resource.name, None)
        if within is None or (kind, name) in within:
            change = _COMPARERS[kind](ignored.as_live(resource, stored), stored)
            said = left_paused(kind, resource, stored)
            found.compared.append(
                Compared(kind=kind, name=name, id=name, change=change, diagnostics=said)
            )
    for name, resource in sorted(left.items()):
        is_owned = any(fnmatchcase(name, pattern) for pattern in owned)
        if is_owned and not desired.declared_by_another((kind, name)):
            change = _removal(kind, resource)
            if change and (within is None or change.key in within):
                found.compared.append(Compared(kind=kind, name=name, id=name, change=change))
        elif kind is not Kind.FLOW_CONTROL:
            found.unmanaged.append((kind, name))


def left_paused(kind: Kind, resource: Any, live: Any) -> tuple[Diagnostic, ...]:
    """What to say of a queue or key that is paused, where the file says nothing of it."""
    asks = getattr(resource, "paused", True) is None and ignorable.PAUSE not in resource.ignore
    if not (asks and live and live.paused):
        return ()
    path, hint = (f"{kind}s", resource.name), "what is sent waits; paused: false resumes it"
    return (
        Diagnostic(
            severity=Severity.INFO,
            code="paused",
            message=LEFT_SO,
            path=path,
            location=resource.location,
            hint=hint,
        ),
    )


def _group(group: UrlGroup, live: LiveUrlGroup | None) -> Change | None:
    view = canonical.of_group(group)
    before = canonical.of_group(live, group) if live else canonical.View({"endpoints": {}}, {})
    changed = diff.compare(before, view, diff.Trust.UNKNOWN)
    if live and not changed:
        return None
    action = Action.UPDATE if live else Action.CREATE
    return _change(Kind.URL_GROUP, group, action, changed, (SettleUrlGroup(group=group),))


def _queue(queue: Queue, live: LiveQueue | None) -> Change | None:
    paused = queue.paused if queue.paused is not None else bool(live and live.paused)
    put = PutQueue(name=queue.name, parallelism=queue.parallelism, paused=paused)
    empty = canonical.View({}, {})
    before = canonical.of_queue(live) if live else empty
    changed = diff.compare(before, canonical.of_queue(queue), diff.Trust.UNKNOWN)
    pause = pause_field(before=live.paused if live else None, after=paused)
    if live is None:
        return _change(Kind.QUEUE, queue, Action.CREATE, (*changed, *pause), (put,))
    return _change_or_pause(Kind.QUEUE, queue, changed, pause, (put,))


def _flow(flow: FlowControl, live: LiveFlowControl | None) -> Change | None:
    empty = canonical.View({}, {})
    before = canonical.of_flow_control(live) if live else empty
    changed = diff.compare(before, canonical.of_flow_control(flow), diff.Trust.UNKNOWN)
    was_paused = live.paused if live else False
    paused = flow.paused if flow.paused is not None else was_paused
    pause = pause_field(before=was_paused, after=paused)
    steps: list[Step] = []
    paths = {change.path for change in changed}
    release = UnpinFlowControl(
        name=flow.name,
        parallelism="parallelism" in paths and flow.parallelism is None,
        rate="rate" in paths and flow.rate is None,
    )
    if release.parallelism or release.rate:
        steps.append(release)
    if paths and (flow.parallelism is not None or flow.rate is not None):
        steps.append(
            PinFlowControl(
                name=flow.name, parallelism=flow.parallelism, rate=flow.rate, period=flow.period
            )
        )
    if pause:
        steps.append(PauseFlowControl(name=flow.name, paused=paused))
    if not steps:
        return None
    if live is None:
        return _change(Kind.FLOW_CONTROL, flow, Action.CREATE, (*changed, *pause), tuple(steps))
    return _change_or_pause(Kind.FLOW_CONTROL, flow, changed, pause, tuple(steps))


_COMPARERS: dict[Kind, Any] = {Kind.URL_GROUP: _group, Kind.QUEUE: _queue, Kind.FLOW_CONTROL: _flow}


def _change(
    kind: Kind,
    resource: Any,
    action: Action,
    changed: tuple[FieldChange, ...],
    steps: tuple[Step, ...],
) -> Change:
    return Change(
        kind=kind,
        name=resource.name,
        id=resource.name,
        action=action,
        reason=Reason.FILE,
        fields=changed,
        steps=steps,
    )


def _change_or_pause(
    kind: Kind,
    resource: Any,
    changed: tuple[FieldChange, ...],
    pause: tuple[FieldChange, ...],
    steps: tuple[Step, ...],
) -> Change | None:
    if not changed and not pause:
        return None
    action = Action.UPDATE if changed else (Action.PAUSE if pause[0].after else Action.RESUME)
    return _change(kind, resource, action, (*changed, *pause), steps)


def _removal(kind: Kind, live: Any) -> Change | None:
    steps: tuple[Step, ...]
    if kind is Kind.URL_GROUP:
        steps, takes = (DeleteUrlGroup(name=live.name),), Takes(endpoints=len(live.endpoints))
    elif kind is Kind.QUEUE:
        steps, takes = (DeleteQueue(name=live.name),), Takes(waiting=live.lag)
    else:  # a key cannot be deleted
        pinned = live.parallelism is not None, live.rate is not None
        if not any(pinned):
            return None
        steps = (UnpinFlowControl(name=live.name, parallelism=pinned[0], rate=pinned[1]),)
        takes = Takes(unpins=True)
    return replace(_change(kind, live, Action.DELETE, (), steps), notes=(takes,))
