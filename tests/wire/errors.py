"""How far a timeline is from the wire: for each boundary, ours minus the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from httptrace.trace.hop import Hop

from .truth import Truth


@dataclass(frozen=True)
class Lookup:
    """When the resolver was asked and when it answered, by its own clock."""

    asked_ns: int
    answered_ns: int


@dataclass(frozen=True)
class Seen:
    """What is compared: what a hop says, what the wire says, and what the resolver noted."""

    hop: Hop
    truth: Truth
    rtt_ms: float
    trickled: bool = False
    """Whether the body of the response came in small pieces, each of which was awaited."""
    lookup: Lookup | None = None

    @property
    def asked_ns(self) -> int | None:
        """When the resolver was asked."""
        return None if self.lookup is None else self.lookup.asked_ns

    @property
    def answered_ns(self) -> int | None:
        """When the resolver answered."""
        return None if self.lookup is None else self.lookup.answered_ns

    def starts(self, phase: str) -> int | None:
        """When the phase began, by the timeline; None if the hop did not have it."""
        return next((start for name, start, _end in self.hop.spans_ns if name == phase), None)

    def ends(self, phase: str) -> int | None:
        """When the phase ended, by the timeline; None if the hop did not have it."""
        return next((end for name, _start, end in self.hop.spans_ns if name == phase), None)

    @property
    def loop_late_ns(self) -> int:
        """How late the loop came for the response, as far as the timeline says."""
        return self.hop.wait_late_ns

    @property
    def think_ns(self) -> int | None:
        """The server's time by the timeline: `wait` without a round trip and the lateness."""
        wait_ns = self.hop.phases_ns.get("wait")
        rtt_ns = self.truth.connect_ns or int(self.rtt_ms * 1e6)
        return None if wait_ns is None else wait_ns - rtt_ns - self.loop_late_ns

    @property
    def network_wait_ns(self) -> int | None:
        """The time for which the reader waited; None unless the wire gave it nothing else to do."""
        return self.hop.network_wait_ns if self.trickled else None


_Pair = tuple[int | None, int | None]
_Boundary = Callable[[Seen], _Pair]

BOUNDARIES: dict[str, _Boundary] = {
    "dns begins": lambda s: (s.starts("dns"), s.asked_ns),
    "dns ends": lambda s: (s.ends("dns"), s.answered_ns),
    "connect begins": lambda s: (s.starts("connect"), s.truth.syn_ns),
    "connect ends": lambda s: (s.ends("connect"), s.truth.syn_ack_ns),
    "tls begins": lambda s: (s.starts("tls"), s.truth.hello_ns),
    "tls ends": lambda s: (s.ends("tls"), s.truth.finished_ns),
    "send begins": lambda s: (s.starts("send"), s.truth.request_first_ns),
    "send ends": lambda s: (s.ends("send"), s.truth.request_last_ns),
    "response begins": lambda s: (s.starts("receive"), s.truth.response_first_ns),
    "less lateness, response begins": lambda s: (
        _less(s.starts("receive"), s.loop_late_ns),
        s.truth.response_first_ns,
    ),
    "response ends": lambda s: (s.ends("receive"), s.truth.response_last_ns),
    "network wait": lambda s: (s.network_wait_ns, s.truth.receive_ns),
    "think": lambda s: (s.think_ns, s.truth.think_ns),
    "think, by the server's clock": lambda s: (s.think_ns, s.truth.server_ns),
}
"""What both sides say of each boundary, in nanoseconds; None for what a request did not have.

The last three are lengths of time: how long the program waited for the network, and
how long the server took, by its device and by its own clock.
"""


def _less(value: int | None, what: int) -> int | None:
    return None if value is None else value - what


def errors(seen: Seen) -> dict[str, float]:
    """For each boundary that the request had, ours minus the wire, in milliseconds."""
    found = {}
    for name, boundary in BOUNDARIES.items():
        ours, wire = boundary(seen)
        if ours is not None and wire is not None:
            found[name] = (ours - wire) / 1e6
    return found
