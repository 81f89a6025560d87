"""Third floor: the hours. Plain functions `(store, now) -> rows touched`, listed in `DUTIES`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orion.services.duties import DUTIES, Duty

__all__ = ["DUTIES", "Duty"]


def __getattr__(name: str) -> Any:
    """The table is made when it is asked for: planning one deployment needs no other duty."""
    if name not in __all__:
        raise AttributeError(name)
    from orion.services import duties

    return getattr(duties, name)
