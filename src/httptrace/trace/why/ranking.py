"""Which findings a timeline has, the most expensive ones first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from . import calling, connecting, pooling, receiving, sending, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..timeline import Timeline
    from .finding import Finding

MOST = 3
"""How many findings of a timeline are told."""
LEAST_SECONDS = 0.001
"""What costs less is not told."""
_LEAST_SHARE = 0.1
"""Nor what costs less than this part of the request."""
_RULES = (
    *(pooling.RULES + connecting.RULES),
    *(sending.RULES + waiting.RULES + receiving.RULES),
)
_COVERED = {
    "no_reuse": ("tls_slow", "proxy_slow"),
    "tls_each_time": ("tls_slow", "proxy_slow"),
    "dns_not_cached": ("dns_slow",),
    "small_window": ("download_slow", "upload_slow", "uncompressed_large_body"),
    "uncompressed_large_body": ("download_slow",),
    "retransmits": ("upload_slow",),
    "limit_too_close": ("download_slow", "upload_slow"),
}
"""For a finding those that say less about the same time."""


def findings_of(timeline: Timeline) -> tuple[Finding, ...]:
    """The findings of a timeline that are worth telling, at most three."""
    least = max(LEAST_SECONDS, _LEAST_SHARE * timeline.total_ns / 1e9)
    found = [one for one in all_of(timeline) if one.seconds >= least]
    found.sort(key=lambda one: -one.seconds)
    return tuple(found[:MOST])


def all_of(timeline: Timeline) -> list[Finding]:
    """All findings of a timeline, but none that says less than another one about the same time."""
    found = [*_found(timeline)]
    covered = {
        (code, one.hop)
        for one in found
        if one.seconds >= LEAST_SECONDS
        for code in _COVERED.get(one.code, ())
    }
    return [_with_host(one, timeline) for one in found if (one.code, one.hop) not in covered]


def _found(timeline: Timeline) -> Iterator[Finding]:
    for of_call in calling.RULES:
        finding = of_call(timeline)
        if finding is not None:
            yield finding
    for hop in timeline.hops:
        for of_hop in _RULES:
            finding = of_hop(hop)
            if finding is not None:
                yield finding


def _with_host(finding: Finding, timeline: Timeline) -> Finding:
    hop = next(hop for hop in timeline.hops if hop.attempt == finding.hop)
    return replace(finding, hosts=(hop.url.host_port_subcomponent or "",))
