"""Building images by the Docker Engine."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

from orion.blocks.infrastructure import InfrastructureError
from orion.blocks.infrastructure.images import accounts, told
from orion.deployments.packaging.context import DOCKERFILE

if TYPE_CHECKING:
    from orion.blocks import DockerRegistry
    from orion.blocks.infrastructure.docker_api import DockerApi
    from orion.deployments.packaging.context import Context

LAST = 12  # lines of a build that failed, in its message


async def build(
    api: DockerApi, context: Context, image: str, platform: str | None, registry: DockerRegistry | None
) -> None:
    """Build an image and name it. What the build prints is logged; an error tells its last lines."""
    last: deque[str] = deque(maxlen=LAST)
    params = {"t": image, "dockerfile": DOCKERFILE, "rm": "1", "forcerm": "1"}
    params |= {"platform": platform} if platform else {}
    headers = {"Content-Type": "application/x-tar", "X-Registry-Config": accounts(registry)}
    stream = api.stream("POST", "/build", params=params, headers=headers, content=context.archive())
    async for line in told(stream):
        if "error" in line:
            raise InfrastructureError(_failure(image, str(line["error"]), last))
        if text := str(line.get("stream") or line.get("status") or "").rstrip():
            last.append(text)
            logging.getLogger("orion.packaging").info("%s", text)


def _failure(image: str, why: str, last: deque[str]) -> str:
    hint = ""
    if "import orion" in why:
        hint = " Orion is not in the image: name it in the requirements, or give a base_image that has it."
    said = "".join(f"\n  {line}" for line in last)
    return f"The image {image!r} cannot be built: {why.strip()}{'.' if hint else ''}{hint}{said}"
