"""Names of ``aiohttp.log``; the loggers of servers are aiohttp's own."""

from __future__ import annotations

import logging

__all__ = [
    "access_logger",
    "client_logger",
    "internal_logger",
    "server_logger",
    "web_logger",
    "ws_logger",
]

client_logger = internal_logger = ws_logger = logging.getLogger("httptrace")

access_logger = logging.getLogger("aiohttp.access")
server_logger = logging.getLogger("aiohttp.server")
web_logger = logging.getLogger("aiohttp.web")
