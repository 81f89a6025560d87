"""`from orion.testing import test_harness`: a throwaway orion for tests of flows."""

from __future__ import annotations

from orion.sdk.testing import test_harness

__all__ = ["test_harness"]
