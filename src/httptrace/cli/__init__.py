"""The command ``httptrace``: requests from a terminal, and where their time went."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, or those of the process; returns its exit code.

    `httptrace.cli.failures` has the codes. Whatever happens, it is told in one line.
    """
    from .failures import INTERRUPTED, failure_of, tell
    from .terminal import close_quietly

    try:
        return _run(argv)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as exc:
        failure = failure_of(exc)
        tell(failure)
        return failure.code
    finally:
        close_quietly()


def _run(argv: Sequence[str] | None) -> int:
    from .arguments import parse
    from .fetch import fetch_all
    from .terminal import open_what_is_closed, tolerate

    open_what_is_closed()
    tolerate(sys.stdout)
    tolerate(sys.stderr)
    arguments = parse(sys.argv[1:] if argv is None else argv)
    return fetch_all(arguments)
