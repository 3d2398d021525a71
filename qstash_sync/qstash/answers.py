"""What an HTTP answer means: QStash's data, a failure that may pass, or one clear error."""

import json
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from http import HTTPStatus
from typing import Any

from pydantic_core import from_json

from qstash_sync.errors import (
    AccountError,
    AuthError,
    BadResponseError,
    RejectedError,
    WrongRegionError,
)
from qstash_sync.model.addresses import REGIONS, TOKEN_VARIABLE, URL_VARIABLE
from qstash_sync.record import record

NOT_QSTASH = "is this the address of QStash?"
_MOST_NESTED = 3_000_000
_READ, _SHOWN = 10_000, 100  # bytes of a body that are looked at, characters that are told
_MARKUP = ("<", "{", "[")
_TOO_MANY = "too many requests"
_READ_ONLY = "read-only"  # in QStash's words, where they say why
_WRONG_REGION = "user not found in this region"
_DONE = {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT}
_NOT_SERVED = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE}
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@record(kw_only=True)
class Answer:
    """An HTTP answer; reset is what its `Burst-RateLimit-Reset` says, or its `Retry-After`."""

    status: int
    content: bytes
    content_type: str = ""
    location: str = ""
    reset: str = ""


@record(kw_only=True)
class Retryable:
    """A failure that may pass: what to say if it does not, as which error.

    reset: None, or after a 429 what it says about when to come back.
    """

    text: str
    error: Callable[[str], AccountError]
    reset: str | None = None


class Absent(Enum):
    """What was asked for is not there; not to be confused with null."""

    ABSENT = auto()


@record(kw_only=True)
class Origin:
    """The variables or settings that address and token come from: what a message names.

    is_default: nothing says an address.
    """

    url: str = URL_VARIABLE
    token: str = TOKEN_VARIABLE
    is_default: bool = False

    @property
    def doubt(self) -> str:
        """What may be wrong with the address."""
        if self.is_default:
            return f"{self.url} is not set, so it is the default address"
        return f"is {self.url} right?"


USUAL = Origin()


class MayLack(Enum):
    """What a request may ask for in vain, which is then an answer, `Absent`, and no error."""

    NOTHING = auto()
    RESOURCE = auto()  # QStash says 404 and why
    ENDPOINT = auto()  # as an address that is not served any more: whatever says so


def judge(
    answer: Answer,
    *,
    is_read: bool,
    may_lack: MayLack,
    url: str,
    scrub: Callable[[str], str],
    origin: Origin = USUAL,
) -> Any:
    """The JSON of an answer (None: a write has none) or `Retryable`; raises an `AccountError`.

    The words of what is `Absent` are not searched for secrets, which takes long, and there is one
    such answer for every resource that is created.
    """
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return _success(answer, is_read=is_read, url=url, scrub=scrub)
    if answer.status < HTTPStatus.BAD_REQUEST:
        where = scrub(answer.location) or "nowhere"
        raise BadResponseError(
            f"{url} redirects to {where}; set {origin.url} to the address itself"
        )
    text = _error_text(answer)
    is_wrong_region = _WRONG_REGION in (text or "")
    is_absent = answer.status == HTTPStatus.NOT_FOUND and text is not None
    if not is_wrong_region and (
        (may_lack is MayLack.RESOURCE and is_absent)
        or (may_lack is MayLack.ENDPOINT and answer.status in _NOT_SERVED)
    ):
        return Absent.ABSENT
    reason = None if text is None else scrub(text) or "no reason given"
    rejected = partial(RejectedError, status=answer.status)
    limited = answer.status == HTTPStatus.TOO_MANY_REQUESTS
    failing = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if limited or failing or answer.status == HTTPStatus.REQUEST_TIMEOUT:
        why = reason or (_TOO_MANY if limited else _no_json(answer, scrub))
        text = f"QStash answered {answer.status}: {why}"
        return Retryable(text=text, error=rejected, reset=answer.reset if limited else None)
    if text is None or reason is None:
        said = _no_json(answer, scrub)
        raise BadResponseError(f"{url} answered {answer.status} with {said}; {NOT_QSTASH}")
    if is_wrong_region:
        others = " or ".join(region for region in REGIONS if f"({region})" not in text)
        hint = f"set region: {others} (or QSTASH_REGION, QSTASH_URL); it is {origin.token}"
        raise WrongRegionError(f"{url}: {reason}: the token belongs to another region; {hint}")
    if answer.status == HTTPStatus.UNAUTHORIZED and is_read:
        raise AuthError(f"{url} refuses the token: {reason}; set a valid {origin.token}")
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        doubt = "" if _READ_ONLY in text else "if it is a read-only token, "
        what = "may read it" if is_read else "may write"
        hint = f"{'' if is_read else doubt}set a {origin.token} that {what}"
        raise AuthError(f"{url} does not allow this: {reason}; {hint}")
    raise rejected(f"QStash answered {answer.status}: {reason}")


def _kind(answer: Answer, scrub: Callable[[str], str]) -> str:
    """The content type, for people."""
    kind = scrub(answer.content_type.partition(";")[0])
    return kind or ("no content type" if answer.content else "nothing")


def _no_json(answer: Answer, scrub: Callable[[str], str]) -> str:
    """What a refusal that is none of QStash's says: its type, and how a text begins.

    Not what looks like a page or data: there is no sentence in it, and data may be of the account.
    """
    kind = f" ({_kind(answer, scrub)})" if answer.content_type or not answer.content else ""
    text = scrub(answer.content[:_READ].decode(errors="replace").strip())
    if not text or text[0] in _MARKUP:
        return f"no JSON of QStash's{kind}" if text else f"no JSON{kind}"
    return f"no JSON{kind}: {text[:_SHOWN]}{'…' * (len(text) > _SHOWN)}"


def _success(answer: Answer, *, is_read: bool, url: str, scrub: Callable[[str], str]) -> Any:
    """A read has JSON; a write may say anything but a page, which comes from something between.

    Of the statuses that say success, some say that this is not all of it, or not QStash's own.
    """
    whole = {HTTPStatus.OK} if is_read else _DONE
    if answer.status not in whole:
        phrase = _PHRASES.get(answer.status, "unknown")
        raise BadResponseError(
            f"{url} answered {answer.status} ({phrase}), which is no whole answer; {NOT_QSTASH}"
        )
    try:
        data = _json(answer.content)
    except (ValueError, RecursionError):
        is_page = _kind(answer, scrub) == "text/html" or answer.content.lstrip().startswith(b"<")
        if is_read or is_page:
            said = f"{url} did not answer with JSON ({_kind(answer, scrub)}); {NOT_QSTASH}"
            return Retryable(text=said, error=BadResponseError)
        data = None
    return data


def _json(content: bytes) -> Any:
    """JSON in UTF-8; half of a character is nothing that could be printed or sent: a `?`.

    Pydantic's reader takes half the time of Python's, but no such halves; left to itself, Python's
    guesses the encoding, and lets them pass. Of the most that QStash holds, 50,000 schedules, each
    has five objects and lists: millions fill the memory.
    """
    if content.count(b"{") + content.count(b"[") > _MOST_NESTED:
        raise ValueError
    if not (rb"\u" in content and rb"\ud" in content.lower()):
        return from_json(content, cache_strings="keys")
    data = json.loads(content.decode())
    whole = json.dumps(data, ensure_ascii=False).encode(errors="replace")
    return json.loads(whole)


def _error_text(answer: Answer) -> str | None:
    """The text of QStash's `{"error": …}`; None for anything else."""
    try:
        data = _json(answer.content)
    except (ValueError, RecursionError):
        return None
    text = data.get("error") if isinstance(data, dict) else None
    return text if isinstance(text, str) else None
