"""What many schedules share, once: `defaults` and `base_url`.

A value goes to the defaults where three schedules or more have it and the file gets shorter: those
without it must say so, with QStash's own default or null. What a schedule is about (its address,
what it sends) goes there only where most of them share it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from qstash_sync.adopt.entries import JSON, Settings
from qstash_sync.adopt.secrets import Template
from qstash_sync.model.settings_table import CALLBACKS, MESSAGE

_FEW = 3
_ADDRESSES = ("destination", *CALLBACKS)
_BODIES = frozenset(("body", "body_base64"))
_TARGETS = frozenset(("destination", "url_group"))
# What says which schedule it is, when it fires and whose it is; a pause is one's own, too.
_OWN = frozenset(("cron", "id", "paused", "protect", "identify", "body_base64"))
_SUBJECTS = frozenset(("destination", "url_group", "body"))
_QSTASHS = {row.key: row for row in MESSAGE if row.default is not None}


def base_url(schedules: Sequence[Settings]) -> str | None:
    """The origin that most addresses have, if three schedules or more have it."""
    counts: Counter[str] = Counter()
    for settings in schedules:
        found = (_origin(settings.get(key)) for key in _ADDRESSES)
        counts.update({origin for origin in found if origin})
    origin, count = max(counts.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    return origin if count >= _FEW else None


def _origin(address: Any) -> str | None:
    """Scheme and host of an address with a path."""
    first = address.parts[0] if isinstance(address, Template) else None
    if not isinstance(first, str):
        return None
    scheme, _, rest = first.partition("://")
    host, slash, _ = rest.partition("/")
    return f"{scheme}://{host}" if slash and not set(host) & set("?#") else None


def below(schedules: Iterable[Settings], origin: str) -> list[Settings]:
    """The schedules with paths in place of the addresses below an origin."""
    return [
        {
            key: value.without(origin)
            if key in _ADDRESSES and isinstance(value, Template) and value.starts_with(f"{origin}/")
            else value
            for key, value in settings.items()
        }
        for settings in schedules
    ]


def factored(
    schedules: Sequence[Settings], without: Collection[str] = ()
) -> tuple[Settings, list[Settings]]:
    """The defaults, and what the schedules say beside; without: keys that stay where they are."""
    defaults: Settings = {}
    found = [dict(settings) for settings in schedules]
    keys = {key for settings in found for key in settings} - _OWN - set(without)
    for key in sorted(keys - {"headers", "dst"}):
        shared = _shared(key, found)
        if shared is not None:
            defaults[key] = shared
            for settings in found:
                _overridden(key, settings, shared)
    if "headers" in keys and (headers := _shared_headers(found)):
        defaults["headers"] = headers
    if "dst" in keys and (dst := _shared_dst(found)):
        defaults["dst"] = dst
    for settings in found:
        _drop_what_follows(settings, defaults)
    return defaults, found


def _overridden(key: str, settings: Settings, default: Any) -> None:
    """What a schedule says beside a default: nothing, its own, or that it has none."""
    if settings.get(key) == default:
        del settings[key]
    elif key not in settings and not _is_replaced(key, settings):
        row = _QSTASHS.get(key)
        settings[key] = None if row is None else row.default


def _is_replaced(key: str, settings: Settings) -> bool:
    """Whether another setting of the schedule takes the place of a default anyway."""
    group = next((group for group in (_BODIES, _TARGETS) if key in group), frozenset())
    return any(other in settings for other in group)


def _shared(key: str, schedules: Sequence[Settings]) -> Any:
    """The value that is worth a default; None where there is none."""
    having = [settings[key] for settings in schedules if key in settings]
    value, count = _most_frequent(having)
    lacking = [s for s in schedules if key not in s and not _is_replaced(key, s)]
    if count < _FEW or (key in _SUBJECTS and 2 * count < len(schedules)):
        return None
    lines = count
    if key == "content_type":  # that of a mapping takes no line as it is
        lines -= sum(map(_implies_json, schedules))
    return value if _saves(lines, len(lacking)) else None


def _saves(lines: int, lacking: int) -> bool:
    """Whether a default is worth it: what must say that it lacks it is harder to read."""
    return lines - 1 - 2 * lacking > 0


def _implies_json(settings: Mapping[str, Any]) -> bool:
    """Whether the body of a schedule brings the content type along that it has."""
    return isinstance(settings.get("body"), dict | list) and settings.get("content_type") == JSON


def _drop_what_follows(settings: Settings, defaults: Settings) -> None:
    """A content type that the body brings along is not said, unless a default says another."""
    if _implies_json(settings) and "content_type" not in defaults:
        del settings["content_type"]


def _most_frequent(values: Sequence[Any]) -> tuple[Any, int]:
    """The first of the most frequent values, and how often it is there."""
    counts = Counter(map(_hashable, values))
    best = max(counts.values(), default=0)
    return next((v for v in values if counts[_hashable(v)] == best), None), best


def _hashable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return ("mapping", *((key, _hashable(item)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        return ("list", *map(_hashable, value))
    return type(value).__name__, value


def _shared_headers(schedules: Sequence[Settings]) -> Settings:
    """Headers merge by name: each is shared or not by itself."""
    shared: Settings = {}
    names = {name for settings in schedules for name in settings.get("headers", ())}
    for name in sorted(names):
        with_headers = [settings.get("headers", {}) for settings in schedules]
        value, count = _most_frequent([h[name] for h in with_headers if name in h])
        lacking = sum(name not in headers for headers in with_headers)
        if count < _FEW or not _saves(count, lacking):
            continue
        shared[name] = value
        for settings in schedules:
            own = dict(settings.get("headers", {}))
            if own.get(name) == value:
                del own[name]
            else:
                own.setdefault(name, None)
            settings["headers"] = own
            if not own:
                del settings["headers"]
    return shared


def _shared_dst(schedules: Sequence[Settings]) -> Settings:
    """`dst` merges by key: it is shared where no schedule has one that lacks a key of it."""
    value, count = _most_frequent([s["dst"] for s in schedules if "dst" in s])
    lacking = [settings for settings in schedules if "dst" not in settings]
    others = [s["dst"] for s in schedules if s.get("dst", value) != value]
    if count < _FEW or not _saves(count, len(lacking)):
        return {}
    if any(not value.keys() <= other.keys() for other in others):
        return {}
    for settings in schedules:
        _overridden("dst", settings, value)
    return dict(value)
