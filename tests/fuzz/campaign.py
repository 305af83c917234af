"""Random cases, each with a seed of its own: a few in the suite, many under ``make fuzz``.

``FUZZ_SECONDS`` is the time for all campaigns together, ``FUZZ_SEED`` what they begin with (by
default another one each time). Without ``FUZZ_SECONDS`` each runs a few cases, always the same.
``FUZZ_CASE`` runs one case alone, as the report of a failure tells.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import count
from random import Random, SystemRandom
from typing import Any

_FIXED = "0"
"""The seed of the few cases that belong to the suite."""


def _long_seed() -> str:
    return os.environ.get("FUZZ_SEED") or str(SystemRandom().randrange(1 << 32))


class Campaign:
    """The cases of one test.

    `share` is its part of the time. `seed` and `case` name the case under way, `notes` is what a
    test wants to be told of it when it fails.
    """

    def __init__(self, name: str, share: float) -> None:
        self.name = name
        seconds = os.environ.get("FUZZ_SECONDS")
        self._seconds = float(seconds) * share if seconds else None
        self.seed = _FIXED if seconds is None else _long_seed()
        self.case = 0
        self.notes: dict[str, Any] = {}

    def cases(self, few: int) -> Iterator[Random]:
        """Give each case its random generator: `few` cases, or as many as there is time for."""
        only = os.environ.get("FUZZ_CASE")
        if only:
            self.seed, _, case = only.partition("/")
            yield self._begin(int(case))
            return
        began = time.monotonic()
        for case in count():
            if self._seconds is None:
                if case == few:
                    return
            elif time.monotonic() - began > self._seconds:
                return
            yield self._begin(case)

    def _begin(self, case: int) -> Random:
        self.case = case
        self.notes.clear()
        return Random(f"{self.seed}/{self.name}/{case}")

    def report(self) -> str:
        """How to repeat the current case, and its notes."""
        lines = [f"{name}: {value!r}" for name, value in self.notes.items()]
        again = f"FUZZ_CASE={self.seed}/{self.case} make fuzz ARGS='-k {self.name}'"
        return "\n".join([f"to repeat it: {again}", *lines])
