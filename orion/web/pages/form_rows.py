"""The small buttons of a form: a row added to a list or taken out of it, a field put back to its default."""

from __future__ import annotations

from starlette.datastructures import FormData

Pairs = list[tuple[str, str]]


def edited(form: FormData) -> FormData:
    """The form after one of its small buttons: a row added or taken out, a field put back to its default."""
    pairs: Pairs = [(name, str(value)) for name, value in form.multi_items()]
    if path := str(form.get("add", "")):
        pairs = _with_row(pairs, path)
    if path := str(form.get("drop", "")):
        pairs = _without_row(pairs, *path.rpartition(".")[::2])
    if path := str(form.get("reset", "")):
        pairs = [
            pair for pair in pairs if pair[0] not in (path, f"{path}~") and not pair[0].startswith(f"{path}.")
        ]
    return FormData([(name, value) for name, value in pairs])


def _with_row(pairs: Pairs, path: str) -> Pairs:
    number = dict(pairs).get(f"{path}~", "")
    if number.isdecimal():
        return [(name, str(int(number) + 1) if name == f"{path}~" else value) for name, value in pairs]
    return [*pairs, (path, "")]


def _without_row(pairs: Pairs, path: str, at: str) -> Pairs:
    number, gone = dict(pairs).get(f"{path}~", ""), int(at) if at.isdecimal() else -1
    if number.isdecimal():
        left = [
            (name, str(max(int(number) - 1, 0)) if name == f"{path}~" else value) for name, value in pairs
        ]
        moved = [(_renumbered(name, path, gone), value) for name, value in left]
        return [(name, value) for name, value in moved if name]
    seen = [at for at, pair in enumerate(pairs) if pair[0] == path]
    return [pair for at, pair in enumerate(pairs) if not (0 <= gone < len(seen) and at == seen[gone])]


def _renumbered(name: str, path: str, gone: int) -> str:
    """The name of a row's field once the row `gone` is out; empty for the fields of that row."""
    if not name.startswith(f"{path}."):
        return name
    row, _, rest = name.removeprefix(f"{path}.").partition(".")
    if not row.isdecimal() or int(row) < gone:
        return name
    return "" if int(row) == gone else f"{path}.{int(row) - 1}.{rest}"
