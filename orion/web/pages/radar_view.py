"""How the full radar is looked at: which task is in focus, what is dimmed, how near it is. All of it in the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from starlette.datastructures import QueryParams

from orion.web.charts.radar import SHOWS, Node
from orion.web.pages.shared import address

NEAREST = 4


@dataclass(frozen=True)
class RadarView:
    """What the query says; `show` is empty for the usual: the path of the focus, or all without one."""

    run: str = ""
    task: str = ""
    name: str = ""
    show: str = ""
    zoom: int = 1

    def found(self, nodes: Sequence[Node]) -> Node | None:
        """The node in focus."""
        wanted = (node for node in nodes if node.id == self.task or (self.name and node.name == self.name))
        return next(wanted, None)

    def of(self, run: str, focus: Node | None) -> RadarView:
        """The same for a run, with the task that was found."""
        return replace(self, run=run, task=focus.id if focus else "", name="")

    @property
    def shown(self) -> str:
        """What is not dimmed."""
        return self.show or ("path" if self.task else "all")

    def nearer(self, steps: int) -> str | None:
        """The address of the next size, if there is one."""
        zoom = self.zoom + steps
        return replace(self, zoom=zoom).href() if 1 <= zoom <= NEAREST else None

    def showing(self, show: str) -> str:
        """The address with something else dimmed."""
        usual = "path" if self.task else "all"
        return replace(self, show="" if show == usual else show).href()

    def href(self, **changes: str) -> str:
        """The address of this view."""
        said = replace(self, **changes) if changes else self  # type: ignore[arg-type]
        zoom = str(said.zoom) if said.zoom > 1 else ""
        return address(f"runs/{said.run}/radar", task=said.task, show=said.show, zoom=zoom)


def read(query: QueryParams) -> RadarView:
    """The view that an address asks for; what makes no sense counts as not said."""
    show, zoom = query.get("show", ""), query.get("zoom", "")
    size = int(zoom) if zoom in [str(each) for each in range(1, NEAREST + 1)] else 1
    return RadarView(
        task=query.get("task", "")[:36],
        name=query.get("find", "")[:200],
        show=show if show in SHOWS else "",
        zoom=size,
    )
