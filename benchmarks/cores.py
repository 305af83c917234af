"""Which processor core each process of a benchmark runs on."""

from __future__ import annotations

import os

CLIENT, SERVER = 0, -1


def pin(place: int) -> int | None:
    """Keep this process on one of its allowed cores and return the core, or None where it can't.

    `place` indexes the allowed cores: the first is for the client, the last for the server. With a
    single core, or on a system without affinity, nothing is pinned.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        return None
    os.sched_setaffinity(0, {allowed[place]})
    return allowed[place]


def raise_file_limit() -> None:
    """Allow as many open sockets as the system grants: some scenarios hold thousands."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
