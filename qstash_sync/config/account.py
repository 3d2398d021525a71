"""Which account: URL and token from the file's environment or the SDKs' variables.

environments.<name>.token, .region, .url       never falls back to $QSTASH_TOKEN
QSTASH_REGION=US_EAST_1, US_EAST_1_QSTASH_TOKEN, US_EAST_1_QSTASH_URL
QSTASH_TOKEN, QSTASH_URL
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from qstash_sync.config.environment import Account
from qstash_sync.errors import AuthError, ConfigError
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.resources import Piece, Secret

REGIONS = {
    "eu-central-1": "https://qstash.upstash.io",
    "us-east-1": "https://qstash-us-east-1.upstash.io",
}


_HOSTS = {urlsplit(url).hostname: region for region, url in REGIONS.items()} | {
    f"qstash-{region}.upstash.io": region for region in REGIONS
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to send requests and with which token; user is None where the token hides it."""

    url: str
    token: Secret
    user: str | None = None


def resolve(account: Account, environment: str | None, environ: Mapping[str, str]) -> Endpoint:
    """The URL and token to use; raises `AuthError` or `ConfigError` with the line to set."""
    if environment is not None:
        endpoint = _of_environment(account, environment)
    else:
        endpoint = _of_variables(environ)
    if not endpoint.url.startswith(("http://", "https://")):
        where = "QSTASH_URL" if environment is None else f"environments.{environment}.url"
        raise AuthError(f"{where} is not an address; it must start with https://")
    if account.user is not None and endpoint.user not in (None, account.user):
        fact = f"the token belongs to {endpoint.user}, not to {account.user}"
        raise _error("account", environment, fact, account)
    return endpoint


def _of_environment(account: Account, environment: str) -> Endpoint:
    if account.token is None:
        hint = "set the variable that `token: ${env.…}` names; $QSTASH_TOKEN is not used here"
        raise _error("token", environment, "no token", account, hint)
    url = account.url or REGIONS[account.region or "eu-central-1"]
    return Endpoint(url=url, token=account.token, user=user_of(account.token))


def _error(
    code: str, environment: str | None, fact: str, account: Account, hint: str = ""
) -> ConfigError:
    path = ("environments", environment or "")
    return ConfigError((
        Diagnostic(code=code, path=path, message=fact, location=account.location, hint=hint),
    ))  # fmt: skip


def _of_variables(environ: Mapping[str, str]) -> Endpoint:
    region = environ.get("QSTASH_REGION", "").replace("-", "_").upper()
    known = {name.replace("-", "_").upper(): url for name, url in REGIONS.items()}
    if region and region not in known:
        raise AuthError(f"QSTASH_REGION={region} is unknown; known: {', '.join(known)}")
    prefix = f"{region}_" if region else ""
    text = environ.get(f"{prefix}QSTASH_TOKEN") or environ.get("QSTASH_TOKEN")
    if not text:
        raise AuthError(f"no token: set {prefix}QSTASH_TOKEN, or try it with --local")
    url = environ.get(f"{prefix}QSTASH_URL") or (known[region] if region else None)
    token = Secret((Piece(text.strip(), hidden=True),))
    url = url or environ.get("QSTASH_URL") or REGIONS["eu-central-1"]
    return Endpoint(url=url, token=token, user=user_of(token))


def region_of(url: str) -> str | None:
    """The region behind an address of QStash's own; the EU has two."""
    return _HOSTS.get(urlsplit(url).hostname)


def user_of(token: Secret) -> str | None:
    """The user inside a token, where it decodes."""
    try:
        data = json.loads(base64.b64decode(token.reveal() + "==="))
    except (ValueError, RecursionError):
        return None
    return data.get("UserID") if isinstance(data, dict) else None
