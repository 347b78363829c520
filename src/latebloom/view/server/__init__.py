"""`latebloom serve`: the lab in the browser, for the one person who started it."""

from latebloom.view.server.app import build
from latebloom.view.server.serving import serve

__all__ = ["build", "serve"]
