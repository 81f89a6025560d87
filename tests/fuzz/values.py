"""Values for requests: what a schema asks for, what it does not expect, and JSON as no library would write it."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

Json = Any
Place = tuple[str | int, ...]

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
SURROGATE, NUL = "\ud800", "a\0b"
BIG = "x" * 1_000_000  # over the limit of a body, but for logs

SCHEDULES: list[Json] = [
    {"interval": 3600},
    {"interval": 1e-9}, {"interval": 1e18}, {"interval": 60, "anchor_date": "0001-01-01T00:00:00Z"},
    {"interval": 60, "anchor_date": "9999-12-31T23:59:59Z"}, {"interval": 86400, "timezone": "Mars/Olympus"},
    {"cron": "0 6 * * *"}, {"cron": "0 0 31 2 *"}, {"cron": "* * * * * *"}, {"cron": "0-59/0 * * * *"},
    {"cron": "1,2," * 500}, {"cron": "R H * * *"}, {"cron": "@reboot"}, {"cron": "0 6 * * *",
    "timezone": "../etc/passwd"},
    {"rrule": "FREQ=DAILY"}, {"rrule": "DTSTART:19000101T000000\nRRULE:FREQ=SECONDLY"},
    {"rrule": "FREQ=DAILY;INTERVAL=0"},
    {"rrule": "DTSTART:99991231T235959\nRRULE:FREQ=YEARLY"}, {"rrule": "RRULE:" * 300},
    {"rrule": "FREQ=DAILY;COUNT=99999999999"},
    {"rrule": "EXRULE:FREQ=DAILY\nRRULE:FREQ=DAILY"}, {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"},
    {"interval": 60, "cron": "* * * * *"}, {}, {"interval": "PT1H"}, {"interval": None},
]  # fmt: skip
GOOD_SCHEDULES: list[Json] = [{"interval": 3600}, {"cron": "0 6 * * *"}, {"rrule": "FREQ=DAILY"}]
HOSTILE: list[Json] = [
    None, True, 0, -1, 1.5, 2**31 - 1, 2**31, 2**53 + 1, 2**62, 2**63, 2**64, -(2**63), 10**30, 10**400, 1e308, -1e308,
    5e-324, float("nan"), float("inf"), float("-inf"), "", " ", "x", NUL, SURROGATE, "\udfff\ud800", "\u202e\u200b",
    "\U0001f600" * 300, "%", "_", "\\", "'; DROP TABLE flow_run; --", ":c0", "%(c0)s", "{listed:x}", "{{ 7 * 7 }}",
    "{0.__class__}", "${jndi:x}", "../../etc/passwd", "<script>alert(1)</script>", "a\r\nSet-Cookie: x=y", "x" * 2000,
    "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00", "2026-01-01", "1e5",
    "2026-01-01T00:00:00+99:00", "2026-06-01T12:00:00", UNKNOWN_ID, UNKNOWN_ID.upper(), "not-an-id", [], {}, [None],
    [[]], [{}], {"": ""}, {"any_": "x"}, {"any_": []}, {"any_": [UNKNOWN_ID] * 1001}, {"$ref": "#/definitions/x"},
    {"__class__": "x"}, {"__prefect_kind": "json", "value": "{"}, {"after_": "0001-01-01T00:00:00+14:00"},
    {"nope": 1},
    ["x"] * 1001, {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:1/x"}}}, {"pattern": "(a+)+$"},
]  # fmt: skip


class Values:
    """Makes values by chance; `ids` knows those of real objects by the name of a field."""

    def __init__(self, rng: random.Random, components: dict[str, Json], ids: dict[str, list[str]]) -> None:
        self.rng, self.components, self.ids = rng, components, ids

    def valid(self, schema: Json, name: str = "", depth: int = 0) -> Json:
        """A value that the schema allows; of objects the required fields and a few others."""
        if "$ref" in schema:
            return self.valid(self.components[schema["$ref"].rpartition("/")[2]], name, depth)
        if "anyOf" in schema:
            return self.valid(self.rng.choice(schema["anyOf"]), name, depth)
        if "enum" in schema:
            return self.rng.choice(schema["enum"])
        if (
            name in ("schedule", "schedules")
            and schema.get("type") == "object"
            and not schema.get("properties")
        ):
            return self.rng.choice(SCHEDULES if self.rng.random() < 0.4 else GOOD_SCHEDULES)
        make = getattr(self, f"_{schema.get('type', 'any')}")
        return make(schema, name, depth)

    def an_id(self, name: str) -> str:
        """An id for a field of this name."""
        return self.one_of(kind_of(name))

    def one_of(self, kind: str) -> str:
        """Mostly an object of a kind, now and then of another, or none."""
        known = self.ids.get(kind) or []
        if known and self.rng.random() < 0.85:
            return self.rng.choice(known[-5:] if self.rng.random() < 0.6 else known)
        others = [one for each in self.ids.values() for one in each]
        return self.rng.choice(others) if others and self.rng.random() < 0.7 else UNKNOWN_ID

    def _object(self, schema: Json, name: str, depth: int) -> Json:
        if not schema.get("properties"):
            inner = schema.get("additionalProperties")
            if isinstance(inner, dict):
                return {f"k{n}": self.valid(inner, name, depth + 1) for n in range(self.rng.randrange(3))}
            return self._any(schema, name, depth, objects=True)
        required = schema.get("required", ())
        share = 0.35 if depth == 0 else 0.15
        wanted = [key for key in schema["properties"] if key in required or self.rng.random() < share]
        return {key: self.valid(schema["properties"][key], key, depth + 1) for key in wanted}

    def _array(self, schema: Json, name: str, depth: int) -> Json:
        most = min(schema.get("maxItems", 3), 3)
        return [
            self.valid(schema.get("items", {}), name, depth + 1) for _ in range(self.rng.randint(0, most))
        ]

    def _string(self, schema: Json, name: str, depth: int) -> str:
        match schema.get("format"):
            case "uuid":
                return self.an_id(name)
            case "date-time":
                return f"2026-11-{self.rng.randrange(28, 31)}T{self.rng.randrange(24):02}:00:00Z"
        least, most = schema.get("minLength", 0), schema.get("maxLength", 40)
        words = ("etl", "Nightly load", "größe", "a-b_c", "x" * 36, "0")
        text = self.rng.choice(words) + str(self.rng.randrange(40))
        if schema.get("pattern", "").startswith("^[a-z0-9"):
            text = "".join(c for c in text.lower() if c.isascii() and c.isalnum())
        return text[:most].ljust(least, "x")

    def _integer(self, schema: Json, name: str, depth: int) -> int:
        least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        most = schema.get("maximum", schema.get("exclusiveMaximum", least + 201) - 1)
        return self.rng.choice((least, most, self.rng.randint(least, max(least, min(most, least + 200)))))

    def _number(self, schema: Json, name: str, depth: int) -> float:
        least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        return round(self.rng.uniform(least, schema.get("maximum", least + 100)), 3) or 0.5

    def _boolean(self, schema: Json, name: str, depth: int) -> bool:
        return self.rng.random() < 0.5

    def _null(self, schema: Json, name: str, depth: int) -> None:
        return None

    def _any(self, schema: Json, name: str, depth: int, objects: bool = False) -> Json:
        """Opaque JSON; where it is called a schema, something like one."""
        if "schema" in name or name == "fields":
            kind = self.rng.choice(("string", "integer", "object", "array", "nope"))
            return {
                "type": "object",
                "properties": {"a": {"type": kind, "title": "A"}},
                "required": ["a"][: depth % 2],
            }
        values: list[Json] = [{}, {"a": 1}, {"a": {"b": [1, None, "é"]}}, {"name": "x", "message": "y"}]
        return self.rng.choice(values if objects or self.rng.random() < 0.6 else [None, 5, "text", [1, 2]])

    def hostile(self) -> Json:
        """Something that few fields expect."""
        if self.rng.random() < 0.15:
            return self.one_of(self.rng.choice(sorted(self.ids) or [""]))
        if self.rng.random() < 0.02:
            return self.rng.choice((BIG, BIG[:600_000]))
        return self.rng.choice(HOSTILE)

    def spoil(self, body: Json) -> tuple[Json, Place]:
        """A copy with one thing wrong, and where."""
        spoiled, places = copy.deepcopy(body), list(_places(body))
        place = self.rng.choice(places)
        if place == ():
            return self.hostile(), place
        parent = spoiled
        for step in place[:-1]:
            parent = parent[step]
        if isinstance(parent, dict) and self.rng.random() < 0.12:
            del parent[place[-1]]
        else:
            parent[place[-1]] = self.hostile()
        return spoiled, place


def _places(value: Json, at: Place = ()) -> Iterator[Place]:
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from _places(each, (*at, key))


def kind_of(name: str) -> str:
    """The kind of object that a field's name stands for: `parent_task_run_id` is one of `task_runs`."""
    base = name.removesuffix("_ids").removesuffix("_id").removeprefix("parent_").removeprefix("child_")
    base = base.removeprefix("storage_").removeprefix("infrastructure_")
    return {"policy": "flow_run_notification_policies", "document": "block_documents"}.get(base, f"{base}s")


def text_of(body: Json, rng: random.Random) -> bytes:
    """JSON text; now and then with a key twice, or with spaces and escapes that are allowed."""
    text = json.dumps(body)
    if isinstance(body, dict) and body and rng.random() < 0.05:
        key = rng.choice(sorted(body))
        text = f"{text[:-1]}, {json.dumps(key)}: {json.dumps(rng.choice(HOSTILE))}}}"
    return text.encode()


def broken(text: bytes, rng: random.Random) -> bytes:
    """A body that is no JSON, or no text, or made to hurt."""
    at = rng.randrange(len(text) + 1)
    return rng.choice(
        (
            text[:at],
            text[:at] + bytes([rng.randrange(256)]) + text[at + 1 :],
            text + text,
            b"\xef\xbb\xbf" + text,
            text.decode().encode("utf-16"),
            b"",
            b" \n",
            b"[" * 50_000,
            b'{"a":' * 120 + text + b"}" * 120,
            b"[" * 99 + text + b"]" * 99,
            b"1" * 5000,
            b"-",
            b'"\xff\xfe"',
            b'{"\\u0000": 1}',
            b"name=x&flow_id=y",
            b"null",
        )
    )
