"""The phases of a request that has ended, without making its timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..trace.hop import spans_of

if TYPE_CHECKING:
    from ..trace.record import Phase, Record


def phases_of(last: Record) -> dict[Phase, int]:
    """Nanoseconds of each phase, summed over the attempts up to this one, as in its timeline."""
    if last.previous is None and last.marks is None and _is_plain(last):
        return {
            "queue": last.send_ns - last.start_ns,
            "send": last.sent_ns - last.send_ns,
            "wait": last.first_byte_ns - last.sent_ns,
            "receive": last.end_ns - last.first_byte_ns,
        }
    phases_ns: dict[Phase, int] = {}
    for record in attempts_before(last):
        for phase, start_ns, end_ns in spans_of(record, record.end_ns):
            phases_ns[phase] = phases_ns.get(phase, 0) + end_ns - start_ns
    return phases_ns


def _is_plain(record: Record) -> bool:
    """Whether its only attempt went the usual way over an idle connection."""
    return 0 < record.send_ns <= record.sent_ns <= record.first_byte_ns <= record.end_ns


def attempts_before(last: Record) -> list[Record]:
    """The attempts of a request in order; `last` is the last of them."""
    records = [last]
    while (previous := records[-1].previous) is not None:
        records.append(previous)
    records.reverse()
    return records
