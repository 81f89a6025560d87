"""The front rooms: one table of routes, one handler for JSON, block and page."""
