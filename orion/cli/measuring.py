"""`orion database stats` and `vacuum`: what fills a database, and what a vacuum gave back."""

from __future__ import annotations

import msgspec

from orion.cli.console import note, show_json, show_rows
from orion.settings import current

UNITS = ("bytes", "KB", "MB", "GB", "TB")


def stats(as_json: bool) -> None:
    """Show the sizes of the database and of its tables."""
    from orion.store import upkeep

    found = upkeep.stats(current().database_url)
    if as_json:
        return show_json(msgspec.to_builtins(found))
    facts = [("database", found.database), ("schema", str(found.schema_version)), ("size", size(found.bytes))]
    facts += [("free inside", size(found.free))] if found.free is not None else []
    facts += [("journal", size(found.journal))] if found.journal is not None else []
    show_rows(("Of", "Is"), facts)
    print()
    rows = [(table.name, f"{table.rows:,}", size(table.bytes)) for table in found.tables]
    show_rows(("Table", "Rows", "Size"), rows)


def vacuum(full: bool, as_json: bool) -> None:
    """Tidy up, and tell what it gave back."""
    from orion.store import upkeep

    note("This takes a while where the database is big.")
    before, after = upkeep.vacuum(current().database_url, full=full)
    if as_json:
        return show_json({"before": before, "after": after})
    print(f"{size(before)} before, {size(after)} now.")


def size(number: int | None) -> str:
    """12.3 MB."""
    if number is None:
        return ""
    value, unit = float(number), 0
    while value >= 1000 and unit < len(UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:,.0f} bytes" if unit == 0 else f"{value:,.1f} {UNITS[unit]}"
