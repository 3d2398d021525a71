"""The types of what is sent: URLs, headers and bodies."""

import base64
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from qstash_sync.config import sources, url
from qstash_sync.config.literals import IN_CLEAR
from qstash_sync.config.text import shadow, to_json
from qstash_sync.config.types import TEXT, Check, Frame, boolean, is_line, listed, string, text
from qstash_sync.config.wrong import (
    IF_NONE,
    LINE_BREAK,
    bad,
    each,
    no_secret,
    written,
    wrong_type,
)
from qstash_sync.model import settings_table
from qstash_sync.model.diagnostics import Fixed
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Secret, Text
from qstash_sync.model.secret_shapes import kind_in
from qstash_sync.record import record

HEADER_LETTERS = r"[!#$%&'*+.^_`|~0-9A-Za-z-]*"
_HEADER_NAME = re.compile(f"{HEADER_LETTERS[:-1]}+")
_REDACTED = "REDACTED:"
_HOW_REDACTED = "QStash shows it in place of a redacted value; write the value itself"


def _url(value: Any, info: ValidationInfo[Frame]) -> Text:
    return url.check(text(value), allow_private=info.context.allow_private)


def _url_or_path(value: Any, info: ValidationInfo[Frame]) -> Text:
    target = text(value)  # a path is checked when it is known which base_url it follows
    url.check_line(target)
    url.check_start(target)
    return target if shadow(target).startswith("/") else _url(target, info)


def _base_url(value: Any, _: object) -> str:
    return url.check_base(string(value))


@lru_cache(maxsize=1024)
def canonical_header(name: str) -> str:
    """The header name as Go writes it: `x-api-key` becomes `X-Api-Key`."""
    if not _HEADER_NAME.fullmatch(name):
        known = re.match(HEADER_LETTERS, name)  # the rest may be its value, and is not repeated
        fact = f"'{known[0] if known else ''}…' is not a header name"
        raise bad(fact, "use letters, digits and -", "header")
    return settings_table.canonical_header(name)


def header_value(name: str, value: Text) -> Text:
    """A header value that HTTP carries unchanged."""
    seen = shadow(value)
    fact = hint = ""
    if "\n" in seen or "\r" in seen:
        fact = f"the header {name} contains a line break"
        raise bad(fact, "a header is a single line", LINE_BREAK)
    if not is_line(seen):
        fact, hint = "contains characters outside ASCII", "encode it, for example as base64"
    elif seen != seen.strip():
        fact, hint = "starts or ends with a space, which HTTP drops", "remove the space"
    elif not seen:
        fact, hint = "is empty", "write null to unset a default"
    elif seen.startswith(_REDACTED):
        fact, hint = "is a digest, not its value", _HOW_REDACTED
    if fact:
        raise bad(f"the header {name} {fact}", hint, "header")
    return value


def _headers(value: Any, _: object) -> dict[str, Text | None]:
    """Headers by canonical name; null unsets one of the defaults."""
    if not isinstance(value, Mapping):
        raise wrong_type("a mapping", value)
    result: dict[str, Text | None] = {}

    def check(name: str, given: Any) -> None:
        canonical = canonical_header(name)
        if given is None:
            result.setdefault(canonical, None)
            return
        if result.get(canonical) is not None:
            raise bad(f"the header {canonical} stands here twice", "keep one", "duplicate")
        if canonical.startswith("Upstash-"):
            hint = "settings have their own keys; name forwarded headers without the prefix"
            raise bad("Upstash-… headers are QStash's own", hint, "header")
        # `X-Version: 5` is not worth an error; 1.10 and true are
        given = str(given) if type(given) is int else text(given)
        result[canonical] = header_value(canonical, given)

    each(value.items(), check)
    return result


def _redacted_headers(value: Any, _: object) -> bool | tuple[str, ...]:
    if isinstance(value, list):
        return tuple(sorted(set(listed(value, canonical_header))))
    return boolean(value)


@record()
class Content:
    """A body in the form that is sent, and the content type that it brings along."""

    data: bytes | Text
    content_type: str | None = None


def _body(value: Any, info: ValidationInfo[Frame]) -> Content | None:
    if value is None:
        return None
    if isinstance(value, dict | list):
        return _sized(Content(to_json(value), "application/json"), info)
    if not isinstance(value, Text):
        raise wrong_type("a mapping, a list or text", value, f'quote it: "{written(value)}"')
    return _sized(Content(text(value)), info)


def _body_file(value: Any, info: ValidationInfo[Frame]) -> Content:
    name = string(value)
    folder = Path(info.context.folder)
    try:
        path = (folder / name).resolve()
        is_inside = path.is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a NUL, or links in a circle
        raise bad(f"{name!r} cannot be the name of a file", code="body") from None
    if not is_inside:
        hint = "a body is read from below the folder of its file, wherever links lead"
        raise bad(f"{name} leads out of {folder}", hint, "body")
    try:
        data = sources.read_bytes(path, _most(info.context))
    except sources.TooLargeError as error:
        raise _too_large(error.size, info.context) from None
    except sources.UnreadableError as error:
        raise bad(f"{name}: {error}", f"looked at {folder / name}", "body") from None
    return _without_literals(_sized(Content(data), info))


def _body_base64(value: Any, info: ValidationInfo[Frame]) -> Content:
    if isinstance(value, Secret):
        hint = Fixed(f"send it in a `body`, or {IF_NONE}")
        raise no_secret("a secret cannot stand here: what it is decoded to would be shown", hint)
    try:
        data = base64.b64decode("".join(string(value).split()), validate=True)
    except ValueError:
        raise bad("not valid base64", code="body") from None
    return _without_literals(_sized(Content(data), info))


def _most(frame: Frame) -> int:
    return frame.limits.body if frame.limits else max(plan.body for plan in PLANS.values())


def _too_large(size: int, frame: Frame) -> PydanticCustomError:
    who = f"the plan {frame.plan}" if frame.limits else "QStash"
    fact = f"the body has {size:,} bytes; {who} allows {_most(frame):,}"
    return bad(fact, "send a reference to the data instead", "body")


def _sized(content: Content, info: ValidationInfo[Frame]) -> Content:
    """The content, unless it is larger than the plan allows, or a digest."""
    data = content.data
    if not isinstance(data, bytes):
        data = shadow(data).encode("utf-8", "surrogatepass")
    if len(data) > _most(info.context):
        raise _too_large(len(data), info.context)
    if data.startswith(_REDACTED.encode()):
        raise bad("is a digest, not its value", _HOW_REDACTED, "redacted")
    return content


def _without_literals(content: Content) -> Content:
    """The content of what does not stand in the file itself, where it would be found."""
    if isinstance(content.data, bytes) and (kind := kind_in(content.data.decode("latin-1"))):
        hint = "take it from the environment in a `body`"
        raise bad(f"{kind} in clear", hint, IN_CLEAR)
    return content


_HEADERS = {"type": "object", "additionalProperties": {"type": ["string", "integer", "null"]}}
_ANY_BODY = {"type": ["string", "object", "array", "null"]}
_ALL_OR_SOME = {"anyOf": [{"type": "boolean"}, {"type": "array", "items": TEXT}]}
BaseUrl = Annotated[str, Check(_base_url, TEXT)]
Url = Annotated[Text, Check(_url, TEXT)]
UrlOrPath = Annotated[Text, Check(_url_or_path, TEXT)]
Headers = Annotated[dict[str, Text | None], Check(_headers, _HEADERS)]
ContentType = Annotated[str, AfterValidator(lambda value: header_value("Content-Type", value))]
RedactedHeaders = Annotated[bool | tuple[str, ...], Check(_redacted_headers, _ALL_OR_SOME)]
Body = Annotated[Content | None, Check(_body, _ANY_BODY)]
BodyFile = Annotated[Content, Check(_body_file, TEXT)]
BodyBase64 = Annotated[Content, Check(_body_base64, TEXT)]
