"""The routes of named limits as methods: slots taken for a time or at a rate, and the limits themselves."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from orion.model import limits
from orion.sdk.routes import Routes


class LimitRoutes(Routes):
    """Named limits, which code uses with `concurrency` and `rate_limit`."""

    def take_slots(self, wanted: limits.Increment) -> Any:
        return self._post("/v2/concurrency_limits/increment", wanted, list[limits.MinimalLimit])

    def take_lease(self, wanted: limits.IncrementWithLease) -> Any:
        return self._post("/v2/concurrency_limits/increment-with-lease", wanted, limits.Lease)

    def renew_lease(self, lease_id: str, seconds: float) -> Any:
        body = limits.RenewLease(lease_duration=seconds)
        return self._post(f"/v2/concurrency_limits/leases/{lease_id}/renew", body)

    def give_lease(self, lease_id: str) -> Any:
        body = limits.ReleaseLease(lease_id=lease_id)
        return self._post("/v2/concurrency_limits/decrement-with-lease", body)

    def create_global_concurrency_limit(self, limit: limits.ConcurrencyLimitV2Create) -> Any:
        return self._post("/v2/concurrency_limits/", limit, limits.ConcurrencyLimitV2)

    def read_global_concurrency_limit(self, name: str) -> Any:
        return self._get(f"/v2/concurrency_limits/{quote(name, safe='')}", limits.ConcurrencyLimitV2)

    def read_global_concurrency_limits(self, limit: int = 200, offset: int = 0) -> Any:
        body = {"limit": limit, "offset": offset}
        return self._post("/v2/concurrency_limits/filter", body, list[limits.ConcurrencyLimitV2])

    def update_global_concurrency_limit(self, name: str, changes: limits.ConcurrencyLimitV2Update) -> Any:
        return self._patch(f"/v2/concurrency_limits/{quote(name, safe='')}", changes)

    def delete_global_concurrency_limit(self, name: str) -> Any:
        return self._delete(f"/v2/concurrency_limits/{quote(name, safe='')}")
