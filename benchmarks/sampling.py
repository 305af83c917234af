"""A sampling profiler: where the CPU time of this process goes, with next to no distortion.

The kernel's CPU timer interrupts the process; each time the running line and its callers are
counted. A stretch inside C code is seen at the Python line that called it.
"""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from types import FrameType

Place = tuple[str, str, int]


class Sampler:
    """Counts places inside a `with` block.

    `lines` holds the running lines, `functions` every function on the stack, once per sample.
    """

    def __init__(self, interval: float = 0.001) -> None:
        self.interval = interval
        self.lines: Counter[Place] = Counter()
        self.functions: Counter[Place] = Counter()
        self.samples = 0

    def __enter__(self) -> Sampler:
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, self.interval, self.interval)
        return self

    def __exit__(self, *exc: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)

    def _sample(self, number: int, frame: FrameType | None) -> None:
        self.samples += 1
        if frame is not None:
            code = frame.f_code
            self.lines[code.co_filename, code.co_qualname, frame.f_lineno] += 1
        seen: set[Place] = set()
        while frame is not None:
            code = frame.f_code
            seen.add((code.co_filename, code.co_qualname, code.co_firstlineno))
            frame = frame.f_back
        self.functions.update(seen)

    def report(self, top: int) -> str:
        """Draw the lines that run most and the functions that are most on the stack."""
        parts = [f"{self.samples} samples", "\nself time by line"]
        parts += self._rows(self.lines, top)
        parts += ["\ntime with everything called, by function"]
        # What is on the stack of every sample is the program that profiles.
        inside = Counter({at: n for at, n in self.functions.items() if n < self.samples})
        parts += self._rows(inside, top)
        return "\n".join(parts)

    def _rows(self, counts: Counter[Place], top: int) -> list[str]:
        return [
            f"{count / max(self.samples, 1):7.1%}  {name}  {_short(file)}:{line}"
            for (file, name, line), count in counts.most_common(top)
        ]


def _short(file: str) -> str:
    """Return the end of a path, which is what tells modules apart."""
    return "/".join(Path(file).parts[-2:])
