"""The use case of an incident: pause or resume what a glob names, and read it back."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from qstash_sync.errors import AccountError
from qstash_sync.model.resources import Live
from qstash_sync.model.steps import PauseSchedule
from qstash_sync.plan import pausing
from qstash_sync.plan.pausing import Selection, Toggle, Wish


class Account(Protocol):
    """What is needed of a client."""

    def read(self, kinds: set[str]) -> Live:
        """List the given kinds."""

    def write(self, step: PauseSchedule) -> None:
        """Send one write."""


class Status(StrEnum):
    """What became of a schedule: done is what the account says, not what we sent."""

    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A schedule that was not yet as wanted, and what became of it."""

    toggle: Toggle
    status: Status
    message: str = ""


def look(client: Account, wish: Wish) -> Selection:
    """Read the account, one GET, and pick what is meant."""
    return pausing.select(wish, client.read({"schedules"}).schedules or ())


def carry_out(
    client: Account, wish: Wish, found: Selection, *, parallelism: int = 8
) -> tuple[Outcome, ...]:
    """Write all parts that differ, side by side, then judge by what the account shows.

    A write that failed but took effect is done; one that was accepted and did not is unverified.
    """
    steps = [step for toggle in found.toggles for step in toggle.steps]
    failures = _write(client, steps, parallelism)
    if not steps:
        return tuple(_refused(toggle) for toggle in found.toggles if toggle.foreign)
    try:
        after = {toggle.id: toggle for toggle in look(client, wish).toggles}
    except AccountError as error:
        return tuple(
            _unread(toggle, failures, str(error)) for toggle in found.toggles if not toggle.idle
        )
    judged = [_judge(toggle, after.get(toggle.id), failures) for toggle in found.toggles]
    known = {toggle.id for toggle in found.toggles}
    judged += [_appeared(toggle) for key, toggle in after.items() if key not in known]
    return tuple(sorted((o for o in judged if o), key=lambda outcome: outcome.toggle.id))


def _write(client: Account, steps: Sequence[PauseSchedule], parallelism: int) -> dict[str, str]:
    """Send the writes; the failed ones by the id of their part."""

    def send(step: PauseSchedule) -> str:
        try:
            client.write(step)
        except AccountError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(max_workers=parallelism) as pool:
        answers = list(pool.map(send, steps))  # which starts nothing more after an interrupt
    return {step.id: answer for step, answer in zip(steps, answers, strict=True) if answer}


def _judge(before: Toggle, after: Toggle | None, failures: dict[str, str]) -> Outcome | None:
    """The outcome of one schedule; None for one that was and is as wanted."""
    wrong = list(_wrong(before, after))
    if not wrong:
        if before.idle:
            return None
        return _refused(before) if before.foreign else Outcome(toggle=before, status=Status.DONE)
    failed = _failure(before, failures)
    return failed or Outcome(toggle=before, status=Status.UNVERIFIED, message=", ".join(wrong))


def _wrong(before: Toggle, after: Toggle | None) -> Iterator[str]:
    """The parts that are not as wanted: those that are gone, and those in the other state."""
    there = {part.id: part for part in after.parts} if after else {}
    for part in before.parts:
        if part.id not in there:
            yield f"{part.id} is gone"
    for part in there.values():
        if part.paused != before.paused:
            yield f"{part.id} is {'paused' if part.paused else 'active'}"


def _failure(toggle: Toggle, failures: dict[str, str]) -> Outcome | None:
    failed = [part.id for part in toggle.parts if part.id in failures]
    if not failed:
        return None
    message = f"{failed[0]}: {failures[failed[0]]}"
    if len(failed) > 1:
        message += f" (and {len(failed) - 1} more of {len(toggle.parts)} parts)"
    return Outcome(toggle=toggle, status=Status.FAILED, message=message)


def _unread(toggle: Toggle, failures: dict[str, str], why: str) -> Outcome:
    message = f"cannot be read back: {why}"
    unverified = Outcome(toggle=toggle, status=Status.UNVERIFIED, message=message)
    return _failure(toggle, failures) or unverified


def _refused(toggle: Toggle) -> Outcome:
    message = (
        f"{toggle.id} has no mark of ours: it is the application's own, or somebody has "
        f"overwritten it; stop it in the console, or take it over with apply --adopt {toggle.name}"
    )
    return Outcome(toggle=toggle, status=Status.REFUSED, message=message)


def _appeared(toggle: Toggle) -> Outcome | None:
    """A schedule that was not there before the writes."""
    if toggle.idle:
        return None
    message = "appeared meanwhile; run this again"
    return Outcome(toggle=toggle, status=Status.UNVERIFIED, message=message)
