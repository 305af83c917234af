"""The errors, where programs written for aiohttp import them from; see `httptrace.errors`."""

from __future__ import annotations

from .errors import *  # noqa: F403
from .errors import __all__ as __all__
