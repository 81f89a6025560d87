"""Prometheus' text format: families of samples, each with its help, type and labels. Version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[Mapping[str, object], float]
Row = tuple[Mapping[str, object], list[int], int, float]


class Text:
    """The page as it grows."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def family(self, name: str, kind: str, help: str, samples: Iterable[Sample]) -> None:
        """All samples of one name; `kind` is gauge or counter."""
        self._begin(name, kind, help)
        self._lines += [_sample(name, labels, value) for labels, value in samples]

    def histogram(self, name: str, help: str, bounds: Iterable[float], rows: Iterable[Row]) -> None:
        """A histogram: for each row its labels, the counts up to each bound, their number and their sum."""
        self._begin(name, "histogram", help)
        steps = [f"{bound:g}" for bound in bounds]
        for labels, counts, number, total in rows:
            for bound, count in [*zip(steps, counts, strict=True), ("+Inf", number)]:
                self._lines.append(_sample(f"{name}_bucket", {**labels, "le": bound}, count))
            self._lines.append(_sample(f"{name}_sum", labels, total))
            self._lines.append(_sample(f"{name}_count", labels, number))

    def _begin(self, name: str, kind: str, help: str) -> None:
        said = help.replace("\\", r"\\").replace("\n", r"\n")
        self._lines += [f"# HELP {name} {said}", f"# TYPE {name} {kind}"]

    def bytes(self) -> bytes:
        return ("\n".join(self._lines) + "\n").encode()


def _sample(name: str, labels: Mapping[str, object], value: float) -> str:
    said = ",".join(f'{label}="{_quoted(str(text))}"' for label, text in labels.items())
    number = f"{value:.9g}" if isinstance(value, float) and not value.is_integer() else f"{int(value)}"
    return f"{name}{{{said}}} {number}" if said else f"{name} {number}"


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
