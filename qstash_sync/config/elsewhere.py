"""What other environments of the files declare in the same account, of the kinds without a mark.

A queue, a URL group or a flow-control key is known by its name alone: one that production declares
is not a preview's to delete, whatever the preview's `owns` says.
"""

from qstash_sync.config.tree import Map, Value
from qstash_sync.model import addresses
from qstash_sync.model.resources import Kind

KINDS = {
    "url_groups": Kind.URL_GROUP,
    "queues": Kind.QUEUE,
    "flow_controls": Kind.FLOW_CONTROL,
}


def shares_account(one: Map, other: Map) -> bool:
    """Whether two environments may be of one account: only what they say tells that they are not.

    Two tokens may be of one account, so they tell nothing. One token is of one account, whatever
    stands before its server; but each region of QStash has accounts and tokens of its own.
    """
    if _differ(_account(one), _account(other)):
        return False
    servers = _server(one), _server(other)
    is_one_token = one.get("token") is not None and one.get("token") == other.get("token")
    is_proxied = is_one_token and not addresses.REGIONS.keys() >= {*servers}
    return is_proxied or not _differ(*servers)


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _server(raw: Map) -> str | None:
    """The server that an environment names; None where it leaves that to variables."""
    if raw.get("url") is None:
        return _plain(raw.get("region"))
    url = _plain(raw["url"])
    return url and addresses.server_of(url, None)


def _account(raw: Map) -> str | None:
    """The account that an environment names, likewise."""
    return _plain(raw.get("account"))


def _plain(value: Value) -> str | None:
    return value if isinstance(value, str) and "${" not in value else None
