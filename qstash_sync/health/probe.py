"""Knocking at the doors of those who are called: names, certificates, HEAD, a false signature.

Nothing here runs a handler but the last, which a person has to ask for. Every probe ends within
its time, whatever answers, and follows no redirect: what is asked is the address of the file.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote, urlsplit

from qstash_sync.health.called import Address, Host
from qstash_sync.health.check import Check, Subject
from qstash_sync.model.diagnostics import Severity

TIMEOUT = 5.0  # seconds of one probe
_AT_ONCE = 16
_GRACE = 1.0  # seconds beside, in which a probe may say by itself why it failed
_NO_ANSWER = f"no answer within {TIMEOUT:g} s"
_SOON = timedelta(days=14)  # until a certificate ends
# A token of three parts, as QStash's signatures are, whose signature is none.
_FALSE = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJVcHN0YXNoIn0.bm90LWEtc2lnbmF0dXJl"
_REFUSALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_NOT_SERVED = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
T = TypeVar("T")


def hosts(addresses: Sequence[Address], now: datetime) -> list[Check]:
    """Name and certificate of each host, side by side."""
    first = {address.host: address.used_by for address in reversed(addresses)}

    def late(item: tuple[Host, str]) -> Check:
        return _failed(Subject.HOST, str(item[0]), _NO_ANSWER, item[1])

    return _side_by_side(lambda item: _host(*item, now), sorted(first.items()), late)


def heads(addresses: Iterable[Address]) -> list[Check]:
    """What each address answers to HEAD; never where that could run the handler."""
    asked = [one for one in addresses if not one.is_read]
    return _side_by_side(_head, asked, lambda one: _late(Subject.HANDLER, one))


def no_heads(addresses: Iterable[Address]) -> Iterator[Check]:
    """Who is not asked by HEAD."""
    left = [one for one in addresses if one.is_read]
    return _left_out(Subject.HANDLER, left, "HEAD could run")


def signatures(addresses: Iterable[Address]) -> list[Check]:
    """What each handler answers to a POST with a false signature; it should refuse it."""
    asked = [one for one in addresses if one.is_posted]
    return _side_by_side(_signature, asked, lambda one: _late(Subject.SIGNATURE, one))


def no_signatures(addresses: Iterable[Address]) -> Iterator[Check]:
    """Who is not sent a false signature."""
    left = [one for one in addresses if not one.is_posted]
    return _left_out(Subject.SIGNATURE, left, "POST is not for")


def _left_out(subject: Subject, left: Sequence[Address], why: str) -> Iterator[Check]:
    """What a probe has not looked at is not healthy by that; why: it ends in `it` or `them`."""
    if not left:
        return
    is_one = len(left) == 1
    methods = " or ".join(sorted(frozenset[str]().union(*(one.methods for one in left))))
    who = f"{len(left):,} {'address is' if is_one else 'addresses are'} called by {methods}"
    fact = f"{who}: not asked, since {why} {'it' if is_one else 'them'}"
    yield Check(subject=subject, severity=Severity.INFO, message=fact)


def _late(subject: Subject, address: Address) -> Check:
    return _failed(subject, address.shown, _NO_ANSWER, address.used_by)


def _side_by_side(
    probe: Callable[[T], Check], items: Sequence[T], late: Callable[[T], Check]
) -> list[Check]:
    """All of them, some at once; late: what is said of one that has not ended in time.

    A name that is looked up, and an answer that comes byte by byte, know no timeout of their own:
    so nobody waits for a thread longer than its time, not even at the end of the process.
    """
    found: list[Check] = []
    for start in range(0, len(items), _AT_ONCE):
        some = items[start : start + _AT_ONCE]
        answers: list[Future[Check]] = [Future() for _ in some]

        def work(item: T, answer: Future[Check]) -> None:
            answer.set_result(probe(item))

        for item, answer in zip(some, answers, strict=True):
            threading.Thread(target=work, args=(item, answer), daemon=True).start()
        wait(answers, TIMEOUT + _GRACE)
        pairs = zip(some, answers, strict=True)
        found += [answer.result() if answer.done() else late(item) for item, answer in pairs]
    return found


def _failed(subject: Subject, who: str, why: str, used_by: str) -> Check:
    hint = f"{used_by} calls it: is the address right?"
    return Check(subject=subject, severity=Severity.ERROR, message=f"{who}: {why}", hint=hint)


def _reason(error: Exception) -> str:
    """Why nothing came, in few words of our own."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "no encryption that both sides know"
    if isinstance(error, socket.gaierror | UnicodeError):
        return "no such name"
    if isinstance(error, TimeoutError):
        return _NO_ANSWER
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "no answer that HTTP knows"


def _host(host: Host, used_by: str, now: datetime) -> Check:
    try:
        with socket.create_connection((host.name, host.port), TIMEOUT) as connection:
            if not host.encrypted:
                return Check(subject=Subject.HOST, message=f"{host}: reached, without encryption")
            context = ssl.create_default_context()
            with context.wrap_socket(connection, server_hostname=host.name) as secured:
                ends = str((secured.getpeercert() or {}).get("notAfter", ""))
    except (OSError, UnicodeError, ValueError) as error:
        return _failed(Subject.HOST, str(host), _reason(error), used_by)
    end = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if ends else None
    until = f"certificate until {end:%Y-%m-%d}" if end else "encrypted"
    if end and end - now < _SOON:
        hint = "renew it: QStash calls nobody whose certificate has ended"
        fact = f"{host}: its certificate ends on {end:%Y-%m-%d}"
        return Check(subject=Subject.HOST, severity=Severity.WARNING, message=fact, hint=hint)
    return Check(subject=Subject.HOST, message=f"{host}: reached, {until}")


def _answer(address: Address, method: str, headers: dict[str, str], body: bytes | None) -> int:
    """The status of one request."""
    host = address.host
    made = http.client.HTTPSConnection if host.encrypted else http.client.HTTPConnection
    connection = made(host.name, host.port, timeout=TIMEOUT)
    parts = urlsplit(address.url)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = f"?{quote(parts.query, safe='/%:@!$&()*+,;=~-._?')}" if parts.query else ""
    try:
        connection.request(method, f"{path}{query}", body=body, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _head(address: Address) -> Check:
    subject = Subject.HANDLER
    try:
        status = _answer(address, "HEAD", {}, None)
    except (OSError, http.client.HTTPException, UnicodeError, ValueError) as error:
        return _failed(subject, address.shown, _reason(error), address.used_by)
    fact = f"{address.shown}: {status} to HEAD"
    if status in _NOT_SERVED:
        hint = f"{address.used_by} calls it; some handlers know POST alone: --probe-signature"
        return Check(subject=subject, severity=Severity.WARNING, message=fact, hint=hint)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
        hint = "it fails before a job reaches it"
        return Check(subject=subject, severity=Severity.WARNING, message=fact, hint=hint)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        hint = "a redirect is no delivery: write the address that it leads to"
        return Check(subject=subject, severity=Severity.WARNING, message=fact, hint=hint)
    return Check(subject=subject, message=fact)


def _signature(address: Address) -> Check:
    subject = Subject.SIGNATURE
    headers = {"Upstash-Signature": _FALSE, "Content-Type": "application/json"}
    try:
        status = _answer(address, "POST", headers, b"{}")
    except (OSError, http.client.HTTPException, UnicodeError, ValueError) as error:
        return _failed(subject, address.shown, _reason(error), address.used_by)
    fact = f"{address.shown}: {status} to a false signature"
    if status in _REFUSALS:
        return Check(subject=subject, message=fact)
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        hint = f"{address.used_by}: anybody can run it; verify Upstash-Signature over the raw body"
        severity = Severity.ERROR
        fact = f"{fact}: it was accepted"
    else:
        hint = "401 or 403 would say that it verifies the signature; this says neither"
        severity = Severity.WARNING
    return Check(subject=subject, severity=severity, message=fact, hint=hint)
