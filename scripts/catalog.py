"""Write the catalogue of built-in block types, orion/model/catalog.json, from the classes in orion.blocks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from orion.blocks import registry

CATALOG = Path(__file__).parent.parent / "orion" / "model" / "catalog.json"


def entry(slug: str) -> dict[str, Any]:
    """What the catalogue says of a built-in class."""
    cls = registry.built_in(slug)
    return {
        "name": cls.get_block_type_name(),
        "slug": slug,
        "logo_url": cls._logo_url,
        "documentation_url": cls._documentation_url,
        "description": cls.get_description(),
        "code_example": cls.get_code_example(),
        "capabilities": cls.get_block_capabilities(),
        "checksum": cls.get_block_checksum(),
        "fields": cls.get_block_schema(),
    }


def text() -> str:
    """The whole catalogue."""
    return (
        json.dumps([entry(slug) for slug in sorted(registry.BUILT_IN)], indent=1, ensure_ascii=False) + "\n"
    )


if __name__ == "__main__":
    CATALOG.write_text(text(), encoding="utf-8")
    print(f"{CATALOG.name}: {len(registry.BUILT_IN)} block types")
