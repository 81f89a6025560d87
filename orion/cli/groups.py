"""How command groups behave: a bare group shows its help, and the top group imports only what is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command


class Group(TyperGroup):
    """A group of commands that answers its bare name with its help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["--help"])


class Members(Mapping[str, Any]):
    """The commands of a lazy group: modules of `orion.cli` with an `app`, imported when asked for."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self.modules = modules
        self.loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self.loaded:
            self.loaded[name] = get_command(import_module(f"orion.cli.{self.modules[name]}").app)
        return self.loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self.modules

    def __iter__(self) -> Iterator[str]:
        return iter(self.modules)

    def __len__(self) -> int:
        return len(self.modules)


def lazy_group(members: Mapping[str, tuple[str, str]]) -> type[Group]:
    """A group class for `members`: name of the command → (module, one line of help)."""

    class LazyGroup(Group):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.commands = Members({name: module for name, (module, _) in members.items()})  # type: ignore[assignment]

        def list_commands(self, ctx: Any) -> list[str]:
            return list(members)

        def format_commands(self, ctx: Any, formatter: Any) -> None:
            with formatter.section("Commands"):
                formatter.write_dl([(name, about) for name, (_, about) in members.items()])

    return LazyGroup


def new_group(about: str) -> typer.Typer:
    """An empty command group; its callback keeps it a group even when it has one command only."""
    group = typer.Typer(cls=Group, help=about, rich_markup_mode=None, add_completion=False)
    group.callback(help=about)(lambda: None)
    return group


def new_command() -> typer.Typer:
    """The home of a command that stands alone."""
    return typer.Typer(rich_markup_mode=None, add_completion=False)
