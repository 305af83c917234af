"""Ids that sort by the time at which they were made, and checks of ids from outside."""

from __future__ import annotations

import os
import re
import time

_MILLISECOND_NS = 1_000_000
_WITH_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))

_SAFE_ID = re.compile(r"[A-Za-z0-9._:;/+=@~|-]{1,128}")
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,1024}")

_last_tick = 0

_PAGE = 4096
_pieces: list[str] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pieces.clear)


def random_hex() -> str:
    """16 random hexadecimal digits from the operating system.

    Random bytes are read in blocks, because a system call for each id would cost more than the id.
    ``list.pop`` is atomic: no two threads get the same digits.
    """
    try:
        return _pieces.pop()
    except IndexError:
        page = os.urandom(_PAGE).hex()
    _pieces.extend(page[start : start + 16] for start in range(16, len(page), 16))
    return page[:16]


def new_id() -> str:
    """A UUID of version 7 (RFC 9562 section 5.7), as text.

    The 12 bits after the milliseconds hold their fraction (section 6.2, method 3), and no two
    calls of a thread get the same tick: the ids of one thread sort in the order of the calls.
    """
    global _last_tick
    milliseconds, rest = divmod(time.time_ns(), _MILLISECOND_NS)
    tick = milliseconds << 12 | (rest << 12) // _MILLISECOND_NS
    # No lock: two threads may get the same tick; their random bits differ.
    _last_tick = tick = tick if tick > _last_tick else _last_tick + 1
    time_digits, random = f"{tick >> 12:012x}", random_hex()
    # The version is 7 (section 4.2); the two bits of the variant are 10 (section 4.1).
    return (
        f"{time_digits[:8]}-{time_digits[8:]}-7{tick & 0xFFF:03x}"
        f"-{_WITH_VARIANT[random[0]]}{random[1:4]}-{random[4:]}"
    )


def is_safe_id(text: str) -> bool:
    """Whether an id from outside may enter logs and headers: 1 to 128 characters, all of them
    letters, digits or one of ``._:;/+=@~|-``."""
    return _SAFE_ID.fullmatch(text) is not None


def is_printable_id(text: str) -> bool:
    """Whether an id is safe in a log line and in a header: visible ASCII, at most 1024 characters.
    No validator of the program can widen this."""
    return _PRINTABLE.fullmatch(text) is not None
