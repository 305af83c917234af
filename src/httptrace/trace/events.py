"""All events, each declared once in one of the modules that are imported here.

Names are aiohttp's where aiohttp has the event ("Client tracing", aiohttp's documentation).
Times are ``time.perf_counter_ns()`` readings: nanoseconds, monotonic, comparable in one process.
"""

# ruff: noqa: F403

from __future__ import annotations

from collections.abc import Iterable

from .declare import Edge as Edge
from .declare import Event as Event
from .declare import Field as Field
from .declare import declared
from .moments_cache import *
from .moments_call import *
from .moments_connecting import *
from .moments_exchange import *
from .moments_websocket import *

EVENTS = declared()
"""Every event, in the order in which a request has them."""

_CALL_GROUPS = ("call", "redirect")


def wants_attempts(events: Iterable[type[Event]]) -> bool:
    """Whether any of these events belongs to an attempt, and not to the call as a whole."""
    return any(event.group not in _CALL_GROUPS for event in events)
