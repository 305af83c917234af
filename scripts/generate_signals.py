"""Write ``trace/_signals.py``: what a type checker sees of TraceConfig's signals.

Run after a moment was declared or changed: ``python scripts/generate_signals.py``.
With ``--check`` it only tells, by its exit status, whether the file is up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from httptrace.trace.events import EVENTS

HEAD = '''"""The signals of TraceConfig, for type checkers. Generated from the declared events."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import events
    from .config import Signal


class Signals:
    """One attribute for each declared moment."""

'''


def generated() -> str:
    """The text of the module."""
    lines = (f"    {event.signal}: Signal[events.{event.__name__}]\n" for event in EVENTS)
    return HEAD + "".join(lines)


def main() -> int:
    """Write the file, or compare it."""
    package = Path(__file__).resolve().parent.parent / "src" / "httptrace"
    target = package / "trace" / "_signals.py"
    if "--check" in sys.argv:
        return int(target.read_text() != generated())
    target.write_text(generated())
    return 0


if __name__ == "__main__":
    sys.exit(main())
