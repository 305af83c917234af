"""The payloads, where aiohttp's documentation has them (``aiohttp.payload``)."""

from __future__ import annotations

from .body.payload import *  # noqa: F403
from .body.payload import __all__ as __all__
