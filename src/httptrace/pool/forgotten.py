"""Connections that were idle when their connector was closed.

A program that makes a session for each request opens each of them again.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ..trace.call_site import call_site
from ..trace.record import ClosedBefore

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Collection, Hashable

_MOST = 1000
"""How many keys are remembered for each loop, the latest ones."""
_MOST_OF_KEY = 100
_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, OrderedDict[int, deque[ClosedBefore]]]
_of_loops = WeakKeyDictionary()
"""By the hashes of keys, which have no secrets; connections cannot serve another loop."""


def remember(loop: asyncio.AbstractEventLoop, keys: Collection[Hashable]) -> None:
    """Idle connections with these keys are closed now, together with their connector."""
    if not keys:
        return
    closed = ClosedBefore("connector closed", call_site())
    known = _of_loops.setdefault(loop, OrderedDict())
    for key in keys:
        known.setdefault(hash(key), deque(maxlen=_MOST_OF_KEY)).append(closed)
    while len(known) > _MOST:
        known.popitem(last=False)


def take(loop: asyncio.AbstractEventLoop, key: Hashable) -> ClosedBefore | None:
    """How a connection ended that a connector which is gone could have served this key with."""
    known = _of_loops.get(loop)
    if known is None or (closed := known.get(hash(key))) is None:
        return None
    last = closed.pop()
    if not closed:
        del known[hash(key)]
    return last
