"""What a block's docstring says: a description, and an example of its use."""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orion.blocks.core import Block

_SECTION = re.compile(
    r"^(Args|Arguments|Attributes|Parameters|Examples?|Raises|Returns|Notes?):?\s*$", re.MULTILINE
)
_EXAMPLE = re.compile(r"^Examples?:?\s*$", re.MULTILINE)


def description(doc: str | None) -> str | None:
    """The docstring up to its first section, as one paragraph a blank line."""
    text = _SECTION.split(cleandoc(doc or ""), maxsplit=1)[0].strip()
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text) or None


def example(doc: str | None) -> str | None:
    """What stands under `Example:`, up to the next section."""
    parts = _EXAMPLE.split(cleandoc(doc or ""), maxsplit=1)
    if len(parts) < 2:
        return None
    text = cleandoc(_SECTION.split(parts[1], maxsplit=1)[0]).strip()
    return (text if "```" in text else f"```python\n{text}\n```") if text else None


def default_example(cls: type[Block]) -> str:
    """How to load such a block."""
    name = cls.__name__
    variable = re.sub(r"\W", "_", cls.get_block_type_slug())
    return f'```python\nfrom {_module(cls)} import {name}\n\n{variable} = {name}.load("name")\n```'


def _module(cls: type[Block]) -> str:
    return "orion.blocks" if cls.__module__.startswith("orion.blocks.") else cls.__module__
