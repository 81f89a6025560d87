"""`orion profile`: sets of settings to switch between."""

from __future__ import annotations

from typing import Annotated

import typer

from orion import __version__
from orion.cli import completing
from orion.cli.console import Format, Json, Output, fail, note, show_json, show_rows
from orion.cli.groups import new_group
from orion.cli.profile_file import ProfileFile
from orion.errors import SettingError
from orion.settings import Settings, current, load

app = new_group("Create, choose and change profiles.")

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The name of the profile.", autocompletion=completing.profiles)
]


@app.command("ls")
def ls(as_json: Json = False, output: Output = Format.text) -> None:
    """List profiles; the active one has a star."""
    file, active = ProfileFile(), current().profile
    if as_json or output is Format.json:
        return show_json([{"name": name, "active": name == active} for name in file.profiles])
    for name in file.profiles:
        print(f"{'*' if name == active else ' '} {name}")


@app.command("create")
def create(
    name: Name,
    origin: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="NAME", help="Copy this profile's settings.", autocompletion=completing.profiles
        ),
    ] = None,
) -> None:
    """Create a profile."""
    file = ProfileFile()
    if name in file.profiles:
        raise SettingError(f"There is a profile {name!r} already. Use it: orion profile use {name}")
    file.profiles[name] = dict(file.named(origin)) if origin else {}
    file.save()
    print(f"Created profile {name!r}. Use it: orion profile use {name}")


@app.command("use")
def use(name: Name) -> None:
    """Make a profile the active one, and see whether its API answers."""
    file = ProfileFile()
    file.named(name)
    file.active = name
    file.save()
    print(f"Profile {name!r} is active.")
    settings = load(profile=name)
    from orion.sdk.exchange import KEY_REFUSED

    fault = _unreachable(settings)
    if fault:
        raise typer.Exit(fail(fault, 2 if fault == KEY_REFUSED else 1))
    note(
        f"{settings.api_url} answers." if settings.api_url else "No API is set: runs use the database itself."
    )


def _unreachable(settings: Settings) -> str | None:
    """Why the API of these settings does not answer, within three seconds."""
    if not settings.api_url:
        return None
    import httpx

    from orion.sdk.exchange import KEY_REFUSED

    headers = {"User-Agent": f"orion/{__version__}"}
    if settings.api_key:
        headers["Authorization"] = f"Bearer {settings.api_key}"
    try:
        answer = httpx.get(f"{settings.api_url.rstrip('/')}/admin/version", headers=headers, timeout=3)
        if answer.status_code == 401:
            return KEY_REFUSED
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"Its API at {settings.api_url} does not answer: {error or type(error).__name__}"
    return None


@app.command("inspect")
def inspect(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The active one if left out.")] = None,
    as_json: Json = False,
    output: Output = Format.text,
) -> None:
    """Show what a profile sets; secrets are masked."""
    name = name or current().profile
    values = ProfileFile().named(name)
    masked = load(profile=name).masked()
    shown = {key: masked.get(key, value) for key, value in values.items()}
    if as_json or output is Format.json:
        return show_json(shown)
    show_rows(("Setting", "Value"), shown.items()) if shown else note(f"Profile {name!r} sets nothing.")


@app.command("rename")
def rename(
    name: Name, new_name: Annotated[str, typer.Argument(metavar="NEW_NAME", help="Its name from now on.")]
) -> None:
    """Give a profile another name."""
    file = ProfileFile()
    values = file.named(name)
    if new_name in file.profiles:
        raise SettingError(f"There is a profile {new_name!r} already.")
    if name == "default":
        raise SettingError("The profile default always exists and keeps its name; copy it with --from.")
    del file.profiles[name]
    file.profiles[new_name] = values
    file.active = new_name if file.active == name else file.active
    file.save()
    print(f"Profile {name!r} is now {new_name!r}.")


@app.command("delete")
def delete(name: Name) -> None:
    """Delete a profile; deleting default empties it."""
    file = ProfileFile()
    file.named(name)
    if name == file.active and name != "default":
        raise SettingError(f"Profile {name!r} is active; use another one first: orion profile use default")
    file.profiles.pop(name)
    file.profiles.setdefault("default", {})
    file.save()
    print("Emptied profile 'default'." if name == "default" else f"Deleted profile {name!r}.")
