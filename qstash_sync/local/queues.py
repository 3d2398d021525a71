"""The routes of queues."""

from qstash_sync.local.answers import Call, check_name, found, refuse_missing, whole
from qstash_sync.local.limits import within
from qstash_sync.local.store import Document, Store


def listed(call: Call) -> list[Document]:
    """GET /v2/queues."""
    return call.store.all("queue")


def get(call: Call) -> Document:
    """GET /v2/queues/{name}."""
    name = check_name(call.names["name"], "queueName")
    return found(call.store.get("queue", name), "queue", name)


def put(call: Call) -> None:
    """POST /v2/queues: create or update; parallelism that is left out becomes 1."""
    body = call.json()
    name = check_name(str(body.get("queueName", "")), "queueName")
    parallelism = whole("parallelism", body.get("parallelism", 1), least=1)
    old = call.store.get("queue", name)
    if old is None:
        within(call, "queues", call.store.count("queue") + 1)
    within(call, "queue_parallelism", parallelism)
    stored = old or _fresh(name, call.now_ms)
    keeps = call.switches.queue_paused_omitted == "keep"
    paused = body.get("paused", stored["paused"] if keeps else False)
    stored |= {"parallelism": parallelism, "paused": bool(paused), "updatedAt": call.now_ms}
    call.store.put("queue", name, stored)


def delete(call: Call) -> None:
    """DELETE /v2/queues/{name}: 200 for one that is not there, too."""
    call.store.delete("queue", check_name(call.names["name"], "queueName"))


def pause(call: Call) -> None:
    """POST /v2/queues/{name}/pause and /resume."""
    name = check_name(call.names["name"], "queueName")
    stored = call.store.get("queue", name)
    if stored is None:
        refuse_missing("queue", name, status=call.switches.missing_queue_pause)
        return
    stored |= {"paused": call.names["verb"].lower() == "pause", "updatedAt": call.now_ms}
    call.store.put("queue", name, stored)


def ensure_queue(store: Store, name: str, now_ms: int) -> None:
    """A message for a queue that does not exist creates it with the default parallelism."""
    if store.get("queue", name) is None:
        store.put("queue", name, _fresh(name, now_ms))


def _fresh(name: str, now_ms: int) -> Document:
    stamps = {"createdAt": now_ms, "updatedAt": now_ms}
    return {"name": name, **stamps, "parallelism": 1, "paused": False, "lag": 0}
