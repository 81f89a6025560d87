"""A block: a named, typed piece of configuration that flows and deployments share, kept at the API."""

from __future__ import annotations

import sys
import typing
from collections.abc import Mapping, Sequence
from inspect import cleandoc, get_annotations
from typing import Any, ClassVar, Self, dataclass_transform

from orion.blocks import registry
from orion.blocks.fields import Field, coerce, declared, field
from orion.errors import Invalid

RESERVED = {"register", "save", "load", "load_by_id", "delete", "from_values", "block_initialization"}


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
class Block:
    """The base of all blocks. A subclass declares its fields by annotations, and what it is by the names below.

    `save`, `load`, `register` and `delete` answer at once; where an event loop runs they are awaited instead.
    """

    _block_type_name: ClassVar[str | None] = None
    _block_type_slug: ClassVar[str | None] = None
    _logo_url: ClassVar[str | None] = None
    _documentation_url: ClassVar[str | None] = None
    _description: ClassVar[str | None] = None
    _code_example: ClassVar[str | None] = None
    _block_schema_capabilities: ClassVar[Sequence[str]] = ()
    _block_schema_version: ClassVar[str] = "non-versioned"

    _block_fields: ClassVar[dict[str, Field]] = {}
    _block_document_id: str | None = None
    _block_document_name: str | None = None
    _is_anonymous: bool = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = declared(cls, _hints(cls))
        if taken := sorted(RESERVED & set(own)):
            raise Invalid(
                f"{cls.__name__}: orion keeps the name {taken[0]!r} for itself; call the field otherwise."
            )
        inherited = {
            name: found for base in reversed(cls.__mro__[1:]) for name, found in _fields_of(base).items()
        }
        cls._block_fields = {**inherited, **own}
        for name, found in own.items():
            if name in cls.__dict__ and isinstance(cls.__dict__[name], Field):
                delattr(cls, name)
            if not found.required and found.default_factory is None:
                setattr(cls, name, found.default)
        registry.add(cls)

    def __init__(self, **values: Any) -> None:
        cls = type(self)
        unknown = sorted(set(values) - set(cls._block_fields))
        if unknown:
            raise Invalid(f"{cls.__name__} has no field {', '.join(map(repr, unknown))}. {_fields_text(cls)}")
        faults = []
        for name, found in cls._block_fields.items():
            if name not in values and found.required:
                faults.append(f"{name}: it is required")
                continue
            value = values[name] if name in values else found.fresh()
            try:
                object.__setattr__(self, name, self._coerced(name, value))
            except ValueError as error:
                faults.append(f"{name}: {error}")
        if faults:
            raise Invalid(f"{cls.__name__} cannot be made: {'; '.join(faults)}. {_fields_text(cls)}")
        self.block_initialization()

    def block_initialization(self) -> None:
        """Called when a block has been made or loaded; a subclass may check or prepare what it needs."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._block_fields:
            try:
                value = self._coerced(name, value)
            except ValueError as error:
                raise Invalid(f"{type(self).__name__}.{name}: {error}") from None
        object.__setattr__(self, name, value)

    def _coerced(self, name: str, value: Any) -> Any:
        from orion.blocks.documents import from_data

        found = self._block_fields[name]
        return value if value is None and found.default is None else coerce(value, found.hint, from_data)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._block_fields)
        return f"{type(self).__name__}({shown})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == other._values()

    __hash__ = object.__hash__

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._block_fields}

    # what kind of block this is

    @classmethod
    def get_block_type_name(cls) -> str:
        """The name of the type: `_block_type_name`, or the class's."""
        return cls.__dict__.get("_block_type_name") or cls.__name__

    @classmethod
    def get_block_type_slug(cls) -> str:
        """The slug of the type: `_block_type_slug`, or one made of the name."""
        return cls.__dict__.get("_block_type_slug") or registry.slugify(cls.get_block_type_name())

    @classmethod
    def get_description(cls) -> str | None:
        """`_description`, or the docstring up to its first section."""
        from orion.blocks.docstrings import description

        return cls.__dict__.get("_description") or description(cls.__dict__.get("__doc__"))

    @classmethod
    def get_code_example(cls) -> str | None:
        """`_code_example`, or the docstring's section `Example:`; else how to load such a block."""
        from orion.blocks.docstrings import default_example, example

        given = cls.__dict__.get("_code_example")
        return cleandoc(given) if given else example(cls.__dict__.get("__doc__")) or default_example(cls)

    @classmethod
    def get_block_capabilities(cls) -> list[str]:
        """What such blocks can do: the capabilities of the class and of all its bases."""
        return sorted(
            {name for base in cls.__mro__ for name in base.__dict__.get("_block_schema_capabilities", ())}
        )

    @classmethod
    def get_block_schema(cls) -> dict[str, Any]:
        """The JSON schema of the fields, as the API keeps it."""
        from orion.blocks.schema import block_schema

        return block_schema(cls)

    @classmethod
    def get_block_checksum(cls) -> str:
        """The checksum by which the API knows the schema."""
        from orion.blocks.schema import checksum_of

        return checksum_of(cls)

    # the API

    @classmethod
    def register(cls) -> Any:
        """Tell the API of this class: its type and its schema, after those of the blocks inside it."""
        from orion.blocks import steps
        from orion.blocks.api import run

        return run(steps.register(cls))

    def save(self, name: str | None = None, overwrite: bool = False, is_anonymous: bool = False) -> Any:
        """Save the block under a name (or without one); its document id. A name that is taken needs `overwrite`.

        Blocks inside it that are saved themselves are linked and follow later changes; others are copied in.
        """
        from orion.blocks import steps
        from orion.blocks.api import run

        return run(steps.save(self, name, overwrite, is_anonymous))

    @classmethod
    def load(cls, name: str) -> Any:
        """The saved block of that name: `Secret.load("token")`, or of any type `Block.load("secret/token")`."""
        from orion.blocks import steps
        from orion.blocks.api import run

        return run(steps.load(cls, name))

    @classmethod
    def load_by_id(cls, document_id: str) -> Any:
        """The saved block with that document id."""
        from orion.blocks import steps
        from orion.blocks.api import run

        return run(steps.load_by_id(cls, document_id))

    @classmethod
    def delete(cls, name: str) -> Any:
        """Delete the saved block of that name."""
        from orion.blocks import steps
        from orion.blocks.api import run

        return run(steps.delete(cls, name))

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """A block of JSON values by field name; keys that this class does not know are left out."""
        return cls(**{name: value for name, value in values.items() if name in cls._block_fields})


def _fields_of(base: type) -> dict[str, Field]:
    found: dict[str, Field] = base.__dict__.get("_block_fields", {})
    return found


def _fields_text(cls: type[Block]) -> str:
    names = [name if found.required else f"{name} (optional)" for name, found in cls._block_fields.items()]
    return f"Its fields: {', '.join(names) or 'none'}."


def _hints(cls: type) -> dict[str, Any]:
    """The annotations of a class as types; names are also looked for where the class statement stands."""
    frame = sys._getframe(2)
    around = {**frame.f_locals, cls.__name__: cls}
    module = vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}
    found: dict[str, Any] = {}
    for name, hint in get_annotations(cls).items():
        try:
            holder = type("Holder", (), {"__annotations__": {name: hint}, "__module__": cls.__module__})
            found |= typing.get_type_hints(holder, {**module}, around, include_extras=True)
        except NameError as error:
            raise Invalid(
                f"{cls.__name__}.{name}: the type {hint!r} is not known where the class is made: {error}"
            ) from None
    return found
