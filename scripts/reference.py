"""Write the reference pages of the documentation from the code: `python scripts/reference.py [--check]`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
sys.path.insert(0, str(ROOT))


def settings_page() -> str:
    """Every setting: name, type, default, help, older names."""
    from orion.settings import SETTINGS

    lines = [
        "# Settings",
        "",
        "A value comes from the environment, else from the active profile (`orion profile`), else from the default.",
        "`orion config view` shows what is in force, and where it came from.",
        "",
        "| setting | type | default | |",
        "| --- | --- | --- | --- |",
    ]
    for setting in SETTINGS:
        default = "" if setting.default is None else f"`{setting.default}`" if setting.default != "" else ""
        also = f" Also read from {', '.join(f'`{name}`' for name in setting.older)}." if setting.older else ""
        lines.append(f"| `{setting.name}` | {setting.type.__name__} | {default} | {setting.help}{also} |")
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """Every command with its arguments and options, from the commands themselves."""
    import typer

    from orion.cli.root import app

    root = typer.main.get_command(app)
    lines = ["# Commands", "", "Every list and inspect takes `--json` (or `-o json`).", ""]
    for path, command in _commands("orion", root):
        lines += [f"## `{path}`", "", _plain(command.help), ""]
        rows = [
            _option(parameter) for parameter in command.params if getattr(parameter, "hidden", False) is False
        ]
        rows = [row for row in rows if row]
        if rows:
            lines += ["| | |", "| --- | --- |", *rows, ""]
    return "\n".join(lines)


def _commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None and hasattr(command, "list_commands"):
        import click

        context = click.Context(command)
        children = {name: command.get_command(context, name) for name in command.list_commands(context)}
    if not children:
        yield path, command
        return
    for name in sorted(children):
        if not getattr(children[name], "hidden", False):
            yield from _commands(f"{path} {name}", children[name])


def _option(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
    if parameter.param_type_name == "argument":
        names = f"`{(parameter.metavar or parameter.name).upper()}`"
    if "--help" in names:
        return ""
    return f"| {names} | {_plain(getattr(parameter, 'help', None))} |"


def _plain(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def python_page() -> str:
    """The public names of `orion`, with signature and docstring."""
    import orion

    lines = ["# Python", "", "What `from orion import …` gives.", ""]
    for name in sorted(orion.__all__, key=str.lower):
        lines += _entry(name, getattr(orion, name))
    return "\n".join(lines)


def _entry(name: str, value: Any) -> list[str]:
    if not (inspect.isclass(value) or callable(value)):
        return []
    doc = inspect.getdoc(value) or ""
    lines = [f"## `{name}`", "", f"```python\n{name}{_signature(value)}\n```", "", doc, ""]
    if inspect.isclass(value):
        for method, member in inspect.getmembers(value):
            if not method.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                summary = (inspect.getdoc(member) or "").split("\n\n")[0]
                brackets = "" if isinstance(member, property) else _signature(member)
                lines += [f"- `.{method}{brackets}`: {' '.join(summary.split())}"]
        lines.append("")
    return lines


def _signature(value: Any) -> str:
    if hasattr(value, "__struct_fields__"):
        return f"({', '.join(value.__struct_fields__)})"
    try:
        text = str(inspect.signature(value))
        return text.replace("orion.sdk.", "").replace("'", "")
    except (TypeError, ValueError):
        return "(...)"


def api_page() -> str:
    """Every route of the API, from the OpenAPI document."""
    from orion import __version__
    from orion.web.openapi import document
    from orion.web.routes import API

    found: dict[str, list[str]] = {}
    for path, methods in document(API, __version__)["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["other"])[0]
            summary = _plain(operation.get("summary") or operation.get("description"))
            found.setdefault(tag, []).append(f"| `{method.upper()} {path}` | {summary} |")
    lines = [
        "# REST API",
        "",
        "The document itself is at `/api/openapi.json` of every server, a page to browse at `/docs`.",
        "Lists are `POST …/filter` with `limit`, `offset`, `sort` and filters in the body.",
        "",
    ]
    for tag in sorted(found):
        lines += [f"## {tag}", "", "| | |", "| --- | --- |", *sorted(found[tag]), ""]
    return "\n".join(lines)


PAGES = {"settings.md": settings_page, "cli.md": cli_page, "python.md": python_page, "api.md": api_page}


def main() -> int:
    """Write the pages; with --check only say which are stale."""
    stale = [name for name, make in PAGES.items() if _stale(name, make())]
    if "--check" in sys.argv and stale:
        print(f"stale: {', '.join(stale)}; run python scripts/reference.py")
        return 1
    if "--check" not in sys.argv:
        for name, make in PAGES.items():
            (FOLDER / name).write_text(make())
    return 0


def _stale(name: str, text: str) -> bool:
    page = FOLDER / name
    return not page.exists() or page.read_text() != text


if __name__ == "__main__":
    sys.exit(main())
