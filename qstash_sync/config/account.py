"""Which account: the file first, then the SDKs' variables, and what said so.

The token of an environment is its own and never $QSTASH_TOKEN. An address is found in this order;
with a variable's token, the first line stands for both:

    QSTASH_REGION=US_EAST_1 and US_EAST_1_QSTASH_TOKEN    with US_EAST_1_QSTASH_URL, or the region's
    environments.<name>.url, environments.<name>.region
    QSTASH_URL
    QSTASH_REGION                                         the region's address
    the address of the EU

So a token of a local server never goes to the real one because a region was named, too.
"""

import base64
import json
import re
from collections.abc import Mapping

from qstash_sync.config.environment import Account
from qstash_sync.errors import AuthError, ConfigError
from qstash_sync.model.addresses import REGIONS, TOKEN_VARIABLE, URL_VARIABLE
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.resources import Piece, Secret
from qstash_sync.record import record

_DEFAULT = "eu-central-1"
_QUOTED = re.compile(r"""["'].*|.*["']""", re.DOTALL)
_SCHEMED = re.compile(r"(?:authorization:\s*)?bearer\s", re.IGNORECASE)
_BY_VARIABLE = {name.replace("-", "_").upper(): url for name, url in REGIONS.items()}


@record(kw_only=True)
class Endpoint:
    """Where to send requests and with which token; user is None where the token hides it.

    url_from, token_from: the variable or setting that said so, for messages.
    """

    url: str
    token: Secret
    user: str | None = None
    url_from: str = URL_VARIABLE
    token_from: str = TOKEN_VARIABLE
    is_default: bool = False  # nothing says an address

    def __str__(self) -> str:
        user = f"{self.user} at " if self.user else ""
        return f"{user}{self.url}, {self.reason}"

    @property
    def reason(self) -> str:
        """Why it is this account."""
        return f"address by {self._address_by or 'the default'}, token by {self.token_from}"

    @property
    def as_json(self) -> dict[str, str | None]:
        """The same for a document."""
        found = {"url": self.url, "user": self.user}
        return {**found, "address_by": self._address_by, "token_by": self.token_from}

    @property
    def _address_by(self) -> str | None:
        return None if self.is_default else self.url_from


def resolve(account: Account, environment: str | None, environ: Mapping[str, str]) -> Endpoint:
    """The URL and token to use; raises `AuthError` or `ConfigError` with the line to set."""
    if environment is not None:
        endpoint = _of_environment(account, environment, environ)
    else:
        endpoint = _of_variables(environ)
    if not endpoint.url.startswith(("http://", "https://")):
        fact = f"{endpoint.url_from} is not an address; it must start with https://"
        raise AuthError(fact)
    if _QUOTED.fullmatch(endpoint.token.reveal()):
        how = "`docker run --env-file` keeps them; write it without"
        raise AuthError(f"{endpoint.token_from} has quotes around the token: {how}")
    if _SCHEMED.match(endpoint.token.reveal()):
        raise AuthError(f"the token is none: set {endpoint.token_from} without the word Bearer")
    if account.user is not None and endpoint.user not in (None, account.user):
        fact = f"the token belongs to {endpoint.user}, not to {account.user}"
        raise _error("account", environment, fact, account)
    return endpoint


def _of_environment(account: Account, environment: str, environ: Mapping[str, str]) -> Endpoint:
    if account.token is None:
        hint = f"set {account.token_from}; $QSTASH_TOKEN is not used here"
        if account.token_from is None:
            hint = "write token: ${env.NAME}, with the variable that holds it"
        raise _error("token", environment, "no token", account, hint)
    place = f"environments.{environment}"
    url_from: str | None
    if account.url:
        url, url_from = account.url, f"{place}.url"
    elif account.region:
        url, url_from = REGIONS[account.region], f"{place}.region"
    else:
        url, url_from = _address(environ)
    return Endpoint(
        url=url,
        token=account.token,
        user=user_of(account.token),
        url_from=url_from or URL_VARIABLE,
        is_default=url_from is None,
        token_from=account.token_from or f"{place}.token",
    )


def _error(
    code: str, environment: str | None, fact: str, account: Account, hint: str = ""
) -> ConfigError:
    path = ("environments", environment or "")
    return ConfigError((
        Diagnostic(code=code, path=path, message=fact, location=account.location, hint=hint),
    ))  # fmt: skip


def _of_variables(environ: Mapping[str, str]) -> Endpoint:
    region = _region(environ)
    own = f"{region}_{TOKEN_VARIABLE}"
    url_from: str | None
    if region and environ.get(own):
        address = f"{region}_{URL_VARIABLE}"
        url = environ.get(address) or _BY_VARIABLE[region]
        url_from, token_from = address if environ.get(address) else "QSTASH_REGION", own
    else:
        url, url_from = _address(environ)
        token_from = TOKEN_VARIABLE
    text = environ.get(token_from, "").strip()
    if not text:
        either = f"{own} or {TOKEN_VARIABLE}" if region else token_from
        raise AuthError(f"no token: set {either}, or try it with --local")
    token = Secret((Piece(text, hidden=True),))
    return Endpoint(
        url=url,
        token=token,
        user=user_of(token),
        url_from=url_from or URL_VARIABLE,
        token_from=token_from,
        is_default=url_from is None,
    )


def _address(environ: Mapping[str, str]) -> tuple[str, str | None]:
    """The address that the variables say without a region's own token, and which of them does."""
    if url := environ.get(URL_VARIABLE):
        return url, URL_VARIABLE
    if region := _region(environ):
        return _BY_VARIABLE[region], "QSTASH_REGION"
    return REGIONS[_DEFAULT], None


def _region(environ: Mapping[str, str]) -> str:
    region = environ.get("QSTASH_REGION", "").strip().replace("-", "_").upper()
    if region and region not in _BY_VARIABLE:
        raise AuthError(f"QSTASH_REGION={region!r} is unknown; known: {', '.join(_BY_VARIABLE)}")
    return region


def user_of(token: Secret) -> str | None:
    """The user inside a token, where it decodes."""
    try:
        data = json.loads(base64.b64decode(token.reveal() + "==="))
    except (ValueError, RecursionError):
        return None
    return data.get("UserID") if isinstance(data, dict) else None
