"""The gallery of the documentation: every picture that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

PAGES = Path(__file__).resolve().parents[2] / "docs/reference/pages.md"


def test_every_picture_of_the_gallery_is_there() -> None:
    named = re.findall(r"\]\(([^)]+\.jpg)\)", PAGES.read_text(encoding="utf-8"))
    assert len(named) > 100
    assert [each for each in named if not (PAGES.parent / each).resolve().exists()] == []
