"""Who is called by what a file declares: each address once, its methods and its user. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from qstash_sync.model.resources import Desired, Text, is_known, plain
from qstash_sync.record import record

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Host:
    """Where connections go."""

    name: str
    port: int
    encrypted: bool

    def __str__(self) -> str:
        usual = _PORTS["https" if self.encrypted else "http"]
        return self.name if self.port == usual else f"{self.name}:{self.port}"


@record(kw_only=True)
class Address:
    """One address that is called, and how; used_by: the path of the first setting that says so.

    shown: as it may be seen, what is secret in it masked.
    """

    url: str
    shown: str
    methods: frozenset[str]
    used_by: str
    host: Host

    @property
    def is_read(self) -> bool:
        """Whether some call of it is one that a probe could be taken for."""
        return bool(self.methods & {"GET", "HEAD"})

    @property
    def is_posted(self) -> bool:
        """Whether some call of it is what a false signature is sent with."""
        return "POST" in self.methods


def addresses(desired: Desired) -> tuple[Address, ...]:
    """All of them, in the order of the file; of a secret that is not known nobody can say one."""
    found: dict[tuple[Host, str, str], Address] = {}
    for text, method, used_by in _calls(desired):
        host = _host(text)
        if host is None:
            continue
        url = plain(text)
        parts = urlsplit(url)
        same = host, parts.path or "/", parts.query  # as a request has them
        one = found.setdefault(
            same,
            Address(url=url, shown=str(text), methods=frozenset(), used_by=used_by, host=host),
        )
        found[same] = replace(one, methods=one.methods | {method})
    return tuple(found.values())


def _calls(desired: Desired) -> Iterator[tuple[Text, str, str]]:
    """Each address with the method and the path of the setting."""
    through: dict[str, list[str]] = {}  # the methods that the schedules of each group have
    for schedule in desired.schedules or ():
        message, path = schedule.message, f"schedules.{schedule.name}"
        if schedule.to_group:
            through.setdefault(str(message.destination), []).append(message.method)
        else:
            yield message.destination, message.method, path
        for key, callback in (
            ("callback", message.callback),
            ("failure_callback", message.failure_callback),
        ):
            if callback:
                yield callback.url, callback.method, f"{path}.{key}"
    for group in desired.url_groups or ():
        for endpoint in group.endpoints:
            for method in through.get(group.name, ["POST"]):
                yield endpoint.url, method, f"url_groups.{group.name}"


def _host(text: Text) -> Host | None:
    if not is_known(text):
        return None
    try:
        parts = urlsplit(plain(text))
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not name or parts.scheme not in _PORTS:
        return None
    encrypted = parts.scheme == "https"
    return Host(name=name, port=port or _PORTS[parts.scheme], encrypted=encrypted)
