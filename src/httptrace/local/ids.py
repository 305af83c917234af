"""Ids that sort by the time at which they were made, and the check of ids from outside."""

from __future__ import annotations

import os
import re
import time

_MILLISECOND_NS = 1_000_000
_VERSION_7 = 7 << 76
_VARIANT = 0b10 << 62

_SAFE_ID = re.compile(r"[A-Za-z0-9._:;/+=@~|-]{1,128}")
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,1024}")

_last_tick = 0

_PAGE = 4096
_chunks: list[bytes] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_chunks.clear)


def random_chunk() -> bytes:
    """Eight bytes of the system's random numbers, each given once.

    They are fetched by the page: a call of the system for each id costs more than the id. Taking
    one from a list is one step, so that no two threads get the same.
    """
    try:
        return _chunks.pop()
    except IndexError:
        page = os.urandom(_PAGE)
    _chunks.extend(page[start : start + 8] for start in range(8, _PAGE, 8))
    return page[:8]


def new_id() -> str:
    """A UUID of version 7 (RFC 9562 section 5.7), as text.

    The 12 bits after the milliseconds carry their fraction (section 6.2, method 3), and no two
    calls of a thread get the same tick: the ids of one thread sort in the order they were made.
    """
    global _last_tick
    milliseconds, rest = divmod(time.time_ns(), _MILLISECOND_NS)
    tick = milliseconds << 12 | (rest << 12) // _MILLISECOND_NS
    # Without a lock: threads that meet here may share a tick, the random bits keep them apart.
    _last_tick = tick = tick if tick > _last_tick else _last_tick + 1
    random = int.from_bytes(random_chunk(), "big") >> 2
    value = (tick >> 12) << 80 | _VERSION_7 | (tick & 0xFFF) << 64 | _VARIANT | random
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_safe_id(text: str) -> bool:
    """Whether an id from outside may enter logs and headers: 1 to 128 characters, all of them
    letters, digits or one of ``._:;/+=@~|-``."""
    return _SAFE_ID.fullmatch(text) is not None


def is_printable_id(text: str) -> bool:
    """Whether an id can do no harm at all in a log line or a header: visible ASCII, at most 1024
    characters. Holds whatever a validator of the program's own allows."""
    return _PRINTABLE.fullmatch(text) is not None
