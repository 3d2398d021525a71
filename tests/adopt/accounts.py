"""Accounts as they grow by hand: random, from a printed seed, and through the API alone."""

import base64
import hashlib
import hmac
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from qstash_sync.adopt.importing import Imported, imported
from qstash_sync.cli.import_ import check_of, style_of
from qstash_sync.local import LOCAL_TOKEN
from tests.support import World

KINDS = {"schedules", "url_groups", "queues", "flow_controls"}
ZONES = (
    "Africa/Cairo", "Africa/Casablanca", "Africa/Johannesburg", "Africa/Lagos", "America/Bogota",
    "America/Chicago", "America/Denver", "America/Halifax", "America/Havana", "America/Lima",
    "America/Los_Angeles", "America/Mexico_City", "America/New_York", "America/Phoenix",
    "America/Santiago", "America/Sao_Paulo", "America/St_Johns", "America/Toronto", "Asia/Beirut",
    "Asia/Dhaka", "Asia/Dubai", "Asia/Hong_Kong", "Asia/Jakarta", "Asia/Jerusalem", "Asia/Karachi",
    "Asia/Kathmandu", "Asia/Kolkata", "Asia/Manila", "Asia/Seoul", "Asia/Shanghai",
    "Asia/Singapore", "Asia/Tehran", "Asia/Tokyo", "Atlantic/Azores", "Atlantic/Reykjavik",
    "Australia/Adelaide", "Australia/Lord_Howe", "Australia/Perth", "Australia/Sydney", "Etc/UTC",
    "Europe/Athens", "Europe/Berlin", "Europe/Dublin", "Europe/Istanbul", "Europe/London",
    "Europe/Madrid", "Europe/Moscow", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Honolulu",
)  # fmt: skip
EVERY_DAY = "0 0 1-31 * 1"  # QStash's parser takes either day; no cron of the file says it
CRONS = (
    "0 9 * * 1-5", "*/15 * * * *", "30 2 * * *", "0 0 1 * *", "@daily", "@hourly", "5 4 * * MON",
    "0 12 1,15 * *", "0 8-18/2 * * MON-FRI", "15 3 * * 0", "0 9 13 * 5", "7 7 1 1 *", "@weekly",
    EVERY_DAY, "10 10 */2 * *", "0  6  *  *  *", "59 23 31 12 *", "0 6 * * */2", "0 6 1 * */2",
    "5/20 * * * *", "0 9 ? * 2", "* * * * *",
)  # fmt: skip
NOT_OURS = ("@every 1h", "@every 90s", "0 0 30 2 *")
PATHS = (
    "/api/cron/daily-report", "/api/cron/sync", "/api/v1/users/sync", "/", "", "/x?a=1&b=2",
    "/api/jobs/8f14e45fceea167a5a36dedd4bea2543", "/hooks/123456", "//double", "/UPPER/Case.php",
    "/run?token=tok-4711", "/run?api_key=k%2Fx&n=1", "/a%20b", "/$%7Bx%7D", "/p?x=$token&key=$v",
    "/webhooks/9a8b7c6d5e4f3a2b1c0d9e8f7a6b", "/sk_live_4242424242424242", "/r/true", "/r/123",
)  # fmt: skip
HOSTS = ("https://app.example.com", "https://api.example.org:8443", "https://app.example.com",
         "http://plain.example.com", "https://app.example.com")  # fmt: skip
WEBHOOKS = (
    "https://hooks.slack.com/services/T0/B0/abcdef",
    "https://discord.com/api/webhooks/12345/abc-DEF",
    "https://api.telegram.org/bot12:AA-bb/sendMessage?chat_id=1",
)
BODIES: tuple[bytes, ...] = (
    b'{"type":"daily"}', b'{"type":"daily","n":1,"deep":{"l":[1,true,null,1.5,"x"]}}', b"{}", b"[]",
    b'[{"a":1},{"a":2}]', b'{"a": 1}', b'{"a":1.0,"b":1e5}', b'{"a":1,"a":2}', b'{"a":NaN}',
    b'{"<<":1,"y":"no","on":"12:30","":"","n":"010","d":"2026-01-01","e":"1e5"}',
    b'{"api_key":"k-1","nested":{"password":"p\\"w"},"ok":"plain"}', b'{"token":123456}',
    b'{"t":"${env.X} $${y} $","k":"#x: y"}', b'{"${k}":1}', '{"ü":"日本 🎉"}'.encode(),
    b'{"z":"\\u0000\\u0007\\u2028"}', b'{"s":"\\ud800"}', b"plain text", b"a=1&token=abc&b=2",
    b"line one\nline two\n", b"line one\n\n  indented\nlast", b" leading", b"trailing \nx",
    b"tab\there", b"cr\r\nlf\r\n", b"\n\nblank first", b"ends\n\n\n", b"# comment\n::error::x\n",
    b"- list\n- like", b"key: value", b"null", b"true", b"12:30", b"010", b"~", b"'quoted'",
    b'"json string"', b"\\back", b"\xff\xfe\x00", b"\x00\x01", "ünï".encode(), b"*alias", b"&anchor",
    b"!tag", b"%directive", b"@at", b"`tick", b"---", b"...", b"? key", b"x" * 300,
    ("word " * 60).strip().encode(), b"REDACT me", b"Bearer eyJhbGciOi.eyJzdWIiOi.c2ln", b"$", b"${",
    b"\xef\xbb\xbfbom", b"a\xc2\x85b", "\u3164".encode(), b"=", b"<<", b"{", b"[", b"{}x",
)  # fmt: skip
HEADERS: tuple[tuple[str, str], ...] = (
    ("authorization", "Bearer secret-1"), ("proxy-Authorization", "Basic dXNlcjpwdw=="),
    ("x-API-key", "key-1"), ("X-Team", "billing"), ("x-vercel-protection-bypass", "bypass-1"),
    ("X-Trace", "a: b, #c"), ("Accept", "*/*"), ("X-Num", "0123"), ("X-Bool", "no"),
    ("X-Dollar", "${x}"), ("Cookie", "a=b; c=d"), ("X-Cron-Auth", "s"), ("X-Quote", '"q\' \\'),
)  # fmt: skip
CONTENT_TYPES = (
    "application/json", "application/json", "application/json", "text/plain",
    "application/json; charset=UTF-8",
)  # fmt: skip


@dataclass
class Grown:
    """An account in a world, filled through its API; left: ids that no file can carry."""

    world: World
    rng: random.Random
    left: set[str] = field(default_factory=set)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request as any script sends it."""
        with httpx.Client(transport=httpx.MockTransport(self.world.account)) as http:
            headers = {"Authorization": f"Bearer {LOCAL_TOKEN}", **more.pop("headers", {})}
            answer = http.request(method, f"http://local{path}", headers=headers, **more)
        assert answer.status_code == 200, (path, answer.text)
        return answer

    def put(
        self,
        destination: str,
        cron: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """A schedule; its id."""
        headers = {"Upstash-Cron": cron, **(headers or {})}
        path = f"/v2/schedules/{destination}"
        created: str = self.request("POST", path, headers=headers, content=body).json()[
            "scheduleId"
        ]
        self.world.sleep(60)
        return created

    def fill(self) -> None:
        """Everything, at random."""
        for name in self.rng.sample(["orders", "Alerts.v2", "fan_out"], self.rng.randrange(4)):
            self.group(name)
        for name in self.rng.sample(["images", "mail-Q", "low"], self.rng.randrange(4)):
            body = {"queueName": name, "parallelism": self.rng.randrange(1, 5)}
            self.request("POST", "/v2/queues", json=body | {"paused": self.rng.random() < 0.3})
        for name in self.rng.sample(["openai", "plan-pro", "k3"], self.rng.randrange(4)):
            pins = self.rng.choice(["parallelism=3", "rate=5&period=60", "parallelism=1&rate=2"])
            self.request("POST", f"/v2/flowControl/{name}/pin?{pins}")
            if self.rng.random() < 0.3:
                self.request("POST", f"/v2/flowControl/{name}/pause")
        for _ in range(self.rng.randrange(1, 14)):
            self.schedule()

    def group(self, name: str) -> None:
        """A URL group, its endpoints named or not."""
        urls = self.rng.sample([*WEBHOOKS, "https://a.example.com/x", "https://b.example.com"], 3)
        style = self.rng.choice(["named", "bare", "mixed"])
        named = {"named": 3, "bare": 0, "mixed": 1}[style]
        items = [{"url": u, **({"name": f"e{n}"} if n < named else {})} for n, u in enumerate(urls)]
        self.request("POST", f"/v2/topics/{name}/endpoints", json={"endpoints": items})

    def schedule(self) -> None:
        """One schedule, and now and then its twins."""
        rng = self.rng
        destination = rng.choice(HOSTS) + rng.choice(PATHS)
        if rng.random() < 0.1:
            destination = rng.choice(WEBHOOKS)
        groups = self.names("topic", "name")
        if groups and rng.random() < 0.2:
            destination = rng.choice(groups)
        cron = rng.choice(CRONS)
        if rng.random() < 0.35 and cron != EVERY_DAY:
            cron = f"CRON_TZ={rng.choice(ZONES)} {' '.join(cron.split())}"
        carried = rng.random() < 0.95
        cron = cron if carried else rng.choice(NOT_OURS)
        body = rng.choice(BODIES) if rng.random() < 0.8 else b""
        settings = self.settings(is_text=not body.startswith((b"\xff", b"\x00")))
        if rng.random() < 0.15:
            name = rng.choice(["billing.mine", "billing.Not_A_Name", "acme.x", "plain-id", "x.2"])
            settings["Upstash-Schedule-Id"] = f"{name}{rng.randrange(100)}"
        for _ in range(rng.choice([1, 1, 1, 1, 2, 4])):
            created = self.put(destination, cron, body, settings)
            if not carried:
                self.left.add(created)
            if rng.random() < 0.2:
                self.request("POST", f"/v2/schedules/{created}/pause")
            settings.pop("Upstash-Schedule-Id", None)

    def names(self, kind: str, key: str) -> list[str]:
        """What is there of a kind."""
        return [item[key] for item in self.world.account.store.all(kind)]

    def settings(self, *, is_text: bool) -> dict[str, str]:
        """Headers of a schedule; is_text: its body can come from an environment."""
        rng = self.rng
        found = dict[str, str]()
        if rng.random() < 0.3:
            found["Upstash-Method"] = rng.choice(["GET", "PUT", "PATCH", "DELETE"])
        for name, value in rng.sample(HEADERS, rng.randrange(4)):
            found[f"Upstash-Forward-{name}"] = value
        if rng.random() < 0.8:
            found["Content-Type"] = rng.choice(CONTENT_TYPES)
        optional = {
            "Upstash-Retries": str(rng.randrange(9)),
            "Upstash-Retry-Delay": rng.choice(["1000", "pow(2, retried) * 1000"]),
            "Upstash-Timeout": rng.choice(["30s", "2m", "90s"]),
            "Upstash-Delay": rng.choice(["10s", "1h30m", "1d"]),
            "Upstash-Callback": "https://app.example.com/cb?token=cb-1",
            "Upstash-Failure-Callback": rng.choice(WEBHOOKS),
            "Upstash-Label": rng.choice(["l1", "team:x,l2", "a b", "true"]),
        }
        hidden = ["header", "header[X-Team]", *["body", "header[X-Team],body"] * is_text]
        optional["Upstash-Redact-Fields"] = rng.choice(hidden)
        found |= {k: v for k, v in optional.items() if rng.random() < 0.25}
        queues, keys = self.names("queue", "name"), self.names("flow", "flowControlKey")
        if queues and rng.random() < 0.2:
            found["Upstash-Queue-Name"] = rng.choice(queues)
        if keys and rng.random() < 0.3:
            found["Upstash-Flow-Control-Key"] = rng.choice(keys)
            value = rng.choice(["parallelism=2", "rate=3,period=1m", "parallelism=1,rate=9"])
            found["Upstash-Flow-Control-Value"] = value
        return found

    def read(self, **more: Any) -> Imported:
        """The account as a file."""
        with self.world.client(read_only=True) as client:
            live = client.read(KINDS)
        return imported(
            live,
            namespace=more.pop("namespace", "billing"),
            now=self.world.now,
            style=style_of("utf-8"),
            check=check_of(live, self.world.now),
            **more,
        )

    def environ(self, found: Imported) -> dict[str, str]:
        """The file's variables with the values that the account really has."""
        result = dict(found.document.environ)
        values = [*self._values()]
        for one in found.document.variables:
            if one.value is None:
                value = next(v for v in values if one.digest in self._digests(v))
                result[one.name] = value.decode()
        return result

    def _values(self) -> list[bytes]:
        stored = self.world.account.store.all("schedule")
        values = [base64.b64decode(one["bodyBase64"]) for one in stored]
        headers = [value for one in stored for found in one["header"].values() for value in found]
        return [*values, *(value.encode() for value in headers)]

    def _digests(self, value: bytes) -> tuple[str, ...]:
        kept = self.world.account.store.get("account", "secret")
        assert kept is not None
        keyed = hmac.new(bytes.fromhex(kept["hex"]), value, hashlib.sha256).hexdigest()
        return f"REDACTED:{hashlib.sha256(value).hexdigest()}", f"REDACTED:{keyed}"

    def stored(self) -> Mapping[str, Any]:
        """What is stored, without what the server sets and what an adoption writes."""
        own = (
            "activeFrom",
            "createdAt",
            "updatedAt",
            "labels",
            "lastScheduleTime",
            "ratePeriodStart",
        )
        mute = ("callbackSettings", "failureCallbackSettings", "redact")
        return {
            f"{kind}/{number}": {"period": 1, "delay": 0}
            | {k: v for k, v in item.items() if k not in (*own, *mute)}
            for kind in ("topic", "queue", "flow", "schedule")
            for number, item in enumerate(self.world.account.store.all(kind))
        }
