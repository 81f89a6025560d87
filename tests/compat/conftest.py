"""The client of the web's tests serves here too."""

from tests.web.conftest import client, clock, settings

__all__ = ["client", "clock", "settings"]
