"""Which rows of the acceptance list (tests/data/rows.txt) have a test marked with them, and which have none."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
TESTS = CHECKOUT / "tests"


def known_rows() -> dict[str, str]:
    """Every row: id → what it is about."""
    lines = (TESTS / "data" / "rows.txt").read_text().splitlines()
    return dict(line.partition(" ")[::2] for line in lines if line.strip())


def marked_rows() -> dict[str, list[str]]:
    """Every row that a test names → the files of those tests."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("*.py")):
        text = path.read_text()
        for row in _marks(ast.parse(text)) if ".row(" in text else ():
            found[row].append(str(path.relative_to(CHECKOUT)))
    return found


def _marks(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="mark"), attr="row"), args=args):
                yield from (arg.value for arg in args if isinstance(arg, ast.Constant))


def main() -> int:
    """Print the list; 1 if a test names a row that does not exist."""
    rows, marks = known_rows(), marked_rows()
    for row, about in rows.items():
        files = sorted(set(marks.get(row, [])))
        print(f"{'+' if files else '-'} {row:<8} {about:<28} {', '.join(files)}".rstrip())
    print(f"\n{sum(row in marks for row in rows)} of {len(rows)} rows have a test.")
    unknown = sorted(marks.keys() - rows.keys())
    if unknown:
        print(f"Tests name rows that do not exist: {', '.join(unknown)}", file=sys.stderr)
    return int(bool(unknown))


if __name__ == "__main__":
    sys.exit(main())
