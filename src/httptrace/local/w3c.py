"""W3C Trace Context: reading and writing ``traceparent`` and ``tracestate``.

https://www.w3.org/TR/trace-context-2/ (sections cited below are of that text).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Self

from httptrace.local.ids import random_hex

SAMPLED = 0x01
RANDOM = 0x02

_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
# Section 3.3.2.2.1; keys of level 1 of the specification are valid, too.
_STATE_KEY = re.compile(r"[a-z0-9][a-z0-9_\-*/@]{0,255}")
_STATE_VALUE = re.compile(r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")
_PARENT_LENGTH = 512
_STATE_MEMBERS = 32
_STATE_LENGTH = 4096


class TraceParent(NamedTuple):
    """The caller's place in a trace."""

    trace_id: str
    span_id: str
    flags: int


class TraceContext(NamedTuple):
    """The place of the running request or job in a distributed trace."""

    trace_id: str
    """32 hexadecimal digits, the same for all work that the first request caused."""
    span_id: str
    """16 hexadecimal digits: the span of this request or job."""
    parent_id: str
    """The caller's span id; empty where the trace begins here."""
    flags: int
    """``SAMPLED`` and ``RANDOM``, as the trace's first service set them."""
    tracestate: str
    """Data of tracing systems; forwarded unchanged."""

    @property
    def sampled(self) -> bool:
        """Whether the caller may have recorded this trace."""
        return bool(self.flags & SAMPLED)

    @property
    def traceparent(self) -> str:
        """The header for outgoing requests, with this span as their parent."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"

    @classmethod
    def start(cls) -> Self:
        """A new trace. It is marked as sampled: a service downstream that follows the decision of
        its caller would drop it otherwise."""
        start: Self = _new(
            cls, (random_hex() + random_hex(), random_hex(), "", SAMPLED | RANDOM, "")
        )
        return start

    @classmethod
    def follow(cls, traceparent: str | None, tracestate: str | None = None) -> Self:
        """A span of the caller's trace; a new trace where `traceparent` is missing or invalid
        (section 4.2)."""
        caller = None if traceparent is None else _parts(traceparent)
        if caller is None:
            return cls.start()
        trace_id, span_id, flags = caller
        state = "" if tracestate is None else parse_tracestate(tracestate)
        # Section 4.2: flags that this version does not know are not forwarded.
        known = int(flags, 16) & (SAMPLED | RANDOM)
        follower: Self = _new(cls, (trace_id, random_hex(), span_id, known, state))
        return follower


# What the constructor of a named tuple calls, without the function around it.
_new: Any = tuple.__new__


def parse_traceparent(text: str) -> TraceParent | None:
    """Read a ``traceparent`` header (section 3.2); ``None`` where it is invalid.

    The header of a later version may be longer; its first four parts are used (section 4.3).
    """
    parts = _parts(text)
    return None if parts is None else TraceParent(parts[0], parts[1], int(parts[2], 16))


def _parts(text: str) -> tuple[str, str, str] | None:
    """Trace id, span id and flags of a valid header."""
    match = _TRACEPARENT.fullmatch(text) or _TRACEPARENT.fullmatch(text.strip(" \t"))
    if match is None or len(text) > _PARENT_LENGTH:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return trace_id, span_id, flags


def parse_tracestate(text: str) -> str:
    """A ``tracestate`` header without its optional white space; empty where a member is invalid, a
    key comes twice, or there are more than 32 members (section 3.3.1)."""
    if len(text) > _STATE_LENGTH:
        return ""
    members = [member for part in text.split(",") if (member := part.strip(" \t"))]
    keys = {_state_key(member) for member in members}
    if len(members) > _STATE_MEMBERS or None in keys or len(keys) != len(members):
        return ""
    return ",".join(members)


def _state_key(member: str) -> str | None:
    key, equals, value = member.partition("=")
    if not equals or not _STATE_KEY.fullmatch(key) or not _STATE_VALUE.fullmatch(value):
        return None
    return key
