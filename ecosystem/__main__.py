"""``make ecosystem``: run the libraries' scripts, print the table and write it to the page."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable

from . import table
from .library import Library, libraries
from .result import Result, run
from .venvs import python_for


def main() -> int:
    """Run those that were asked for; the exit code is 1 if one failed."""
    arguments = _arguments()
    known = libraries()
    try:
        results = [_result(each, arguments) for each in _chosen(known, arguments.names)]
    except KeyboardInterrupt:
        return 130
    if arguments.verbose:
        print("\n".join(f"== {r.library.name}\n{r.details}" for r in results if r.failure))
    print(table.terminal(results))
    failed = sum(bool(result.failure) for result in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    if arguments.on == "httptrace" and not arguments.no_table:
        table.write(results, known)
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make ecosystem")
    parser.add_argument("names", nargs="*", help="the scripts in ecosystem/libraries; without: all")
    parser.add_argument(
        "--on", choices=("httptrace", "aiohttp"), default="httptrace", help="what lies underneath"
    )
    parser.add_argument("--no-table", action="store_true", help="leave docs/ecosystem.md alone")
    parser.add_argument("--upgrade", action="store_true", help="install the newest versions")
    parser.add_argument("-v", "--verbose", action="store_true", help="print tracebacks")
    return parser.parse_args()


def _chosen(known: list[Library], names: list[str]) -> Iterable[Library]:
    wanted = {name.replace("-", "_") for name in names}
    unknown = wanted - {library.name for library in known}
    if unknown:
        sys.exit(f"make ecosystem: there is no ecosystem/libraries/{min(unknown)}.py")
    return [library for library in known if not wanted or library.name in wanted]


def _result(library: Library, arguments: argparse.Namespace) -> Result:
    try:
        python = python_for(library, upgrade=arguments.upgrade)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or [str(error)]
        return Result(library, "?", f"not installed: {lines[-1]}", error.stderr)
    result = run(library, python, arguments.on)
    print(f"{library.name}: {result.outcome}", file=sys.stderr)
    return result


if __name__ == "__main__":
    sys.exit(main())
