"""Write the modules of ``trace/`` that name every moment: ``_signals.py`` and ``_methods.py``.

`_signals.py` tells type checkers the signals of TraceConfig; `_methods.py` has the methods that an
Observer may override, for type checkers and for ``help()``.

Run after an event was declared or changed: ``python scripts/generate_signals.py``.
With ``--check`` nothing is written; the exit status is 1 if a file is out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import wrap

from httptrace.trace.events import EVENTS, Event

WIDTH = 100
SIGNALS = '''"""The signals of TraceConfig, for type checkers. Generated from the events."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import events
    from .config import Signal


class Signals:
    """One attribute for each event."""

'''

METHODS = '''"""The methods of an Observer, one for each event. Generated from the events."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import events


class ObserverMethods:
    """One method for each event, which does nothing: an observer overrides those that it wants."""
'''


def method(event: type[Event]) -> str:
    """The method of one event, laid out as the formatter does it."""
    name, kind = event.signal, f"events.{event.__name__}"
    head = f"    def {name}(self, event: {kind}) -> None:"
    if len(head) > WIDTH:
        head = f"    def {name}(\n        self, event: {kind}\n    ) -> None:"
    indent = " " * 8
    doc = f'{indent}"""{summary(event)}"""'
    if len(doc) > WIDTH:
        lines = wrap(f'"""{summary(event)}', WIDTH - 11)
        doc = "\n".join(indent + line for line in lines) + '"""'
    return f"\n{head}\n{doc}\n"


def summary(event: type[Event]) -> str:
    """The first sentence of an event's docstring."""
    assert event.__doc__ is not None
    paragraph = " ".join(event.__doc__.split("\n\n")[0].split())
    return paragraph.split(". ")[0].rstrip(".") + "."


def signals() -> str:
    """The text of ``_signals.py``."""
    lines = (f"    {event.signal}: Signal[events.{event.__name__}]\n" for event in EVENTS)
    return SIGNALS + "".join(lines)


def methods() -> str:
    """The text of ``_methods.py``."""
    return METHODS + "".join(map(method, EVENTS))


def main() -> int:
    """Write the files, or compare them."""
    trace = Path(__file__).resolve().parent.parent / "src" / "httptrace" / "trace"
    generated = {trace / "_signals.py": signals(), trace / "_methods.py": methods()}
    if "--check" in sys.argv:
        return int(any(not p.exists() or p.read_text() != text for p, text in generated.items()))
    for path, text in generated.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
