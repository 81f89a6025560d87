"""What the tests of the SDK share: names of flows and tasks start afresh in each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orion.sdk import duplicates
from orion.testing import test_harness as harness


@pytest.fixture(autouse=True)
def fresh_names() -> None:
    duplicates._seen.clear()


@pytest.fixture
def home() -> Iterator[Path]:
    """A throwaway orion without a server; gives its home."""
    with harness() as folder:
        yield folder
