"""The command ``httptrace``: makes requests from a terminal and shows where their time went."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv`, or with the arguments of the process; returns its exit code.

    The codes are listed in `httptrace.cli.failures`. A failure is printed as one line on stderr.
    """
    from .failures import INTERRUPTED, failure_of, print_failure
    from .terminal import close_quietly

    try:
        return _run(argv)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as exc:
        failure = failure_of(exc)
        print_failure(failure)
        return failure.code
    finally:
        close_quietly()


def _run(argv: Sequence[str] | None) -> int:
    from .arguments import parse
    from .fetch import fetch_all
    from .terminal import open_closed_streams, replace_unencodable

    open_closed_streams()
    replace_unencodable(sys.stdout)
    replace_unencodable(sys.stderr)
    arguments = parse(sys.argv[1:] if argv is None else argv)
    return fetch_all(arguments)
