"""What an account and its surroundings say of a set-up, once they are read. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import Enum, auto
from fnmatch import fnmatchcase
from hmac import compare_digest
from string import whitespace

from qstash_sync.crons import zones
from qstash_sync.health.check import Check, Subject
from qstash_sync.model import durations
from qstash_sync.model.diagnostics import Severity
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Desired, Kind, Live
from qstash_sync.planning import messages
from qstash_sync.planning.liveness import old_zone_data
from qstash_sync.planning.policy import SKEW
from qstash_sync.planning.quota import usage
from qstash_sync.record import record

_NEAR = 0.9  # of a quota
_AROUND = f"{whitespace}\xa0\ufeff\"'"  # what a copied key, or a file of one, brings along
_LOOK = timedelta(seconds=30)  # between the clocks; from `SKEW` on, apply does not write


class Untold(Enum):
    """Why an account did not tell what it was asked for beside its resources."""

    FORBIDDEN = auto()  # to this token
    UNANSWERED = auto()  # what came was no answer to it
    ABSENT = auto()  # it is not in the answer


_WHY = {
    Untold.FORBIDDEN: "this token may not read",
    Untold.UNANSWERED: "no answer tells",
    Untold.ABSENT: "the account does not tell",
}


@record()
class Keys:
    """Two signing keys; None where there is none."""

    current: str | None = field(default=None, repr=False)
    next: str | None = field(default=None, repr=False)


def access(read: str, *, is_read_only: bool) -> Check:
    """What a token may do: a full one may read the signing keys; nobody tries a write."""
    if is_read_only:
        fact = f"reads {read}; it may not read the signing keys, so it is a read-only one"
        return Check(
            subject=Subject.ACCESS,
            severity=Severity.INFO,
            message=fact,
            hint="enough for plan and drift; apply needs one that may write",
            besides=", but for writes: this token is a read-only one",
        )
    fact = f"reads {read}; whether it may write cannot be told without a write"
    besides = "; whether the token may write was not tried"
    return Check(subject=Subject.ACCESS, message=fact, besides=besides)


def signing_keys(here: Keys, live: Keys | Untold, names: tuple[str, str]) -> Iterator[Check]:
    """The keys in the environment against the live ones; names: of the two variables.

    A delivery is signed with the live current key, after a rotation with the live next one.
    """
    subject, both = Subject.SIGNING_KEYS, " and ".join(names)
    if here.current is None and here.next is None:
        fact = "none here, so none to compare: they belong to the handlers"
        hint = f"set {both} as your handlers have them, to have them compared"
        yield Check(subject=subject, severity=Severity.INFO, message=fact, hint=hint)
        return
    if here.current is None or here.next is None:
        missing = names[0] if here.current is None else names[1]
        fact = f"{missing} is not set: a handler needs both, or a rotation stops it"
        yield Check(
            subject=subject, severity=Severity.WARNING, message=fact, hint=f"set {missing}, too"
        )
    if isinstance(live, Keys) and None in (live.current, live.next):
        live = Untold.ABSENT
    if isinstance(live, Untold):
        fact = f"cannot be compared: {_WHY[live]} the live ones"
        yield Check(subject=subject, severity=Severity.INFO, message=fact)
        return
    yield from _compared(here, live, names)


def _compared(here: Keys, live: Keys, names: tuple[str, str]) -> Iterator[Check]:
    def same(one: str | None, other: str | None) -> bool:
        return one is not None and other is not None and compare_digest(_bytes(one), _bytes(other))

    if same(here.current, here.next):
        fact, hint = f"{names[0]} and {names[1]} hold the same key", "take both from the console"
        yield Check(subject=Subject.SIGNING_KEYS, severity=Severity.ERROR, message=fact, hint=hint)
        return
    current, following = same(here.current, live.current), same(here.next, live.next)
    swapped = same(here.current, live.next), same(here.next, live.current)
    hint = "take both from the console, and deploy them to every handler"
    severity: Severity | None = Severity.ERROR
    if current and following:
        severity, fact, hint = None, "both are the live ones", ""
    elif all(swapped):
        severity = Severity.WARNING
        fact = (
            f"swapped: {names[0]} holds the next key, {names[1]} the current one; what tries both"
        )
        fact += " goes on, what tries the current one alone refuses every delivery"
    elif swapped[1]:
        severity = Severity.WARNING
        fact = "rotated: the live current key is the next one here; after one more rotation every"
        fact += " delivery is refused"
    elif (here.next is None and current) or (here.current is None and following):
        return  # what is here is right; that the other is not set was said
    elif current or here.current is None:  # of a current key that is not here nothing is known
        severity = Severity.WARNING
        fact = f"{names[1]} is not the live next key: after a rotation every delivery is refused"
    elif swapped[0]:
        fact = f"{names[0]} is the live next key: deliveries are refused until the next rotation"
    else:
        one = f"{names[0]} is not" if here.next is None else "neither is"
        fact = f"{one} the live current key: every delivery is refused"
    keys = zip(names, (here.current, here.next), strict=True)
    if odd := [name for name, key in keys if key and key.strip(_AROUND) != key]:
        hint = f"take the spaces, line breaks or quotes around {' and '.join(odd)} away"
    yield Check(subject=Subject.SIGNING_KEYS, severity=severity, message=fact, hint=hint)


def _bytes(key: str) -> bytes:
    """A key as it stands in the environment, whether it is text or not."""
    return key.encode(errors="surrogatepass")


def plan(desired: Desired, parallelism: int | Untold) -> Iterator[Check]:
    """What `limits.plan` says against what the account delivers at once, where it tells that."""
    named = desired.limits.plan
    alike = [name for name, limits in PLANS.items() if limits.parallelism == parallelism]
    if named is None:
        fact = "limits.plan is not written, so no quota is checked"
        known = f"the account delivers {parallelism} at once, as {alike[0]} does" if alike else ""
        hint = f"write limits: {{plan: {alike[0] if alike else '…'}}}"
        text = f"{fact}; {known}" if known else fact
        yield Check(subject=Subject.PLAN, severity=Severity.INFO, message=text, hint=hint)
    elif isinstance(parallelism, Untold):
        fact = f"limits.plan says {named}, not compared: {_WHY[parallelism]} how much is delivered"
        yield Check(subject=Subject.PLAN, severity=Severity.INFO, message=f"{fact} at once")
    elif parallelism != PLANS[named].parallelism:
        fact = f"limits.plan says {named}, which delivers {PLANS[named].parallelism} at once; the"
        fact += f" account delivers {parallelism}"
        hint = f"is it {alike[0]}?" if alike else "it may have limits of its own"
        yield Check(subject=Subject.PLAN, severity=Severity.WARNING, message=fact, hint=hint)
    else:
        yield Check(subject=Subject.PLAN, message=f"{named}, as limits.plan says")


def quotas(desired: Desired, live: Live, now: datetime) -> Iterator[Check]:
    """What is used of the plan's quotas, and what is left."""
    used = usage(desired.limits.plan, live, ())
    for kind in (Kind.SCHEDULE, Kind.URL_GROUP, Kind.QUEUE):
        if getattr(live, f"{kind}s") is not None:
            count, allowed = used[kind].before, used[kind].allowed
            yield _quota(Subject.QUOTA, kind.replace("_", " "), count, allowed)
    a_day = messages.a_day(desired, live, (), now)
    if a_day is not None:
        yield _quota(
            Subject.MESSAGES, "message", a_day.before, a_day.allowed, " on the busiest day"
        )


def _quota(subject: Subject, noun: str, used: int, allowed: int | None, when: str = "") -> Check:
    if allowed is None:
        return Check(subject=subject, message=f"{used:,} {noun}{'s' * (used != 1)}")
    fact = f"{used:,} of {allowed:,} {noun}s{when}, {max(allowed - used, 0):,} left"
    if used < _NEAR * allowed:
        return Check(subject=subject, message=fact)
    severity = Severity.WARNING if used <= allowed else Severity.ERROR
    return Check(
        subject=subject, severity=severity, message=fact, hint="raise the plan, or remove some"
    )


def clock(skew: timedelta | None, *, is_odd: bool) -> Iterator[Check]:
    """This machine's clock against QStash's; skew: how far that one is ahead."""
    subject = Subject.CLOCK
    if is_odd or skew is None:
        fact = "QStash's answers tell no time that could be compared"
        yield Check(subject=subject, severity=Severity.WARNING, message=fact)
        return
    apart = abs(skew)
    seconds = round(apart.total_seconds())
    if seconds <= 1:
        yield Check(subject=subject, message="as QStash's")
        return
    order = "behind" if skew > timedelta() else "ahead of"
    fact = f"{durations.duration(seconds)} {order} QStash's"
    if apart <= _LOOK:
        yield Check(subject=subject, message=fact)
        return
    severity = Severity.ERROR if apart > SKEW else Severity.WARNING
    most = durations.duration(round(SKEW.total_seconds()))
    hint = f"set this machine's clock; from {most} on, apply refuses to write"
    yield Check(subject=subject, severity=severity, message=fact, hint=hint)


def zone_data(now: datetime) -> Iterator[Check]:
    """How old the rules of the clock changes are."""
    version = zones.tzdata_version()
    old = next(old_zone_data(version, now), None)
    if old is None:
        yield Check(subject=Subject.ZONE_DATA, message=version)
    else:
        yield Check(
            subject=Subject.ZONE_DATA, severity=old.severity, message=old.message, hint=old.hint
        )


def globs(desired: Desired, live: Live) -> Iterator[Check]:
    """Patterns of `owns` and `protect` that match nothing: a slip of the pen protects nothing."""
    is_idle = False
    for section in ("owns", "protect"):
        for kind in (Kind.URL_GROUP, Kind.QUEUE, Kind.FLOW_CONTROL):
            names = _names(desired, live, f"{kind}s")
            for pattern in getattr(getattr(desired, section), f"{kind}s"):
                if not any(fnmatchcase(name, pattern) for name in names):
                    is_idle = True
                    fact = f"{section}.{kind}s: {pattern} matches nothing, declared or live"
                    hint = "mend it, or take it out"
                    severity = Severity.WARNING if section == "protect" else Severity.INFO
                    yield Check(subject=Subject.GLOBS, severity=severity, message=fact, hint=hint)
    if not is_idle and (desired.owns, desired.protect) != (type(desired.owns)(),) * 2:
        yield Check(subject=Subject.GLOBS, message="each pattern of owns and protect matches")


def _names(desired: Desired, live: Live, section: str) -> set[str]:
    declared: Mapping[str, None] = dict.fromkeys(
        one.name for side in (desired, live) for one in getattr(side, section) or ()
    )
    return set(declared)
