"""Values that do not show themselves: printed, logged or put into JSON by accident, they are a mask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from orion.blocks import redaction
from orion.vault import MASK


class SecretStr:
    """A secret text. `get_secret_value()` is the only way to read it."""

    __slots__ = ("_value",)

    def __init__(self, value: str | SecretStr) -> None:
        self._value = value.get_secret_value() if isinstance(value, SecretStr) else value
        redaction.remember(self._value)

    def get_secret_value(self) -> str:
        """The text in clear."""
        return self._value

    def __repr__(self) -> str:
        return f"SecretStr({str(self)!r})"

    def __str__(self) -> str:
        return MASK if self._value else ""

    def __len__(self) -> int:
        return len(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretStr) and self._value == other._value

    def __hash__(self) -> int:
        return hash((SecretStr, self._value))


class SecretDict:
    """A mapping whose keys may be seen and whose values are secret."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any] | SecretDict = MappingProxyType({})) -> None:
        self._values = dict(values.get_secret_value() if isinstance(values, SecretDict) else values)
        redaction.remember(self._values)

    def get_secret_value(self) -> dict[str, Any]:
        """The mapping in clear."""
        return dict(self._values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"SecretDict({dict.fromkeys(self._values, MASK)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretDict) and self._values == other._values

    __hash__ = None  # type: ignore[assignment]


class SecretJson:
    """Any JSON value, all of it secret."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value.get_secret_value() if isinstance(value, SECRETS) else value
        redaction.remember(self._value)

    def get_secret_value(self) -> Any:
        """The value in clear."""
        return self._value

    def __repr__(self) -> str:
        return f"SecretJson({MASK!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretJson) and self._value == other._value

    __hash__ = None  # type: ignore[assignment]


SECRETS = (SecretStr, SecretDict, SecretJson)
