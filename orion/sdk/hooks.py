"""Hooks: functions of the user, called when a run changes its state. A broken one is logged and changes nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging

    Logger = logging.Logger | logging.LoggerAdapter[logging.Logger]

Hook = Callable[..., Any]


def call_hooks(hooks: Sequence[Hook], subject: Any, run: Any, state: Any, logger: Logger) -> None:
    """Call each hook with (flow or task, run, state)."""
    for hook in hooks:
        name = getattr(hook, "__name__", repr(hook))
        try:
            logger.debug("Calling the hook %s", name)
            value = hook(subject, run, state)
            if inspect.iscoroutine(value):
                from orion.sdk.portal import portal

                portal().call(value)
        except Exception as error:
            logger.error("The hook %s raised %s: %s", name, type(error).__name__, error, exc_info=error)


def checked(hooks: Sequence[Hook] | Hook | None, kind: str) -> tuple[Hook, ...]:
    """Hooks as given to a decorator: one, several or none."""
    found = (hooks,) if callable(hooks) else tuple(hooks or ())
    for hook in found:
        if not callable(hook):
            raise TypeError(f"{kind} takes functions of (flow or task, run, state), but got {hook!r}.")
    return found
