"""httpx without its command line, which would bring rich and pygments along and double the time of its import."""

from __future__ import annotations

import sys

if "httpx" not in sys.modules:
    sys.modules["httpx._main"] = None  # type: ignore[assignment]  # httpx takes this for a missing extra
    import httpx as httpx

    del sys.modules["httpx._main"]
else:
    import httpx as httpx
