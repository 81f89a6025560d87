"""The street door: `uvicorn app:app` serves the API and the console with the settings of the environment."""

from orion.settings import load
from orion.web.factory import build_app

app = build_app(load())
