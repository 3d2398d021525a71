"""A crontab's calls of curl and wget as jobs; pure. What cannot be carried over is a reason."""

import base64
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from qstash_sync.adopt import secrets, shell
from qstash_sync.adopt.foreign import Found, NotCarriedError, method_of
from qstash_sync.adopt.shell import VARIABLE
from qstash_sync.crons.grammar import KINDS, MACROS
from qstash_sync.model.durations import UNITS
from qstash_sync.model.secret_shapes import SCHEME, is_likely
from qstash_sync.record import record

_SET = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*")
_LINE_END = re.compile(r"\r?\n")  # to cron; other breaks of a line are a part of it
_INPUT = re.compile(r"(?:\\%|[^%])*")  # the command; behind a % stands what it would read
_NAMES = "|".join(name for kind in KINDS for name in kind.names)
# What a time may be made of, those of other crons too: none of it is worth hiding.
_TIME = re.compile(rf"(?:[\d\s*/,?#~()LWRH-]|{_NAMES})+|@reboot|{'|'.join(MACROS)}", re.IGNORECASE)
_SHORT = 2  # characters of an option that stands alone
_GLOB = re.compile(r"[{}\[\]]")
_OPTION = re.compile(r"-[#\w]|--[a-z][a-z0-9.-]{1,30}")
_DURATION = re.compile(r"(\d{1,6})(?:\.\d+)?([smhd]?)")
_FORM = "application/x-www-form-urlencoded"
_ANSWER = "what is done with the answer"
# Before the command in /etc/crontab; any other word may be a command of its own.
_USERS = frozenset((
    "root", "www-data", "nobody", "ubuntu", "debian", "ec2-user", "deploy", "deployer", "app",
    "admin", "git", "nginx", "apache", "postgres", "node", "daemon", "cron", "web", "www", "user",
))  # fmt: skip


@record()
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
        "--data": "data", "--data-raw": "raw", "--data-ascii": "data", "--data-binary": "data",
        "--data-urlencode": "encoded", "--json": "json", "--url": "url", "-m": "timeout",
        "--max-time": "timeout", "--retry": "retries", "-u": "user", "--user": "user",
        "-b": "cookie", "--cookie": "cookie", "--oauth2-bearer": "bearer", "-A": "agent",
        "--user-agent": "agent", "-e": "referer", "--referer": "referer",
    },
    idle=frozenset((
        "-s", "-S", "-f", "-L", "-v", "-k", "-i", "-N", "-g", "-#", "-4", "-6", "-O", "-G", "-q",
        "--get", "--silent", "--show-error", "--fail", "--fail-with-body", "--location",
        "--verbose", "--insecure", "--include", "--no-buffer", "--globoff", "--compressed",
        "--no-progress-meter", "--retry-all-errors", "--retry-connrefused", "--remote-name",
        "--http1.0", "--http1.1", "--http2", "--tlsv1", "--tlsv1.2", "--tlsv1.3", "--ipv4",
        "--ipv6", "--no-keepalive", "--disable",
    )),
    idle_with_value=frozenset((
        "-o", "-w", "--output", "--connect-timeout", "--retry-delay", "--write-out",
        "--max-redirs", "--retry-max-time", "--proto", "--tls-max", "--stderr",
    )),
    told=frozenset(("-k", "--insecure", "--retry-delay", "--retry-max-time", "--max-redirs")),
)  # fmt: skip
_WGET = _Program(
    words={
        "--header": "header", "--post-data": "data", "--method": "method", "--body-data": "data",
        "-t": "tries", "--tries": "tries", "-U": "agent", "--user-agent": "agent",
        "--referer": "referer",
    },
    idle=frozenset((
        "-q", "-v", "-S", "-4", "-6", "--quiet", "--verbose", "--no-verbose", "-nv",
        "--server-response", "--no-check-certificate", "--no-cache", "--delete-after",
    )),
    idle_with_value=frozenset((
        "-O", "-o", "-a", "-T", "--output-document", "--output-file", "--append-output",
        "--timeout", "--max-redirect", "--wait",
    )),
    told=frozenset((
        "--no-check-certificate", "-T", "--timeout", "--max-redirect", "--wait", "--no-cache",
    )),
)  # fmt: skip
_PROGRAMS = {"curl": _CURL, "wget": _WGET}


@record()
class _Wrapper:
    """A program that runs another one: its options with a value, and how many words are its own."""

    valued: frozenset[str] = frozenset()
    own: int = 0


_WRAPPERS = {
    "flock": _Wrapper(frozenset(("-w", "--wait", "--timeout", "-E", "--conflict-exit-code")), 1),
    "timeout": _Wrapper(frozenset(("-k", "--kill-after", "-s", "--signal")), 1),
    "nice": _Wrapper(frozenset(("-n", "--adjustment"))),
    "ionice": _Wrapper(frozenset(("-c", "--class", "-n", "--classdata"))),
    "sudo": _Wrapper(frozenset(("-u", "--user", "-g", "--group"))),
    "chronic": _Wrapper(),
    "cronic": _Wrapper(),
    "nohup": _Wrapper(),
    "exec": _Wrapper(),
    "env": _Wrapper(),
}
_TOLD_WRAPPERS = {"flock": "flock; a flow_control key with parallelism 1 keeps runs apart, too"}


def jobs(text: str) -> Iterator[Found]:
    """The lines of a user's crontab, or of /etc/crontab, that call one address."""
    variables: dict[str, str] = {}
    for number, line in enumerate(_LINE_END.split(text), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if setting := _SET.fullmatch(line):
            variables[setting[1]] = _unquoted(setting[2])
            continue
        count = 1 if stripped.startswith("@") else len(KINDS)
        words = stripped.split(None, count)
        where = f"line {number}"
        if len(words) <= count:
            yield Found(where=where, why="no time and command")
            continue
        cron = " ".join(words[:count])
        if not _TIME.fullmatch(cron):
            yield Found(where=where, why="its first words are no time")
            continue
        try:
            yield _job(where, cron, words[count], variables)
        except NotCarriedError as why:
            yield Found(where=f"{where}, {cron[:40]}", why=str(why))


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if is_quoted else value


@dataclass(slots=True)
class _Call:
    """A command line, taken apart; flags: of its options that stand alone."""

    is_curl: bool
    urls: list[str] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    timeout: int | None = None  # of a wrapper, in seconds

    def last(self, key: str) -> str | None:
        """Of an option that stands there twice, the last one counts."""
        return self.options.get(key, [None])[-1]

    def all(self, key: str) -> list[str]:
        """Every value of an option."""
        return self.options.get(key, [])

    def has(self, *flags: str) -> bool:
        """Whether one of some options stands there."""
        return not self.flags.isdisjoint(flags)


def _job(where: str, cron: str, command: str, variables: Mapping[str, str]) -> Found:
    if cron.lower() == "@reboot":
        raise NotCarriedError("@reboot is when a machine starts, and QStash has none")
    call = _call(command)
    if len(call.urls) != 1:
        fact = "no address" if not call.urls else f"{len(call.urls):,} addresses"
        raise NotCarriedError(f"it calls {fact}; a schedule has one")
    url = _known(call.urls[0], variables, "its address")
    if "://" not in url:
        raise NotCarriedError("its address does not begin with https://")
    if call.is_curl and not call.has("-g", "--globoff") and _GLOB.search(url):
        raise NotCarriedError("its address has braces or brackets: it may be several")
    body, content_type = _body(call, variables)
    is_get = call.has("-G", "--get")
    if is_get and body is not None:
        url, body, content_type = f"{url}{'&' if '?' in url else '?'}{body}", None, None
    headers = _headers(call, variables, content_type)
    with_variables = {name for name, text in headers.items() if VARIABLE.search(text)}
    method = call.last("method") or ("GET" if body is None else "POST")
    return Found(
        where=where,
        cron=cron,
        timezone=variables.get("CRON_TZ") or None,  # TZ is the zone of what a command prints
        url=url,
        method=method_of(method),
        headers={name: text for name, text in headers.items() if name not in with_variables},
        raw={name: _in_words(name, headers[name]) for name in sorted(with_variables)},
        body=body,
        secrets=_secrets(command, variables, url, body or ""),
        more=_limits(call),
        left=tuple(sorted(call.told)),
    )


def _secrets(command: str, variables: Mapping[str, str], url: str, body: str) -> dict[str, str]:
    """The values of a crontab's variables that are secrets by their name or their look.

    Each becomes a variable of the file, which brings a value as it is, and no part of a host.
    """
    found = {
        name: value
        for name, value in variables.items()
        if value and is_likely(name, value) and re.search(rf"\$\{{?{name}\b", command)
    }
    if any(len(value) < secrets.TOLD for value in found.values()):
        raise NotCarriedError("a secret in one of its variables is too short to be told apart")
    host = re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0].rpartition("@")[2]
    for value in found.values():
        if value in host or url.startswith(value):
            raise NotCarriedError("a secret stands in the host of its address")
        encoded = quote(value, safe="")
        if encoded != value and (encoded in body or encoded in url):
            raise NotCarriedError("a secret is sent in another spelling than its variable has")
    return found


# The command line


def _call(command: str) -> _Call:
    """The command before its input, as a call of one of the programs."""
    found = _INPUT.match(command)
    before = found[0] if found else ""
    try:
        read = shell.command(before.replace(r"\%", "%"))
    except shell.ShellError as error:
        if before != command:
            raise NotCarriedError(r"a % ends the command in a crontab; write \%") from None
        raise NotCarriedError(str(error)) from None
    words, told, timeout = _unwrapped(list(read.words))
    program = _PROGRAMS.get(_base(words[0])) if words else None
    if program is None:
        raise NotCarriedError("its command is no single call of curl or wget")
    call = _options(words[1:], program)
    call.told |= told | ({_ANSWER} if read.then else set())
    call.timeout = timeout
    return call


def _base(word: str) -> str:
    return word.rpartition("/")[2]


def _unwrapped(words: list[str]) -> tuple[list[str], set[str], int | None]:
    """The command without a user, and without programs that only run it; its time limit."""
    told: set[str] = set()
    timeout: int | None = None
    if len(words) > 1 and words[0] in _USERS and _base(words[1]) in (*_PROGRAMS, *_WRAPPERS):
        words = words[1:]
    while words and (wrapper := _WRAPPERS.get(_base(words[0]))):
        name, rest = _base(words[0]), words[1:]
        while rest and rest[0].startswith("-"):
            takes = rest[0] in wrapper.valued
            rest = rest[1 + takes :]
        own, words = rest[: wrapper.own], rest[wrapper.own :]
        limit = _DURATION.fullmatch(own[0]) if name == "timeout" and own else None
        timeout = int(limit[1]) * UNITS[limit[2] or "s"] if limit else timeout
        told |= {_TOLD_WRAPPERS[name]} if name in _TOLD_WRAPPERS else set()
    return words, told, timeout


def _options(words: list[str], program: _Program) -> _Call:
    """The addresses of a call, and its options by what they are."""
    call = _Call(is_curl=program is _CURL)
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "-":
            call.urls.append(word)
            continue
        for option, value in _apart(word, program):
            if option in program.told:
                call.told.add(option)
            if option in program.words or option in program.idle_with_value:
                given = next(rest, None) if value is None else value
                if given is None:
                    raise NotCarriedError(f"its option {option} has no value")
                call.options.setdefault(program.words.get(option, ""), []).append(given)
            elif option in program.idle and value is None:
                call.flags.add(option)
            else:
                told = option if _OPTION.fullmatch(option) else "that has an unusual name"
                raise NotCarriedError(f"its option {told} is not carried over")
    call.urls += call.options.pop("url", [])
    return call


def _apart(word: str, program: _Program) -> Iterator[tuple[str, str | None]]:
    """An option with the value that is written with it; of short ones there may be several."""
    if word.startswith("--") or word in program.idle or len(word) <= _SHORT:
        name, equals, value = word.partition("=")
        yield name, value if equals else None
        return
    for at in range(1, len(word)):
        option, value = f"-{word[at]}", word[at + 1 :]
        takes = option in program.words or option in program.idle_with_value
        yield option, value if takes and value else None
        if takes:
            return


# The request


def _known(text: str, variables: Mapping[str, str], what: str) -> str:
    """A text with what the crontab itself sets; nothing else can be known of a variable."""
    text = _partly_known(text, variables)
    if VARIABLE.search(text):
        raise NotCarriedError(f"{what} has a variable that the crontab does not set")
    return text


def _partly_known(text: str, variables: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        known = variables.get(found[2])
        if known is not None and found[1] and (not known or re.search(r"[\s*?\[]", known)):
            raise NotCarriedError("a variable without quotes may be several words")
        return found[0] if known is None else known

    return VARIABLE.sub(value, text)


def _body(call: _Call, variables: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The body of a call and the type that it is sent as; wget sends the last, curl all."""
    plain, as_json = call.all("data"), call.all("json")
    if any(text.startswith("@") for text in (*plain, *as_json)):
        raise NotCarriedError("its body stands in a file")
    kinds = [bool(plain or call.all("raw")), bool(call.all("encoded")), bool(as_json)]
    if sum(kinds) > 1 or (plain and call.all("raw")):
        raise NotCarriedError("its body comes from several kinds of options")
    if as_json:
        return _known("".join(as_json), variables, "its body"), "application/json"
    parts = [_known(text, variables, "its body") for text in (*plain, *call.all("raw"))]
    encoded = [_known(text, variables, "its body") for text in call.all("encoded")]
    parts += map(_encoded, encoded)
    if not parts:
        return None, None
    return ("&".join(parts) if call.is_curl else parts[-1]), _FORM


def _encoded(text: str) -> str:
    """As `--data-urlencode` sends it: the name as it stands, its content encoded."""
    name, equals, content = text.partition("=")
    if not equals and "@" in text:
        raise NotCarriedError("its body stands in a file")
    if not equals:
        return quote(text, safe="")
    return f"{name}={quote(content, safe='')}" if name else quote(content, safe="")


def _headers(call: _Call, variables: Mapping[str, str], content_type: str | None) -> dict[str, str]:
    """The headers of a call; one without a value is one that curl does not send."""
    texts = call.all("header")
    if not all(":" in text for text in texts):
        raise NotCarriedError("one of its headers stands in a file, or is empty")
    parts = [text.partition(":") for text in texts]
    pairs = [(name.strip(), value.strip()) for name, _, value in parts] + _meant(call)
    pairs = [(name, _partly_known(value, variables)) for name, value in pairs]
    if any(VARIABLE.search(name) for name, _ in pairs):
        raise NotCarriedError("the name of a header is a variable")
    said = {name.lower() for name, _ in pairs}
    if len(said) < len(pairs):
        raise NotCarriedError("one of its headers stands there twice")
    if content_type and "content-type" not in said:
        pairs.append(("Content-Type", content_type))
    if call.all("json") and "accept" not in said:
        pairs.append(("Accept", "application/json"))
    return {name: value for name, value in pairs if value}


def _meant(call: _Call) -> list[tuple[str, str]]:
    """Headers that have an option of their own."""
    found = [("User-Agent", call.last("agent")), ("Referer", call.last("referer"))]
    if (bearer := call.last("bearer")) is not None:
        found.append(("Authorization", f"Bearer {bearer}"))
    if (user := call.last("user")) is not None:
        if VARIABLE.search(user) or ":" not in user:
            fact = "a variable" if VARIABLE.search(user) else "no password"
            raise NotCarriedError(f"its option -u has {fact}; send Authorization as a header")
        found.append(("Authorization", f"Basic {base64.b64encode(user.encode()).decode()}"))
    if (cookie := call.last("cookie")) is not None:
        if "=" not in cookie:
            raise NotCarriedError("its cookies stand in a file")
        found.append(("Cookie", cookie))
    return [(name, value) for name, value in found if value is not None]


def _in_words(name: str, text: str) -> str:
    """A text with the shell's variables as those of the file."""
    plain = SCHEME.sub("", VARIABLE.sub("", text), count=1).strip()
    if plain and any(secrets.hidden_in(secrets.header(name, plain))):
        raise NotCarriedError(f"its header {name} has a secret beside a variable")
    if "$\0" in text:
        raise NotCarriedError(f"its header {name} has a $ before a variable")
    return VARIABLE.sub(r"${env.\2}", text.replace("${", "$${"))


def _limits(call: _Call) -> dict[str, int]:
    """How long and how often it tries, in the file's words."""
    found: dict[str, int] = {}
    limits = [call.timeout] if call.timeout else []
    if (seconds := call.last("timeout")) and _number(seconds):
        limits.append(math.ceil(_number(seconds)))
    if limits:
        found["timeout"] = min(limits)
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
