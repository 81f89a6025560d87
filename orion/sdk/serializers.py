"""How results become bytes: by the name that stands in a result's reference."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from orion.errors import Invalid

_KNOWN: dict[str, type[Serializer]] = {}


class Serializer(ABC):
    """A way to write results. A subclass with a `type` of its own can be named as `result_serializer`.

    The program that reads such a result has to have the subclass, too: nothing is imported by a name in a state.
    """

    type: ClassVar[str] = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.type:
            _KNOWN[cls.type] = cls

    @abstractmethod
    def dumps(self, value: Any) -> bytes:
        """`value` as bytes."""

    @abstractmethod
    def loads(self, content: bytes) -> Any:
        """What `dumps` made the bytes of."""


class PickleSerializer(Serializer):
    """Whatever Python has, by cloudpickle."""

    type = "pickle"

    def dumps(self, value: Any) -> bytes:
        from orion.sdk import pickling

        return pickling.dumps(value)

    def loads(self, content: bytes) -> Any:
        from orion.sdk import pickling

        return pickling.loads(content)


class JSONSerializer(Serializer):
    """What JSON knows, for readers in any language; a tuple comes back as a list."""

    type = "json"

    def dumps(self, value: Any) -> bytes:
        import msgspec

        return msgspec.json.encode(value)

    def loads(self, content: bytes) -> Any:
        import msgspec

        return msgspec.json.decode(content)


class TextSerializer(Serializer):
    """Text as it is, in UTF-8."""

    type = "text"

    def dumps(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise TypeError(f"it is no text but a {type(value).__name__}")
        return value.encode()

    def loads(self, content: bytes) -> Any:
        return content.decode()


class CompressedSerializer(Serializer):
    """Another serializer, with its bytes compressed by zlib."""

    def __init__(self, inner: Serializer) -> None:
        self.inner = inner

    def dumps(self, value: Any) -> bytes:
        import zlib

        return zlib.compress(self.inner.dumps(value))

    def loads(self, content: bytes) -> Any:
        import zlib

        return self.inner.loads(zlib.decompress(content))


def find(name: str) -> Serializer:
    """The serializer of a name: pickle, json, text, compressed/json, ...; raises `Invalid`."""
    prefix, slash, rest = name.partition("/")
    if slash and prefix == "compressed":
        return CompressedSerializer(find(rest))
    found = _KNOWN.get("pickle" if name == "cloudpickle" else name)
    if found is None:
        names = ", ".join([*_KNOWN, *(f"compressed/{known}" for known in _KNOWN)])
        raise Invalid(f"There is no result serializer {name!r}; there is: {names}.")
    return found()


def name_of(given: str | Serializer | None) -> str | None:
    """The name of a serializer that is given by name or as an object; raises `Invalid`."""
    if given is None:
        return None
    if isinstance(given, CompressedSerializer):
        return f"compressed/{name_of(given.inner)}"
    name = given.type if isinstance(given, Serializer) else given
    find(name)
    return name
