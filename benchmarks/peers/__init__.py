"""The clients that are compared, one file each, behind one small interface (`base.py`)."""

from __future__ import annotations

import importlib

from .base import Peer

NAMES = ("floor", "httptrace", "aiohttp", "pyreqwest", "httpx", "niquests")


def load(name: str) -> type[Peer]:
    """Return the class that drives the client of that name; ImportError if it is missing here."""
    module = importlib.import_module(f"{__name__}.{name}")
    peer: type[Peer] = module.PEER
    return peer
