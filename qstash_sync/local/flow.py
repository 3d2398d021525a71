"""The routes of flow-control keys, which come into being by use and are never deleted."""

from http import HTTPStatus
from urllib.parse import parse_qs

from qstash_sync.local.answers import Call, RefusedError, bad, found, integer, refuse_missing
from qstash_sync.local.limits import MAX_PERIOD
from qstash_sync.local.store import Document, Store
from qstash_sync.local.switches import Switches

_ZEROS: Document = {
    "waitListSize": 0, "parallelismMax": 0, "rateMax": 0, "rateCount": 0,
    "ratePeriod": 0, "ratePeriodStart": 0, "isPinnedParallelism": False, "isPinnedRate": False,
    "isPaused": False,
}  # fmt: skip
_USED = "used"  # whether a message ever had this key


def listed(call: Call) -> list[Document] | None:
    """GET /v2/flowControl, with the `search` of the changelog."""
    if call.switches.flow_list != HTTPStatus.OK.value:
        raise RefusedError(HTTPStatus.NOT_FOUND, "GET /v2/flowControl is not an endpoint")
    search = _query(call).get("search", "")
    keys = [stored for stored in call.store.all("flow") if _stays(stored, call.switches)]
    shown = [_shown(key) for key in keys if search in key["flowControlKey"]]
    if not call.switches.flow_zeros_shown:
        shown = [{key: value for key, value in item.items() if value} for item in shown]
    return call.switches.listed(shown)


def get(call: Call) -> Document:
    """GET /v2/flowControl/{key}."""
    key = call.names["name"]
    return _shown(found(_stored(call, key), "flow control key", key))


def change(call: Call) -> None:
    """POST /v2/flowControl/{key}/pause, resume, pin, unpin and resetRate."""
    key, verb = call.names["name"], call.names["verb"].lower()
    query = _query(call)
    stored = _stored(call, key)
    pinned = _pinned(query, call.now) if verb == "pin" else {}
    if stored is None:
        refuse_missing("flow control key", key, status=call.switches.pin_on_new_key)
        if verb not in {"pin", "pause"}:
            return  # there is nothing to resume, unpin or reset
        stored = {"flowControlKey": key}
    if verb == "unpin":
        parts = [part for part in ("Parallelism", "Rate") if query.get(part.lower()) == "true"]
        stored |= dict.fromkeys((f"isPinned{part}" for part in parts), False)
    elif verb == "resetrate":
        stored |= {"rateCount": 0, "ratePeriodStart": int(call.now)}
    elif verb in {"pause", "resume"}:
        stored["isPaused"] = verb == "pause"
    call.store.put("flow", key, stored | pinned)


def use(store: Store, schedule: Document) -> None:
    """A message with a key: the key exists from now on, and takes what is not pinned of it."""
    key = schedule["flowControlKey"]
    stored = store.get("flow", key) or {"flowControlKey": key}
    stored[_USED] = True
    if not stored.get("isPinnedParallelism"):
        stored["parallelismMax"] = schedule.get("parallelism", 0)
    if not stored.get("isPinnedRate"):
        stored |= {"rateMax": schedule.get("rate", 0), "ratePeriod": schedule.get("period", 1)}
    store.put("flow", key, stored)


def _query(call: Call) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(call.query).items()}


def _stored(call: Call, key: str) -> Document | None:
    stored = call.store.get("flow", key)
    return stored if stored and _stays(stored, call.switches) else None


def _stays(stored: Document, switches: Switches) -> bool:
    return not switches.idle_pins_vanish or stored.get(_USED, False)


def _shown(stored: Document) -> Document:
    """With its zeros, but for a count of what runs at once: where nothing does, there is none."""
    return {**_ZEROS, **{key: value for key, value in stored.items() if key != _USED}}


def _pinned(query: dict[str, str], now: float) -> Document:
    """What a pin sets; a part that it does not name stays as it is."""
    values = {
        key: integer(key, query[key], least=1)
        for key in ("parallelism", "rate", "period")
        if key in query
    }
    if not values.keys() & {"parallelism", "rate"}:
        raise bad("invalid pin: parallelism or rate is required")
    if "period" in values and ("rate" not in values or values["period"] > MAX_PERIOD):
        raise bad("invalid period: needs a rate, and at most a week")
    pinned: Document = {}
    if "parallelism" in values:
        pinned |= {"parallelismMax": values["parallelism"], "isPinnedParallelism": True}
    if "rate" in values:
        pinned |= {
            "rateMax": values["rate"],
            "ratePeriod": values.get("period", 1),
            "ratePeriodStart": int(now),
            "rateCount": 0,
            "isPinnedRate": True,
        }
    return pinned
