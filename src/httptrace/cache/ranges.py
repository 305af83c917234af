"""Parts of representations: ranges that are asked for, served and combined (RFC 9111 §3.3-3.4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .entry import Entry, Span

if TYPE_CHECKING:
    from multidict import MultiMapping

_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)
_CONTENT_RANGE = re.compile(r"bytes\s+(\d{1,18})-(\d{1,18})/(\d{1,18})", re.IGNORECASE)


def content_span(value: str | None) -> Span | None:
    """The part that Content-Range tells; None if it is malformed or the whole length unknown."""
    found = _CONTENT_RANGE.fullmatch((value or "").strip())
    if found is None:
        return None
    span = Span(int(found[1]), int(found[2]), int(found[3]))
    return span if span.first <= span.last < span.total else None


def wanted_span(headers: MultiMapping[str], total: int) -> Span | None:
    """The one range that a request asks for; None if it is several, malformed or not there."""
    values = headers.getall("Range", ())
    found = _RANGE.fullmatch(values[0].strip()) if len(values) == 1 else None
    if found is None or not total:
        return None
    first, last = found[1], found[2]
    if first:
        start, end = int(first), min(int(last), total - 1) if last else total - 1
        if last and int(last) < start:
            return None
    elif last and int(last):
        start, end = max(0, total - int(last)), total - 1
    else:
        return None
    return Span(start, end, total) if start <= end else None


def stored_span(entry: Entry) -> Span:
    """What is stored of a representation."""
    return entry.span or Span(0, entry.size - 1, entry.size)


def covers(entry: Entry, headers: MultiMapping[str]) -> Span | None:
    """The range that a request asks for, if the entry has it whole."""
    stored = stored_span(entry)
    if entry.status not in (200, 206) or not _range_holds(entry, headers):
        return None
    span = wanted_span(headers, stored.total)
    if span is None or span.first < stored.first or span.last > stored.last:
        return None
    return span


def _range_holds(entry: Entry, headers: MultiMapping[str]) -> bool:
    """Whether If-Range lets the range be used (RFC 9110 §13.1.5)."""
    condition = headers.get("If-Range")
    return condition is None or condition == (
        entry.strong_etag or entry.headers.get("Last-Modified")
    )


def combined(old: Entry, old_body: bytes, new: Entry, new_body: bytes) -> tuple[Span, bytes] | None:
    """Two parts of one representation as one part (RFC 9110 §15.3.7.3).

    None if they do not touch, or are not known to be of the same representation.
    """
    before, after = stored_span(old), stored_span(new)
    etag = new.strong_etag
    if etag is None or etag != old.strong_etag or before.total != after.total:
        return None
    if len(old_body) != before.last - before.first + 1:
        return None
    if before.first > after.last + 1 or after.first > before.last + 1:
        return None
    head = old_body[: max(0, after.first - before.first)]
    tail = old_body[max(0, after.last + 1 - before.first) :] if after.last < before.last else b""
    first, last = min(before.first, after.first), max(before.last, after.last)
    return Span(first, last, after.total), head + new_body + tail
