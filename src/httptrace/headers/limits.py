"""How large a head or trailers may be: llhttp itself knows no limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .head import RawHeaders


class HeadLimits(NamedTuple):
    """aiohttp's ``max_line_size``, ``max_field_size`` and ``max_headers``."""

    line: int = 8190
    field: int = 8190
    fields: int = 128
    small: int = 4 * 128
    """A head of fewer bytes is within all limits: a field takes four at the least."""

    @classmethod
    def of(cls, line: int, field: int, fields: int) -> HeadLimits:
        """The limits that a user has set."""
        return cls(line, field, fields, min(line, field, 4 * fields))

    def allow(self, head: bytes) -> bool:
        """Whether a head is so small that nothing in it can be over a limit."""
        line, field, fields, _small = self
        return len(head) < line and len(head) < field and head.count(b"\n") <= fields

    @property
    def whole(self) -> int:
        """More than a head within the limits can have."""
        return self.line + self.field * self.fields


class BadHeadError(Exception):
    """A head that llhttp takes and that is not taken here."""


class HeadTooLargeError(BadHeadError):
    """A line, a field, or the number of them is over its limit."""


def check_head(headers: RawHeaders, reason: bytes, size: int, limits: HeadLimits) -> None:
    """Raise `HeadTooLargeError` for a whole head that is over a limit.

    `size` is how many bytes were received for it: when they are fewer than any limit, nothing in
    them needs to be measured.
    """
    if len(headers) > limits.fields:
        raise HeadTooLargeError(f"more than {limits.fields} header fields")
    if size <= limits.field and size <= limits.line:
        return
    if len(reason) > limits.line:
        raise HeadTooLargeError(f"a status line of over {limits.line} bytes")
    for name, value in headers:
        if len(name) + len(value) > limits.field:
            shown = name[:40].decode("latin-1")
            raise HeadTooLargeError(f"a header field of over {limits.field} bytes ({shown})")


def check_overhead(headers: RawHeaders, size: int, limits: HeadLimits, *, in_body: bool) -> None:
    """The same for what comes in without bytes of a body: a head, trailers, chunk extensions."""
    if size > limits.whole:
        raise HeadTooLargeError(f"over {limits.whole} bytes of head, trailers or chunk extensions")
    if headers:
        check_head(headers, b"", size, limits)
    elif in_body and size > limits.line + limits.field:
        raise HeadTooLargeError(f"a chunk extension of over {limits.line} bytes")
