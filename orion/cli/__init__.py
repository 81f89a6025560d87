"""The command `orion`: one file per command group, imported only when that group is used."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0, 1 (an expected error), 2 (wrong usage or a refusal), 3 (the database), 130."""
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _version() if args == ["version"] else _any_command(args)
        sys.stdout.flush()
    except BrokenPipeError:
        code = _without_reader()
    except KeyboardInterrupt:  # while modules are loaded; later the commands see to it
        code = 130
    sys.exit(code)


def _without_reader() -> int:
    """Who read the output has left, as `head` does: nothing more is said, at the exit of Python neither."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _any_command(args: list[str]) -> int:
    from orion.cli.root import run

    return run(args)


def _version() -> int:
    """The bare `orion version`, which needs no parser and so answers in a third of the time."""
    from orion.cli.facts import gather, lines
    from orion.errors import OrionError
    from orion.settings import current

    try:
        print(lines(gather(current())))
    except OrionError:
        return _any_command(["version"])
    return 0
