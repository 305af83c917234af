"""A timeline as text: one line for each phase, with a bar from its start to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..masking import mask_url
from .bars import LATE, SAID, bar, scale_of, shaded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .bars import Scale
    from .hop import Hop
    from .timeline import Timeline

_WIDTH = 80
_LEAST_BAR = 10
_LEAST_SHARE = 50
_MOST_SAID = 4
"""How many entries of `Server-Timing` are drawn."""
_LEFT = 24
"""Columns before the bars: phase and duration."""
_WHY_NEW = {
    "first": "",
    "busy": "the others are busy",
    "none idle": "none was idle",
    "force_close": "connections are not kept",
}


def draw(timeline: Timeline, width: int = _WIDTH) -> str:
    """The waterfall of a timeline, in lines of at most `width` columns if that is 40 or more.

    A hop has a heading, one or more lines of facts, and a line for each of its phases. The last
    line is the first of the findings, if there is one. Secrets in URLs are masked. A URL that is
    too long is shortened in its middle.
    """
    scale = scale_of(timeline.start_ns, timeline.total_ns, max(_LEAST_BAR, width - _LEFT))
    several = len(timeline.hops) > 1
    lines: list[str] = []
    for hop in timeline.hops:
        lines.append(_heading(hop, width, scale.duration(hop.total_ns) if several else ""))
        lines.extend(f"  {line}" for line in _facts(hop, width - 2))
        lines.extend(_rows(hop, scale))
    return "\n".join([*lines, _total(timeline, scale), *_why(timeline, scale, width)])


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
    if hop.cache is not None:
        lines.append(f"cache {hop.cache.state}: {hop.cache.reason}"[:width])
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
    sent = f"↑ {_size(hop.bytes_sent)}"
    if hop.status and not hop.bytes_received:  # not known
        return sent
    return f"{sent} ↓ {_size(hop.bytes_received)}"


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


def _rows(hop: Hop, scale: Scale) -> Iterator[str]:
    for phase, start_ns, end_ns in _drawn(hop, scale):
        drawn = bar(scale, start_ns, end_ns)
        if phase == "wait" and hop.wait_late_ns:
            drawn = shaded(drawn, scale, end_ns - hop.wait_late_ns, end_ns, LATE)
        yield f"  {phase:8}{scale.duration(end_ns - start_ns):>12}  {drawn}"
        if phase == "wait":
            yield from _said_by_server(hop, scale, start_ns, end_ns)
            yield from _shares(_of_wait(hop, scale, end_ns - start_ns), scale)
    yield from _shares(_of_receive(hop, scale), scale)


def _drawn(hop: Hop, scale: Scale) -> Iterator[tuple[str, int, int]]:
    """The spans to draw: not the turns of the loop between two steps, unless they took long."""
    for number, (phase, start_ns, end_ns) in enumerate(hop.spans_ns):
        if not number or phase != "queue" or (end_ns - start_ns) * _LEAST_SHARE > scale.total_ns:
            yield phase, start_ns, end_ns


def _said_by_server(hop: Hop, scale: Scale, start_ns: int, end_ns: int) -> Iterator[str]:
    """The longest entries of `Server-Timing`, within the wait: only their lengths are known."""
    timed = [one for one in hop.server_timing if one.duration]
    start_ns += (hop.min_rtt_ns or 0) // 2
    for one in sorted(timed, key=lambda one: -(one.duration or 0))[:_MOST_SAID]:
        lasted_ns = int((one.duration or 0) * 1e9)
        drawn = bar(scale, start_ns, max(start_ns, min(start_ns + lasted_ns, end_ns)))
        drawn = shaded(drawn, scale, start_ns, end_ns, SAID)
        text = _harmless(one.description)
        text = f" {text}" if text and len(drawn) + len(text) < scale.columns else ""
        label = f"· {_harmless(one.name)}"[:10]
        yield f"  {label:10}{scale.duration(lasted_ns):>10}  {drawn}{text}"


def _shares(parts: list[str], scale: Scale) -> Iterator[str]:
    """The parts in as few lines as they fit."""
    line = ""
    for part in parts:
        if line and len(line) + 2 + len(part) > scale.columns:
            yield f"{'':{_LEFT}}{line},"
            line = ""
        line = f"{line}, {part}" if line else part
    if line:
        yield f"{'':{_LEFT}}{line}"


def _of_wait(hop: Hop, scale: Scale, waited_ns: int) -> list[str]:
    """Server, network and event loop, if the last two took a good part of the wait."""
    server_ns, rtt_ns, late_ns = hop.server_ns, hop.min_rtt_ns, hop.wait_late_ns
    if waited_ns < max(1_000_000, scale.total_ns // 20) or server_ns is None or rtt_ns is None:
        return []
    if not late_ns and rtt_ns * 20 < waited_ns:
        return []
    parts = [f"≈ {scale.duration(server_ns)} for the server"]
    parts.append(f"{scale.duration(rtt_ns)} for the network")
    return [*parts, _for_loop(late_ns, scale)] if late_ns else parts


def _of_receive(hop: Hop, scale: Scale) -> list[str]:
    """Network, reader and event loop, if the last two took a good part of receiving."""
    long_ns = max(1_000_000, scale.total_ns // 20)
    if hop.consumer_ns < long_ns and hop.receive_late_ns < long_ns:
        return []
    parts = [f"{scale.duration(hop.network_wait_ns)} for the network"]
    if hop.consumer_ns >= long_ns:
        parts.append(f"{scale.duration(hop.consumer_ns)} for the reader")
    if hop.receive_late_ns >= long_ns:
        parts.append(_for_loop(hop.receive_late_ns, scale))
    return parts


def _for_loop(late_ns: int, scale: Scale) -> str:
    return f"{scale.duration(late_ns)} for the event loop"


def _total(timeline: Timeline, scale: Scale) -> str:
    text = f"  {'total':8}{scale.duration(timeline.total_ns):>12}"
    notes = [] if timeline.complete else ["so far"]
    retries = sum(hop.retry_reason is not None for hop in timeline.hops)
    redirects = sum(
        300 <= (hop.status or 0) < 400 and hop.status != 304 for hop in timeline.hops[:-1]
    )
    for count, one in ((redirects, "redirect"), (retries, "retry")):
        if count:
            many = "retries" if one == "retry" else "redirects"
            notes.append(f"{count} {one if count == 1 else many}")
    return f"{text}  {', '.join(notes)}" if notes else text


def _why(timeline: Timeline, scale: Scale, width: int) -> list[str]:
    """The first finding in a line, which is cut at its end."""
    if not (found := timeline.why):
        return []
    lost = scale.duration(round(found[0].seconds * 1e9))
    line = f"  {'why':8}{lost:>12}  {found[0].code}: {found[0].evidence}"
    return [line if len(line) <= width else f"{line[: width - 1]}…"]
