"""How much memory this process holds, and the most it has held."""

from __future__ import annotations

import contextlib
import gc
import sys
import tracemalloc
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def _status(field: str) -> int:
    """Return a size from the kernel's account of this process, in bytes; 0 where there is none."""
    if not STATUS.exists():
        return 0
    for line in STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def resident() -> int:
    return _status("VmRSS")


def peak() -> int:
    """Return the most that was resident since `reset_peak`, or since the start without one."""
    return _status("VmHWM")


def reset_peak() -> int:
    """Start a new measurement of the peak and return what is resident now."""
    gc.collect()
    with contextlib.suppress(OSError):
        CLEAR.write_text("5")
    return resident()


def footprint() -> dict[str, float]:
    """Return what is held now, after a collection; traced bytes only while tracemalloc runs."""
    gc.collect()
    traced = tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else 0
    return {"resident": resident(), "traced": traced, "blocks": sys.getallocatedblocks()}


def each(before: dict[str, float], after: dict[str, float], count: int) -> dict[str, float]:
    """Return the growth per item."""
    return {name: (after[name] - before[name]) / count for name in before}
