"""A timeline as text: one line for each phase, with a bar from its start to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..masking import mask_url

if TYPE_CHECKING:
    from .timeline import Hop, Timeline

_WIDTH = 80
_LEAST_BAR = 10
_LEFT = 24
"""Columns before the bars: phase and duration."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_STARTS = "███▐▐▐▕▕"
"""The first cell of a bar, by the eighth of a column in which it begins."""
_WHY_NEW = {
    "first": "",
    "busy": "the others are busy",
    "none idle": "none was idle",
    "force_close": "connections are not kept",
}


_UNITS: tuple[tuple[int, float, int, str], ...] = (
    (10**6, 1e3, 0, "µs"),
    (10**7, 1e6, 3, "ms"),
    (10**8, 1e6, 2, "ms"),
    (10**10, 1e6, 1, "ms"),
    (10**30, 1e9, 2, "s"),
)
"""For totals below this many nanoseconds: the divisor, the decimals and the unit."""


class _Scale(NamedTuple):
    """Turns times into text and columns; all have the same unit, so that they can be compared."""

    start_ns: int
    total_ns: int
    columns: int
    divisor: float
    decimals: int
    unit: str

    def duration(self, ns: int) -> str:
        number = ns / self.divisor
        least = 10**-self.decimals
        text = f"<{least:.{self.decimals}f}" if 0 < number < least / 2 else ""
        return f"{text or f'{number:.{self.decimals}f}'} {self.unit}"

    def eighth(self, ns: int) -> int:
        """The position of a time, in eighths of a column."""
        return round((ns - self.start_ns) * self.columns * 8 / max(1, self.total_ns))


def draw(timeline: Timeline, width: int = _WIDTH) -> str:
    """The waterfall of a timeline, in lines of at most `width` columns if that is 40 or more.

    A hop has a heading, one or more lines of facts, and a line for each of its phases. Secrets in
    URLs are masked. A URL that is too long is shortened in its middle.
    """
    scale = _scale(timeline, max(_LEAST_BAR, width - _LEFT))
    several = len(timeline.hops) > 1
    lines: list[str] = []
    for hop in timeline.hops:
        lines.append(_heading(hop, width, scale.duration(hop.total_ns) if several else ""))
        lines.extend(f"  {line}" for line in _facts(hop, width - 2))
        lines.extend(_rows(hop, scale))
    return "\n".join([*lines, _total(timeline, scale)])


def _scale(timeline: Timeline, columns: int) -> _Scale:
    total_ns = timeline.total_ns
    _, divisor, decimals, unit = next(row for row in _UNITS if total_ns < row[0])
    return _Scale(timeline.start_ns, total_ns, columns, divisor, decimals, unit)


# --- a hop's heading and facts --------------------------------------------------------------------


def _heading(hop: Hop, width: int, duration: str) -> str:
    outcome = f" → {_outcome(hop)}"
    room = width - len(hop.method) - 1 - len(outcome) - (len(duration) + 2 if duration else 0)
    text = f"{hop.method} {_shortened(mask_url(hop.url), max(24, room))}{outcome}"
    return f"{text:{width - len(duration) - 2}}  {duration}" if duration else text


def _shortened(text: str, room: int) -> str:
    if len(text) <= room:
        return text
    tail = room // 3
    return f"{text[: room - tail - 1]}…{text[-tail:]}"


def _outcome(hop: Hop) -> str:
    status = "" if hop.status is None else f"{hop.status} {_harmless(hop.reason)}".rstrip()
    if hop.error is None:
        return status or "…"
    failure = hop.error.partition(":")[0]
    if failure == "CancelledError":
        failure = "cancelled"
    return f"{status}, then {failure}" if status else f"{failure} in {hop.spans_ns[-1][0]}"


def _harmless(text: str) -> str:
    """Text from a server without control characters, which a terminal would interpret."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _facts(hop: Hop, width: int) -> list[str]:
    """The facts of the hop, in as few lines as possible."""
    facts = [_connection(hop), _proxy(hop), _traffic(hop), *_tls(hop)]
    lines: list[str] = []
    for fact in filter(None, facts):
        if lines and len(lines[-1]) + 3 + len(fact) <= width:
            lines[-1] += f" · {fact}"
        else:
            lines.append(fact)
    lines.extend(f"{address} {why}" for address, why in hop.addresses_failed)
    if hop.retry_reason:
        lines.append(f"sent again: {hop.retry_reason}")
    return lines


def _connection(hop: Hop) -> str:
    if hop.connection_id is None:
        return ""
    where = f"connection {hop.connection_id}{f' to {hop.address}' if hop.address else ''}"
    if hop.reused:
        return f"{where}, reused"
    why = _WHY_NEW.get(hop.why_not_reused or "first", hop.why_not_reused)
    return f"new {where}{f', {why}' if why else ''}"


def _proxy(hop: Hop) -> str:
    return f"by proxy {mask_url(hop.proxy)}" if hop.proxy is not None else ""


def _traffic(hop: Hop) -> str:
    if not hop.bytes_sent and not hop.bytes_received:
        return ""
    return f"↑ {_size(hop.bytes_sent)} ↓ {_size(hop.bytes_received)}"


def _tls(hop: Hop) -> list[str]:
    if hop.tls is None or hop.reused:
        return []
    facts = [f"{hop.tls.version} {hop.tls.cipher}"]
    if hop.tls.peer_expiry is not None:
        subject = f"of {hop.tls.peer_subject} " if hop.tls.peer_subject else ""
        facts.append(f"certificate {subject}valid to {hop.tls.peer_expiry}")
    return facts


def _size(count: int) -> str:
    if count < 1024:
        return f"{count} B"
    power = min(3, (count.bit_length() - 1) // 10)
    return f"{count / 1024**power:.1f} {('KiB', 'MiB', 'GiB')[power - 1]}"


# --- a hop's phases -------------------------------------------------------------------------------


def _rows(hop: Hop, scale: _Scale) -> list[str]:
    rows = [
        f"  {phase:8}{scale.duration(end_ns - start_ns):>12}  "
        + _bar(scale.eighth(start_ns), scale.eighth(end_ns), scale.columns)
        for phase, start_ns, end_ns in hop.spans_ns
    ]
    shares = _shares(hop, scale)
    return [*rows, f"{'':{_LEFT}}{shares}"] if shares else rows


def _shares(hop: Hop, scale: _Scale) -> str:
    """How long receiving waited for the network and for the caller, if the latter was long."""
    if hop.consumer_ns < max(1_000_000, scale.total_ns // 20):
        return ""
    network, caller = scale.duration(hop.network_wait_ns), scale.duration(hop.consumer_ns)
    return f"{network} for the network, {caller} for the reader"


def _bar(start: int, end: int, columns: int) -> str:
    """A bar between two positions in eighths of columns; at least the thinnest one."""
    column, first = divmod(start, 8)
    whole, last = divmod(end, 8)
    if column >= columns:
        return " " * (columns - 1) + "▕"
    if end <= start:
        return " " * column + ("▏" if first < 4 else "▕")
    if whole == column:
        return " " * column + (_STARTS[first] if first >= 4 else _EIGHTHS[end - start])
    blocks = _STARTS[first] + "█" * (whole - column - 1) + (_EIGHTHS[last] if last else "")
    return " " * column + blocks


def _total(timeline: Timeline, scale: _Scale) -> str:
    text = f"  {'total':8}{scale.duration(timeline.total_ns):>12}"
    notes = [] if timeline.complete else ["so far"]
    retries = sum(hop.retry_reason is not None for hop in timeline.hops)
    redirects = len(timeline.hops) - 1 - retries
    for count, one in ((redirects, "redirect"), (retries, "retry")):
        if count:
            many = "retries" if one == "retry" else "redirects"
            notes.append(f"{count} {one if count == 1 else many}")
    return f"{text}  {', '.join(notes)}" if notes else text
