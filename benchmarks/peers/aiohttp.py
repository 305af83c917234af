"""aiohttp, through its session."""

from __future__ import annotations

import aiohttp

from .session import SessionPeer


class Aiohttp(SessionPeer):
    module = aiohttp


PEER = Aiohttp
