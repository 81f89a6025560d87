"""`orion config`: the settings of the active profile, and where every value comes from."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from orion.cli import completing
from orion.cli.console import Format, Json, Output, note, show_json, show_rows
from orion.cli.groups import new_group
from orion.cli.profile_file import ProfileFile, check_value, full_name
from orion.errors import SettingError
from orion.settings import BY_NAME, SETTINGS, Settings, current

NO_SETTINGS = ("ORION__", "ORION_LOGGING_")  # a run's own, and what overrides a place in logging.yml

app = new_group("Set, unset and view settings of the active profile.")


@app.command("set")
def set_values(
    assignments: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=VALUE...",
            help="ORION_API_URL=…, or API_URL=…",
            autocompletion=completing.assignments,
        ),
    ],
) -> None:
    """Set settings in the active profile."""
    changes = dict(_assignment(text) for text in assignments)
    file = ProfileFile()
    settings = current()
    file.profiles.setdefault(settings.profile, {}).update(changes)
    settings.with_updates(changes)
    file.save()
    for name in changes:
        print(f"Set {name} in profile {settings.profile!r}.")
        _warn_of_environment(settings, name)


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SettingError(f"{text!r} has no value; write {text}=VALUE.")
    name = full_name(name)
    if name in ("ORION_HOME", "ORION_PROFILES_PATH", "ORION_PROFILE"):
        raise SettingError(f"{name} decides which profile is read, so it can only be set in the environment.")
    check_value(name, value)
    return name, value


def _warn_of_environment(settings: Settings, name: str) -> None:
    source = settings.sources[name]
    if source.startswith("environment"):
        note(f"The {source if ' ' in source else f'{source} {name}'} comes first, though; unset it there.")


@app.command("unset")
def unset(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="Their names.", autocompletion=completing.set_settings),
    ],
) -> None:
    """Take settings out of the active profile."""
    file = ProfileFile()
    profile = current().profile
    values = file.profiles.setdefault(profile, {})
    for name in map(full_name, names):
        if values.pop(name, None) is None:
            raise SettingError(f"{name} is not set in profile {profile!r}.")
        print(f"Unset {name} in profile {profile!r}.")
    file.save()


@app.command("view")
def view(
    show_defaults: Annotated[
        bool, typer.Option("--show-defaults/--hide-defaults", help="Show those that nobody has set, too.")
    ] = False,
    show_sources: Annotated[
        bool, typer.Option("--show-sources/--hide-sources", help="Show where each comes from.")
    ] = True,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """Show the settings in force and where each comes from; secrets are masked."""
    settings = current()
    masked = settings.masked()
    shown = [s.name for s in SETTINGS if show_defaults or settings.sources[s.name] != "default"]
    if as_json or output is Format.json:
        return show_json({n: {"value": masked[n], "source": settings.sources[n]} for n in shown})
    print(f"profile {settings.profile}")
    headings = ("Setting", "Value", "From") if show_sources else ("Setting", "Value")
    show_rows(headings, [(n, masked[n], settings.sources[n])[: len(headings)] for n in shown])
    for name in sorted(os.environ):
        if name.startswith("ORION_") and not name.startswith(NO_SETTINGS) and name not in BY_NAME:
            note(f"{name} in the environment is no setting of orion.")
