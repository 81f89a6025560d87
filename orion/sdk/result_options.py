"""What flows and tasks say of their results: whether they are kept, where, as what, and under which name."""

from __future__ import annotations

from typing import Any, NamedTuple


class Keeping(NamedTuple):
    """How a flow or a task wants its result kept; None: as the settings say."""

    persist: bool | None = None
    storage: str | None = None  # a label of `result_storage`
    serializer: str | None = None
    key: str | None = None

    @property
    def is_chosen(self) -> bool:
        """Whether somebody said where or how: then the result is a file, however small it is."""
        return self.storage is not None or self.serializer is not None or self.key is not None

    def within(self, outer: Keeping) -> Keeping:
        """The same, with the storage and the serializer of the flow around it where it names none."""
        if outer is DEFAULT:
            return self
        return self._replace(
            storage=self.storage or outer.storage, serializer=self.serializer or outer.serializer
        )


DEFAULT = Keeping()


def keeping(
    persist_result: bool | None, result_storage: Any, result_serializer: Any, result_storage_key: str | None
) -> Keeping:
    """What the options of a flow or a task say; raises `Invalid`."""
    if (persist_result, result_storage, result_serializer, result_storage_key) == (None,) * 4:
        return DEFAULT
    from orion.sdk import result_storage as storages
    from orion.sdk import serializers

    return Keeping(
        persist_result,
        storages.configure(result_storage),
        serializers.name_of(result_serializer),
        result_storage_key,
    )
