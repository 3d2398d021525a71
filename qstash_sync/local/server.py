"""QStash's management API as a callable from request to response.

`httpx.MockTransport(server)` drives it in process, `serve.py` on a socket. Everything that the
documentation leaves open is a switch; faults, latency and counters are there for tests.
"""

import base64
import json
import random
import re
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, unquote

import httpx

from qstash_sync.local import cron
from qstash_sync.local.faults import Fault
from qstash_sync.local.schedules import Document, Refused, check_id, check_loopback, document, shown
from qstash_sync.local.store import Store
from qstash_sync.local.switches import Switches


def _token(user: str, password: str) -> str:
    return base64.b64encode(json.dumps({"UserID": user, "Password": password}).encode()).decode()


LOCAL_TOKEN = _token("localUser", "local-password")
LOCAL_READ_ONLY_TOKEN = _token("localUser", "local-read-only")
OTHER_REGION_TOKEN = _token("otherUser", "other-region")

Route = Callable[["LocalQStash", httpx.Request, "re.Match[str]"], Any]
_ROUTES: list[tuple[str, re.Pattern[str], Route]] = []


def _route(methods: str, pattern: str) -> Callable[[Route], Route]:
    def register(function: Route) -> Route:
        _ROUTES.append((methods, re.compile(rf"/v2/{pattern}/?", re.IGNORECASE), function))
        return function

    return register


class LocalQStash:
    """An account kept in a SQLite file; call it with a request to get the response."""

    def __init__(
        self,
        path: str | Path = ":memory:",
        *,
        switches: Switches = Switches(),  # noqa: B008 frozen
        clock: Callable[[], float] = time.time,
        latency: float = 0.0,
    ) -> None:
        self.store = Store(path)
        self.switches = switches
        self.clock = clock
        self.latency = latency
        self.log: list[tuple[str, str, int]] = []
        self.in_flight = self.most_in_flight = 0
        self._faults: list[tuple[Fault, list[int]]] = []
        self._lock = threading.Lock()
        self._key = secrets.token_bytes(16)
        self._random = random.Random(0)  # noqa: S311 an order, not a secret

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def inject(self, *faults: Fault) -> None:
        """Queue faults for requests to come."""
        with self._lock:
            self._faults += [(fault, [0]) for fault in faults]

    @property
    def writes(self) -> list[tuple[str, str, int]]:
        """The requests so far that were not GET."""
        return [entry for entry in self.log if entry[0] != "GET"]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request; a fault may raise httpx's transport errors instead."""
        with self._lock:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            fault = self._due(request)
        try:
            if self.latency:
                time.sleep(self.latency)
            return self._answer_or_fail(request, fault)
        finally:
            with self._lock:
                self.in_flight -= 1

    def _due(self, request: httpx.Request) -> str | None:
        path = request.url.raw_path.decode()
        for fault, seen in self._faults:
            if fault.matches(request.method, path):
                seen[0] += 1
                if fault.at <= seen[0] < fault.at + fault.times:
                    return fault.kind
        return None

    def _answer_or_fail(self, request: httpx.Request, fault: str | None) -> httpx.Response:
        if fault == "reset_before":
            raise httpx.ConnectError("connection reset", request=request)
        if fault == "hang_before":
            raise httpx.ReadTimeout("timed out", request=request)
        if fault in ("429", "429_headers", "500", "503", "html"):
            response = self._fault_response(fault)
        else:
            response = self._answer(request)
        with self._lock:
            self.log.append((request.method, request.url.raw_path.decode(), response.status_code))
        if fault == "reset_after":
            raise httpx.ReadError("connection reset", request=request)
        if fault == "hang_after":
            raise httpx.ReadTimeout("timed out", request=request)
        return response

    def _fault_response(self, fault: str) -> httpx.Response:
        if fault == "html":
            return self._response(200, "<html>maintenance</html>", "text/html")
        status = int(fault[:3])
        response = self._response(status, json.dumps({"error": f"fault {fault}"}))
        if fault == "429_headers":
            reset = str(int(self.clock()) + 1)
            response.headers.update(
                {
                    "Burst-RateLimit-Limit": "100",
                    "Burst-RateLimit-Remaining": "0",
                    "Burst-RateLimit-Reset": reset,
                }
            )
        return response

    def _response(self, status: int, text: str, kind: str = "application/json") -> httpx.Response:
        headers = {"Content-Type": kind, "Date": formatdate(self.clock(), usegmt=True)}
        return httpx.Response(status, headers=headers, content=text.encode())

    def _answer(self, request: httpx.Request) -> httpx.Response:
        try:
            self._authorize(request)
            found = self._dispatch(request)
        except Refused as refused:
            return self._response(refused.status, json.dumps({"error": refused.text}))
        if found is None:
            text = {"empty": "", "text": "OK", "json": "{}"}[self.switches.success_body]
            return self._response(200, text)
        return self._response(200, "null" if found is _NULL else json.dumps(found))

    def _authorize(self, request: httpx.Request) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        token = token or dict(request.url.params).get("qstash_token", "")
        if token == OTHER_REGION_TOKEN:
            raise Refused(404, "user not found in this region (eu-central-1)")
        if token == LOCAL_READ_ONLY_TOKEN:
            if request.method != "GET":
                raise Refused(
                    self.switches.read_only_write, "unable to authenticate: read-only token"
                )
        elif token != LOCAL_TOKEN:
            raise Refused(401, "unable to authenticate: invalid token")

    def _dispatch(self, request: httpx.Request) -> Any:
        path = request.url.raw_path.decode().partition("?")[0]
        allowed = False
        for methods, pattern, route in _ROUTES:
            match = pattern.fullmatch(path)
            if match and request.method in methods.split():
                with self.store.transaction():
                    return route(self, request, match)
            allowed = allowed or bool(match)
        raise Refused(405 if allowed else 404, f"{request.method} {path} not found")

    def _now(self) -> int:
        return int(self.clock() * 1000)

    # Schedules

    @_route("GET", "schedules")
    def _list_schedules(self, request: httpx.Request, _: Any) -> Any:
        return self._listed([self._show(stored) for stored in self.store.all("schedule")])

    @_route("GET", "schedules/(?P<id>[^/]+)")
    def _get_schedule(self, request: httpx.Request, match: "re.Match[str]") -> Any:
        return self._show(self._schedule(match["id"], 404))

    @_route("DELETE", "schedules/(?P<id>[^/]+)")
    def _delete_schedule(self, request: httpx.Request, match: "re.Match[str]") -> None:
        if (
            not self.store.delete("schedule", match["id"])
            and self.switches.missing_schedule_delete != 200
        ):
            raise Refused(404, f"schedule {match['id']} not found")

    @_route("POST PATCH", "schedules/(?P<id>[^/]+)/(?P<verb>pause|resume)")
    def _pause_schedule(self, request: httpx.Request, match: "re.Match[str]") -> None:
        stored = self.store.get("schedule", match["id"])
        if stored is None:
            if self.switches.missing_schedule_pause != 200:
                raise Refused(404, f"schedule {match['id']} not found")
            return
        stored["isPaused"] = match["verb"].lower() == "pause"
        self.store.put("schedule", match["id"], stored)

    @_route("POST", "schedules/(?P<destination>.+?)")
    def _put_schedule(self, request: httpx.Request, match: "re.Match[str]") -> Any:
        raw = [(name.decode(), value.decode()) for name, value in request.headers.raw]
        headers = {name.lower(): value for name, value in raw}
        schedule_id = headers.get("upstash-schedule-id") or "scd_" + secrets.token_hex(14)
        check_id(schedule_id, "scheduleId")
        destination = self._destination(request)
        text = headers.get("upstash-cron", "").strip()
        try:
            cron.parse(text, descriptors=self.switches.descriptors)
        except cron.CronError as error:
            raise Refused(400, f"Invalid cron expression {error}") from None
        stored = document(raw, request.content, self.switches)
        old = self.store.get("schedule", schedule_id)
        kept = old and self.switches.overwrite_keeps_created_at
        stored |= {
            "scheduleId": schedule_id,
            "cron": text,
            "destination": destination,
            "createdAt": old["createdAt"] if old and kept else self._now(),
            "isPaused": bool(old and old["isPaused"] and self.switches.overwrite_keeps_pause),
        }
        self.store.put("schedule", schedule_id, stored)
        return {"scheduleId": schedule_id}

    def _destination(self, request: httpx.Request) -> str:
        """The literal remainder of the path, its query string without a token included."""
        raw = request.url.raw_path.decode()
        path, _, query = raw.partition("?")
        destination = path[len("/v2/schedules/") :]
        kept = "&".join(
            item for item in query.split("&") if item and not item.startswith("qstash_token=")
        )
        if re.match(r"https?://", destination):
            if self.switches.check_destinations:
                check_loopback(destination)
            return f"{destination}?{kept}" if kept else destination
        if "/" in destination or "%" in destination or ":" in destination:
            raise Refused(
                400, "invalid destination url: endpoint has invalid scheme, add http:// or https://"
            )
        known = self.store.get("topic", destination)
        if known is None and self.switches.unknown_group != 200:
            raise Refused(404, f"topic {destination} not found")
        return destination

    def _schedule(self, schedule_id: str, status: int) -> Document:
        stored = self.store.get("schedule", schedule_id)
        if stored is None:
            raise Refused(status, f"schedule {schedule_id} not found")
        return stored

    def _show(self, stored: Document) -> Document:
        result = shown(stored, self.switches, key=self._key)
        if self.switches.next_time != "absent":
            after = datetime.fromtimestamp(self.clock(), UTC)
            found = cron.next_firing(stored["cron"], after)
            if found:
                wrong = 3_600_000 + 60_000 * 7 if self.switches.next_time == "wrong" else 0
                result["nextScheduleTime"] = int(found.timestamp() * 1000) + wrong
        return result

    def _listed(self, items: list[Document]) -> Any:
        if self.switches.list_order == "reverse":
            items.reverse()
        elif self.switches.list_order == "random":
            self._random.shuffle(items)
        return items if items or self.switches.empty_list == "array" else _NULL

    # URL groups

    @_route("GET", "topics")
    def _list_topics(self, request: httpx.Request, _: Any) -> Any:
        return self._listed([_topic(stored) for stored in self.store.all("topic")])

    @_route("GET", "topics/(?P<name>[^/]+)")
    def _get_topic(self, request: httpx.Request, match: "re.Match[str]") -> Any:
        stored = self.store.get("topic", unquote(match["name"]))
        if stored is None:
            raise Refused(404, f"topic {match['name']} not found")
        return _topic(stored)

    @_route("DELETE", "topics/(?P<name>[^/]+)")
    def _delete_topic(self, request: httpx.Request, match: "re.Match[str]") -> None:
        if (
            not self.store.delete("topic", match["name"])
            and self.switches.missing_group_delete != 200
        ):
            raise Refused(404, f"topic {match['name']} not found")

    @_route("PATCH", "topics/(?P<name>[^/]+)")
    def _patch_topic(self, request: httpx.Request, match: "re.Match[str]") -> None:
        stored = self.store.get("topic", match["name"])
        if stored is None:
            raise Refused(404, f"topic {match['name']} not found")
        stored["headers"] = _body(request).get("headers", {})
        self.store.put("topic", match["name"], stored)

    @_route("POST", "topics/(?P<name>[^/]+)/endpoints")
    def _add_endpoints(self, request: httpx.Request, match: "re.Match[str]") -> None:
        name = check_id(match["name"], "topic name")
        added = _body(request).get("endpoints") or []
        now = self._now()
        stored = self.store.get("topic", name) or {"name": name, "createdAt": now, "endpoints": []}
        for item in added:
            if not str(item.get("url", "")).startswith(("http://", "https://")):
                raise Refused(
                    400,
                    "invalid destination url: endpoint has invalid scheme, add http:// or https://",
                )
            self._merge(stored["endpoints"], {k: item[k] for k in ("name", "url") if item.get(k)})
        stored["updatedAt"] = now
        if stored["endpoints"]:
            self.store.put("topic", name, stored)

    def _merge(self, endpoints: list[Document], item: Document) -> None:
        """Update the endpoint that counts as the same, else append."""
        by_name = self.switches.endpoint_match == "name" and "name" in item
        for endpoint in endpoints:
            same = (
                endpoint.get("name") == item["name"]
                if by_name
                else endpoint["url"] == item["url"] and ("name" in item or "name" not in endpoint)
            )
            if same:
                endpoint.update(item)
                return
        endpoints.append(item)

    @_route("DELETE", "topics/(?P<name>[^/]+)/endpoints")
    def _remove_endpoints(self, request: httpx.Request, match: "re.Match[str]") -> None:
        stored = self.store.get("topic", match["name"])
        if stored is None:
            raise Refused(404, f"topic {match['name']} not found")
        for item in _body(request).get("endpoints") or []:
            key = "name" if item.get("name") else "url"
            stored["endpoints"] = [e for e in stored["endpoints"] if e.get(key) != item.get(key)]
        stored["updatedAt"] = self._now()
        if stored["endpoints"]:
            self.store.put("topic", match["name"], stored)
        else:
            self.store.delete("topic", match["name"])

    # Queues

    @_route("GET", "queues")
    def _list_queues(self, request: httpx.Request, _: Any) -> Any:
        return self._listed(self.store.all("queue"))

    @_route("POST", "queues")
    def _put_queue(self, request: httpx.Request, _: Any) -> None:
        body = _body(request)
        name = check_id(str(body.get("queueName", "")), "queueName")
        parallelism = body.get("parallelism", 1)
        if not isinstance(parallelism, int) or parallelism < 1:
            raise Refused(400, "invalid parallelism: must be greater than 0")
        old = self.store.get("queue", name)
        keep = (
            bool(old and old["paused"]) if self.switches.queue_paused_omitted == "keep" else False
        )
        queue = {
            "name": name,
            "createdAt": old["createdAt"] if old else self._now(),
            "updatedAt": self._now(),
            "parallelism": parallelism,
            "paused": bool(body.get("paused", keep)),
            "lag": old["lag"] if old else 0,
        }
        self.store.put("queue", name, queue)

    @_route("GET", "queues/(?P<name>[^/]+)")
    def _get_queue(self, request: httpx.Request, match: "re.Match[str]") -> Any:
        stored = self.store.get("queue", match["name"])
        if stored is None:
            raise Refused(404, f"queue {match['name']} not found")
        return stored

    @_route("DELETE", "queues/(?P<name>[^/]+)")
    def _delete_queue(self, request: httpx.Request, match: "re.Match[str]") -> None:
        self.store.delete("queue", match["name"])

    @_route("POST", "queues/(?P<name>[^/]+)/(?P<verb>pause|resume)")
    def _pause_queue(self, request: httpx.Request, match: "re.Match[str]") -> None:
        stored = self.store.get("queue", match["name"])
        if stored is None:
            raise Refused(404, f"queue {match['name']} not found")
        stored["paused"] = match["verb"].lower() == "pause"
        self.store.put("queue", match["name"], stored)

    # Flow control

    @_route("GET", "flowControl")
    def _list_flow(self, request: httpx.Request, _: Any) -> Any:
        items = self.store.all("flow")
        if self.switches.idle_pins_vanish:
            items = []
        return self._listed(items)

    @_route("GET", "flowControl/(?P<key>[^/]+)")
    def _get_flow(self, request: httpx.Request, match: "re.Match[str]") -> Any:
        stored = self.store.get("flow", match["key"])
        if stored is None:
            raise Refused(404, f"flow control key {match['key']} not found")
        return stored

    @_route("POST", "flowControl/(?P<key>[^/]+)/(?P<verb>pause|resume|pin|unpin|resetRate)")
    def _change_flow(self, request: httpx.Request, match: "re.Match[str]") -> None:
        key, verb = check_id(match["key"], "flow control key"), match["verb"].lower()
        query = dict(parse_qsl(request.url.query.decode()))
        stored = self.store.get("flow", key)
        if stored is None:
            if verb == "pin" and self.switches.pin_on_new_key != 200:
                raise Refused(404, f"flow control key {key} not found")
            stored = {"flowControlKey": key, "waitListSize": 0}
        if verb in ("pause", "resume"):
            stored["isPaused"] = verb == "pause"
        elif verb == "pin":
            _pin(stored, query)
        elif verb == "unpin":
            for part in ("parallelism", "rate"):
                if query.get(part) == "true":
                    stored[f"isPinned{part.capitalize()}"] = False
        elif verb == "resetrate":
            stored["rateCount"] = 0
        self.store.put("flow", key, stored)

    @_route("GET", "globalParallelism")
    def _global_parallelism(self, request: httpx.Request, _: Any) -> Any:
        return {"parallelismMax": 100, "parallelismCount": 0}

    # Signing keys

    @_route("GET", "keys")
    def _keys(self, request: httpx.Request, _: Any) -> Any:
        return self._signing_keys()

    def _signing_keys(self) -> Document:
        fresh = {"current": "sig_local_current", "next": "sig_local_next"}
        return self.store.get("keys", "keys") or fresh

    @_route("POST", "keys/rotate")
    def _rotate(self, request: httpx.Request, _: Any) -> Any:
        keys = {
            "current": self._signing_keys()["next"],
            "next": "sig_local_" + secrets.token_hex(4),
        }
        self.store.put("keys", "keys", keys)
        return keys


_NULL = object()  # an empty list that is written as null


def _topic(stored: Document) -> Document:
    return {key: value for key, value in stored.items() if key != "headers"}


def _body(request: httpx.Request) -> Document:
    try:
        data = json.loads(request.content or b"{}")
    except ValueError:
        raise Refused(400, "invalid body: not JSON") from None
    if not isinstance(data, dict):
        raise Refused(400, "invalid body: not an object")
    return data


def _pin(stored: Document, query: dict[str, str]) -> None:
    numbers = {key: int(value) for key, value in query.items() if value.isdecimal()}
    if not numbers.get("parallelism") and not numbers.get("rate"):
        raise Refused(400, "pin needs parallelism or rate")
    if "parallelism" in numbers:
        stored |= {"parallelismMax": numbers["parallelism"], "isPinnedParallelism": True}
    if "rate" in numbers:
        period = numbers.get("period", 1)
        stored |= {
            "rateMax": numbers["rate"],
            "ratePeriod": period,
            "rateCount": 0,
            "isPinnedRate": True,
        }
