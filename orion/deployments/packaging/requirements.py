"""What pip has installed here, as requirements that install the same elsewhere."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from typing import Any, Literal

from orion.errors import Invalid

OnUninstallable = Literal["warn", "raise", "ignore"]
EXTRA = re.compile(r"\bextra\s*==")


def pip_requirements(
    include_nested: bool = True,
    on_uninstallable: OnUninstallable = "warn",
    without_installer: str | None = None,
) -> list[str]:
    """A requirement for each distribution of this environment, sorted by name.

    Without `include_nested` those that another one requires are left out. What was installed from a folder of this
    machine cannot be installed elsewhere: it is left out, with a warning or an error.
    """
    found = {canonical(one.name): one for one in distributions() if one.name}
    if not include_nested:
        required = {name for one in found.values() for name in _needs(one)}
        found = {name: one for name, one in found.items() if name not in required}
    lines: list[str] = []
    left_out: list[str] = []
    for name in sorted(found):
        if without_installer and (found[name].read_text("INSTALLER") or "").strip() == without_installer:
            continue
        line = _requirement(found[name])
        (lines if line else left_out).append(line or name)
    _tell(left_out, on_uninstallable)
    return lines


def canonical(name: str) -> str:
    """A distribution's name as indexes compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _needs(one: Distribution) -> Iterator[str]:
    """What a distribution always requires; not what its extras do."""
    for line in one.requires or ():
        wanted, _, marker = line.partition(";")
        name = re.match(r"[A-Za-z0-9][\w.-]*", wanted.strip())
        if name and not EXTRA.search(marker):
            yield canonical(name[0])


def _requirement(one: Distribution) -> str | None:
    """`name==1.0`, or from where it was installed: a repository or a file of the web; None for a local folder."""
    origin = json.loads(one.read_text("direct_url.json") or "{}")
    if not origin:
        return f"{one.name}=={one.version}"
    if "vcs_info" in origin:
        return f"{one.name} @ {_repository(origin)}"
    if "dir_info" in origin or origin["url"].startswith("file:"):
        return None
    return f"{one.name} @ {origin['url']}"


def _repository(origin: dict[str, Any]) -> str:
    vcs, folder = origin["vcs_info"], origin.get("subdirectory")
    url = f"{vcs['vcs']}+{origin['url']}@{vcs['commit_id']}"
    return f"{url}#subdirectory={folder}" if folder else url


def _tell(left_out: list[str], on_uninstallable: OnUninstallable) -> None:
    if not left_out or on_uninstallable == "ignore":
        return
    message = (
        f"Installed from a folder of this machine, and so nowhere else: {', '.join(left_out)}. "
        "Publish them, or copy them into the image."
    )
    if on_uninstallable == "raise":
        raise Invalid(message)
    logging.getLogger("orion.packaging").warning("%s", message)
