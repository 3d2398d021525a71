"""A crontab's calls of curl and wget as jobs; pure. What cannot be carried over is a reason."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from qstash_sync.adopt import shell
from qstash_sync.adopt.foreign import Found, NotCarriedError, method_of
from qstash_sync.adopt.shell import VARIABLE
from qstash_sync.model.secret_shapes import SCHEME, Where, is_called, likely_in

_SET = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*")
_INPUT = re.compile(r"(?:\\%|[^%])*")  # the command; behind a % stands what it would read
_FIELDS = 5
_SHORT = 2  # characters of an option that stands alone
_GLOB = re.compile(r"[{}\[\]]")
_OPTION = re.compile(r"-[#\w]|--[a-z][a-z0-9-]{1,30}")
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class _Program:
    """The options of a program: what they say of the request, and those that say nothing of it.

    told: those without a place in the file, that a reader should hear of. Any other option is a
    reason not to carry a call over.
    """

    words: Mapping[str, str]
    idle: frozenset[str]
    idle_with_value: frozenset[str]
    told: frozenset[str]


_CURL = _Program(
    words={
        "-X": "method", "--request": "method", "-H": "header", "--header": "header", "-d": "data",
        "--data": "data", "--data-raw": "data", "--data-ascii": "data", "--json": "json",
        "--url": "url", "-m": "timeout", "--max-time": "timeout", "--retry": "retries",
    },
    idle=frozenset((
        "-s", "-S", "-f", "-L", "-v", "-k", "-i", "-N", "-g", "-#", "-4", "-6", "-O", "--silent",
        "--show-error", "--fail", "--fail-with-body", "--location", "--verbose", "--insecure",
        "--include", "--no-buffer", "--globoff", "--compressed", "--no-progress-meter",
        "--retry-all-errors", "--retry-connrefused", "--remote-name",
    )),
    idle_with_value=frozenset((
        "-o", "-w", "--output", "--connect-timeout", "--retry-delay", "--write-out",
        "--max-redirs", "--retry-max-time",
    )),
    told=frozenset(("-k", "--insecure", "--retry-delay", "--retry-max-time", "--max-redirs")),
)  # fmt: skip
_WGET = _Program(
    words={
        "--header": "header", "--post-data": "data", "--method": "method", "--body-data": "data",
        "-t": "tries", "--tries": "tries",
    },
    idle=frozenset((
        "-q", "-v", "-S", "-4", "-6", "--quiet", "--verbose", "--no-verbose", "-nv",
        "--server-response", "--no-check-certificate",
    )),
    idle_with_value=frozenset((
        "-O", "-o", "-a", "-T", "--output-document", "--output-file", "--append-output",
        "--timeout", "--max-redirect", "--wait",
    )),
    told=frozenset(("--no-check-certificate", "-T", "--timeout", "--max-redirect", "--wait")),
)  # fmt: skip
_PROGRAMS = {"curl": _CURL, "wget": _WGET}


def jobs(text: str) -> Iterator[Found]:
    """The lines of a user's crontab, or of /etc/crontab, that call one address."""
    variables: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if setting := _SET.fullmatch(line):
            variables[setting[1]] = _unquoted(setting[2])
            continue
        count = 1 if stripped.startswith("@") else _FIELDS
        words = stripped.split(None, count)
        where = f"line {number}"
        if len(words) <= count:
            yield Found(where=where, why="no time and command")
            continue
        try:
            yield _job(where, " ".join(words[:count]), words[count], variables)
        except NotCarriedError as why:
            yield Found(where=where, why=str(why))


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if is_quoted else value


@dataclass(slots=True)
class _Call:
    """A command line, taken apart."""

    urls: list[str] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    globs: bool = False  # braces and brackets of an address mean several

    def last(self, key: str) -> str | None:
        """Of an option that stands there twice, the last one counts."""
        return self.options.get(key, [None])[-1]


def _job(where: str, cron: str, command: str, variables: Mapping[str, str]) -> Found:
    if cron.lower() == "@reboot":
        raise NotCarriedError("@reboot is no time")
    call = _call(command)
    if len(call.urls) != 1:
        raise NotCarriedError("it does not call one address that stands in it")
    url = _known(call.urls[0], variables, "its address")
    if "://" not in url:
        raise NotCarriedError("its address does not begin with https://")
    if call.globs and _GLOB.search(url):
        raise NotCarriedError("its address has braces or brackets: it may be several")
    headers = _headers(call.options.get("header", []))
    data, json = call.options.get("data", []), call.last("json")
    body = "&".join(data) or json
    if body is not None:
        body = _known(body, variables, "its body")
        if body.startswith("@") or "\n@" in body:
            raise NotCarriedError("its body stands in a file")
    if data and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = _FORM
    with_variables = {name for name, text in headers.items() if VARIABLE.search(text)}
    return Found(
        where=where,
        cron=cron,
        timezone=variables.get("CRON_TZ") or None,  # TZ is the zone of what a command prints
        url=url,
        method=method_of(call.last("method") or ("GET" if body is None else "POST")),
        headers={name: text for name, text in headers.items() if name not in with_variables},
        raw={name: _in_words(name, headers[name]) for name in sorted(with_variables)},
        body=body,
        is_json=json is not None,
        more=_limits(call),
        left=tuple(sorted(call.told)),
    )


def _call(command: str) -> _Call:
    """The command before its input, as a call of one of the programs."""
    found = _INPUT.match(command)
    try:
        words = shell.words((found[0] if found else "").replace(r"\%", "%"))
    except shell.ShellError as error:
        raise NotCarriedError(str(error)) from None
    if len(words) > 1 and words[1].rpartition("/")[2] in _PROGRAMS and words[0].isidentifier():
        words = words[1:]  # /etc/crontab has a user before the command
    program = _PROGRAMS.get(words[0].rpartition("/")[2]) if words else None
    if program is None:
        raise NotCarriedError("its command is no single call of curl or wget")
    return _options(words[1:], program)


def _options(words: list[str], program: _Program) -> _Call:
    """The addresses of a call, and its options by what they are."""
    apart = [word for whole in words for word in _apart(whole, program)]
    call = _Call(globs=program is _CURL and {"-g", "--globoff"}.isdisjoint(apart))
    rest = iter(apart)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in program.told:
            call.told.add(name)
        if not word.startswith("-") or word == "-":
            call.urls.append(word)
        elif name in program.words:
            value = value if equals else next(rest, "")
            call.options.setdefault(program.words[name], []).append(value)
        elif name in program.idle_with_value:
            value = value if equals else next(rest, "")
        elif name not in program.idle:
            told = name if _OPTION.fullmatch(name) else "that nobody knows"
            raise NotCarriedError(f"its option {told} has no place in the file")
    call.urls += call.options.pop("url", [])
    return call


def _apart(word: str, program: _Program) -> Iterator[str]:
    """Short options that are written as one, each alone; the last may have its value behind it."""
    is_one = word in program.idle or len(word) <= _SHORT
    if not word.startswith("-") or word.startswith("--") or is_one:
        yield word
        return
    for at in range(1, len(word)):
        option, value = f"-{word[at]}", word[at + 1 :]
        yield option
        if value and (option in program.words or option in program.idle_with_value):
            yield value
            return


def _known(text: str, variables: Mapping[str, str], what: str) -> str:
    """A text with what the crontab itself sets; nothing else can be known of a variable."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in variables:
            raise NotCarriedError(f"{what} has a variable that the crontab does not set")
        return variables[found[1]]

    return VARIABLE.sub(value, text)


def _headers(texts: list[str]) -> dict[str, str]:
    if not all(":" in text for text in texts):
        raise NotCarriedError("one of its headers stands in a file, or is empty")
    parts = [text.partition(":") for text in texts]
    headers = {name.strip(): value.strip() for name, _, value in parts}
    if len({name.lower() for name in headers}) < len(texts):
        raise NotCarriedError("one of its headers stands there twice")
    if any(VARIABLE.search(name) for name in headers):
        raise NotCarriedError("the name of a header is a variable")
    return headers


def _in_words(name: str, text: str) -> str:
    """A text with the shell's variables as those of the file."""
    rest = VARIABLE.sub("", text)
    plain = SCHEME.sub("", rest, count=1).strip()
    if plain and (is_called(name, Where.HEADER, likely=True) or any(likely_in(plain))):
        raise NotCarriedError(f"its header {name} has a secret beside a variable")
    return VARIABLE.sub(r"${env.\1}", text.replace("${", "$${"))


def _limits(call: _Call) -> dict[str, int]:
    """How long and how often it tries, in the file's words."""
    found: dict[str, int] = {}
    if (seconds := call.last("timeout")) and _number(seconds):
        found["timeout"] = math.ceil(_number(seconds))
    if retries := call.last("retries"):
        found["retries"] = math.floor(_number(retries))
    if tries := call.last("tries"):
        found["retries"] = math.floor(_number(tries)) - 1
    if found.get("retries", 0) < 0:
        raise NotCarriedError("it tries for ever")
    return found


def _number(text: str) -> float:
    if not re.fullmatch(r"\d{1,6}(?:\.\d{1,6})?", text):
        raise NotCarriedError("one of its options needs a number")
    return float(text)
