"""The flows of a believable server: their tasks, schedules and parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Task:
    """A task of a plan: what it waits for, how long it works, and after how many failures it succeeds."""

    name: str
    upstream: Sequence[str] = ()
    seconds: float = 5.0
    failures: int = 0
    error: str = "HTTP 503 from source"
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Plan:
    """A flow with its deployment and its tasks."""

    flow: str
    deployment: str
    queue: str
    tags: Sequence[str]
    tasks: Sequence[Task]
    schedule: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    retries: int = 2


WAREHOUSE_SCHEMA = {
    "title": "Parameters",
    "type": "object",
    "required": ["day"],
    "properties": {
        "day": {"type": "string", "format": "date", "description": "Business day to load."},
        "batch_size": {"type": "integer", "minimum": 100, "maximum": 20000, "default": 5000},
        "mode": {"enum": ["delta", "full", "repair"], "default": "delta"},
        "dry_run": {"type": "boolean", "default": False, "description": "Plan only, write nothing"},
        "regions": {"type": "array", "items": {"type": "string"}, "default": ["eu", "us"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "target": {
            "type": "object",
            "properties": {
                "warehouse": {"type": "string", "default": "main"},
                "schema": {"type": "string", "default": "mart"},
            },
        },
    },
}

WAREHOUSE = Plan(
    "nightly-warehouse-load", "prod", "etl", ["warehouse", "pii"],
    [
        Task("fetch_config", seconds=3),
        Task("extract_orders", ["fetch_config"], 92, lines=["Read 412,906 rows in 91.8 s"]),
        Task("extract_customers", ["fetch_config"], 59),
        Task("extract_refunds", ["fetch_config"], 57, failures=1, lines=["GET /v1/refunds?since=2026-11-21 page 1"]),
        Task("extract_fx_rates", ["fetch_config"], 3),
        Task("validate_orders", ["extract_orders"], 36, lines=["412,906 rows, 0 rejected, 3 new columns"]),
        Task("validate_customers", ["extract_customers"], 25),
        Task("validate_refunds", ["extract_refunds"], 21),
        Task("build_customer_dim", ["validate_customers"], 81, lines=["58,220 customers, 311 changed"]),
        Task("transform_orders", ["validate_orders", "validate_customers", "extract_fx_rates"], 60),
        Task("transform_refunds", ["validate_refunds", "extract_fx_rates"], 62),
        Task("load_refunds", ["transform_refunds"], 43),
        Task("load_customer_dim", ["build_customer_dim"], 63),
        Task("load_orders", ["transform_orders"], 40),
        Task("refresh_dashboards", ["load_orders", "load_refunds", "load_customer_dim"], 12),
    ],
    {"cron": "0 2 * * *", "timezone": "Europe/Berlin"}, {"day": "2026-11-21"}, WAREHOUSE_SCHEMA,
    "Loads the business day into the warehouse and refreshes the dashboards that read from it.",
)  # fmt: skip
ROLLUP = Plan(
    "hourly-rollup", "prod", "default", ["marts"],
    [Task(f"roll_up-{n}", ["list_marts"], 4 + n) for n in range(7)] + [Task("list_marts", seconds=1)],
    {"interval": 3600},
)  # fmt: skip
STRIPE = Plan(
    "stripe-sync", "prod", "payments", ["payments"],
    [
        Task("fetch_charges", seconds=30, failures=1, error="HTTP 429: slow down", lines=["18,204 rows"]),
        Task("fetch_refunds", seconds=12),
        Task("reconcile", ["fetch_charges", "fetch_refunds"], 20),
        Task("post_ledger", ["reconcile"], 9),
    ],
    {"interval": 7200},
)  # fmt: skip
EMBED = Plan(
    "embed-catalogue", "prod", "gpu", ["ml", "gpu"],
    [Task(f"embed_batch-{n}", ["load_model"], 20) for n in range(24)] + [Task("load_model", seconds=40)],
)  # fmt: skip
LEDGER = Plan(
    "export-ledger",
    "close",
    "finance",
    ["finance"],
    [Task("close_books", seconds=30), Task("export", ["close_books"], 45)],
)
DASHBOARDS = Plan(
    "refresh-dashboards",
    "prod",
    "default",
    ["marts"],
    [Task("render", seconds=6), Task("publish", ["render"], 2)],
)
PLANS = (WAREHOUSE, ROLLUP, STRIPE, EMBED, LEDGER, DASHBOARDS)
