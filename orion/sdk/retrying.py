"""Delays between retries: one number, one for each retry, or a function that makes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Delays = float | Sequence[float] | Callable[[int], Sequence[float]]

LONGEST = 50


def delays_of(given: Delays, retries: int) -> float | list[float] | None:
    """Delays in seconds as the API takes them."""
    if callable(given):
        given = given(retries)
    if isinstance(given, (int, float)):
        return _checked(given)
    found = [_checked(delay) for delay in given]
    if len(found) > LONGEST:
        raise ValueError(
            f"There can be at most {LONGEST} delays between retries, but {len(found)} were given."
        )
    return found or None


def _checked(delay: float) -> float:
    if delay < 0:
        raise ValueError(f"A delay between retries cannot be negative: {delay}.")
    return delay


def exponential_backoff(backoff_factor: float) -> Callable[[int], list[float]]:
    """For `retry_delay_seconds`: each delay twice the one before, beginning with `backoff_factor` seconds."""

    def delays(retries: int) -> list[float]:
        return [backoff_factor * 2**n for n in range(min(retries, LONGEST))]

    return delays
