"""What `loop_lag` with a threshold knows about a hop: when the event loop was held, and by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..hop import Hop
    from ..loop_lag import LoopBlock
    from ..record import Phase

_SOON_NS = 5_000_000
"""A phase that ends within this time after a block was ended by what the loop then saw."""
_AWAITING: tuple[Phase, ...] = ("dns", "connect", "tls")
"""Phases of which the kernel does not tell how late the loop saw their end."""
_QUEUE: tuple[Phase, ...] = ("queue",)
_WAIT: tuple[Phase, ...] = ("wait",)


def held_ns(hop: Hop, phase: Phase) -> int:
    """How long the loop was held until a phase ended: that long the answer may have lain there."""
    return sum(
        min(_until(block), end_ns) - max(block.start_ns, start_ns)
        for block, start_ns, end_ns in _held(hop, phase)
    )


def held_in_queue_ns(hop: Hop) -> int:
    """How long the loop was held while nothing but the program kept the request waiting."""
    own_ns = hop.phases_ns.get("queue", 0) - hop.pool_wait_ns
    return max(0, min(held_ns(hop, "queue"), own_ns))


def held_in_all_ns(hop: Hop) -> int:
    """The same for all phases of which the kernel tells nothing."""
    phases = (*_AWAITING, *(() if hop.tcp is not None else _WAIT))
    return held_in_queue_ns(hop) + sum(held_ns(hop, phase) for phase in phases)


def culprit(hop: Hop) -> str | None:
    """What held the loop for longest, of what made the hop longer: file, line, function."""
    blocks = [*_of_late_data(hop)]
    phases = (*_AWAITING, *_QUEUE, *(() if hop.tcp is not None else _WAIT))
    blocks += (block for phase in phases for block, *_ in _held(hop, phase))
    known = [block for block in blocks if block.culprit is not None]
    if not known:
        return None
    frame = max(known, key=lambda block: block.duration_ns).culprit
    return None if frame is None else f"{frame.filename}:{frame.lineno} in {frame.name}"


def _held(hop: Hop, phase: Phase) -> Iterator[tuple[LoopBlock, int, int]]:
    """The blocks that made a phase longer; in the queue there is nothing else to wait for."""
    for name, start_ns, end_ns in hop.spans_ns:
        for block in hop.loop_blocks if name == phase else ():
            until_ns = _until(block)
            last = end_ns - _SOON_NS <= until_ns
            if block.start_ns < end_ns and until_ns > start_ns and (last or phase == "queue"):
                yield block, start_ns, end_ns


def _of_late_data(hop: Hop) -> Iterator[LoopBlock]:
    """The blocks during which data lay in the kernel, as that tells."""
    for phase, start_ns, end_ns in hop.spans_ns:
        late_ns = {"wait": hop.wait_late_ns, "receive": hop.receive_late_ns}.get(phase, 0)
        since_ns = end_ns - late_ns if phase == "wait" else start_ns
        for block in hop.loop_blocks if late_ns else ():
            if block.start_ns < end_ns and _until(block) > since_ns:
                yield block


def _until(block: LoopBlock) -> int:
    return block.start_ns + block.duration_ns
