"""Printing text: in colors by rich on a terminal that shows them, plain everywhere else."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import shutil
import sys
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_COLUMNS = 120
_PLAIN_COLUMNS = 80
_PHASES = {
    "queue": "yellow",
    "dns": "magenta",
    "connect": "blue",
    "tls": "cyan",
    "send": "bright_green",
    "wait": "red",
    "receive": "green",
}
_STATUS_STYLES = {
    "1": "cyan",
    "2": "bold green",
    "3": "bold cyan",
    "4": "bold red",
    "5": "bold red",
}
_ROW = re.compile(rf"  ({'|'.join(_PHASES)}) +[<\d.]+ \S+")
_HEADING = re.compile(r"(\S+) (\S+) → (.+?)(?:  +([<\d.]+ \S+))?$")


class Terminal:
    """A standard stream with the width and the colors that it has."""

    def __init__(self, stream: IO[str], no_color: bool = False) -> None:
        self._stream = stream
        replace_unencodable(stream)
        is_terminal = stream.isatty()
        self.columns = _columns() if is_terminal else _PLAIN_COLUMNS
        wanted = is_terminal and not no_color and not os.environ.get("NO_COLOR")
        self.console = console(stream) if wanted and os.environ.get("TERM") != "dumb" else None

    def say(self, text: str) -> None:
        """Print lines, in colors if the stream has them."""
        if self.console is None:
            print(text, file=self._stream, flush=True)
        else:
            self.console.print(painted(text), soft_wrap=True)

    def title(self, title: str, text: str) -> None:
        """Print a title and a line below it."""
        rule = f"── {title} {'─' * max(0, self.columns - len(title) - 4)}"
        if self.console is None:
            print(f"{rule}\n{text}\n", file=self._stream, flush=True)
        else:
            self.console.print(rule, style="bold", markup=False, soft_wrap=True)
            self.console.print(f"{text}\n", style="italic", markup=False, soft_wrap=True)


def open_closed_streams() -> None:
    """Open /dev/null for each standard stream that is closed, so that no socket gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(number, mode, closefd=False))


def replace_unencodable(stream: IO[str]) -> None:
    """Let the stream print a substitute for characters that its encoding lacks."""
    with contextlib.suppress(AttributeError):
        stream.reconfigure(errors=_IN_ASCII)  # type: ignore[attr-defined]


def _in_ascii(exc: UnicodeError) -> tuple[str, int]:
    """The error handler for streams that are not Unicode, as in the C locale."""
    if not isinstance(exc, UnicodeEncodeError):
        raise exc
    signs = exc.object[exc.start : exc.end]
    return "".join("#" if "▀" <= sign <= "▟" else _PLAIN.get(sign, "?") for sign in signs), exc.end


_IN_ASCII = "httptrace.in_ascii"
_PLAIN = {
    "→": "->",
    "µ": "u",
    "↑": "sent",
    "↓": "received",
    "│": "|",
    "·": "-",
    "…": "...",
    "─": "-",
    "–": "-",
    "≈": "about",
}
codecs.register_error(_IN_ASCII, _in_ascii)


def console(stream: IO[str]) -> Any:
    """A console of rich on the stream; None if rich is not installed."""
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(file=stream, highlight=False, force_terminal=True)


def printable(text: str) -> str:
    """Text from a server with its control characters and undecodable bytes escaped."""
    text = as_unicode(text)
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def as_unicode(text: str) -> str:
    """The text with bytes that are not UTF-8 escaped, as ``\\xe9``."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def close_quietly() -> None:
    """Flush stdout and stderr; a closed pipe raises no error here and none when Python exits."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _columns() -> int:
    return min(_MOST_COLUMNS, shutil.get_terminal_size((_PLAIN_COLUMNS, 24)).columns)


# --- colors ---------------------------------------------------------------------------------------


def painted(text: str) -> Any:
    """The text as a rich.text.Text, with the styles of waterfalls and heads."""
    from rich.text import Text

    rich_text = Text()
    for number, line in enumerate(text.split("\n")):
        rich_text.append("\n" if number else "")
        for part, style in _styled(line):
            rich_text.append(part, style)
    return rich_text


def _styled(line: str) -> Iterator[tuple[str, str]]:
    """The parts of a line, each with its style."""
    if row := _ROW.match(line):
        style = _PHASES[row[1]]
        yield line[: row.end(1)], style
        yield line[row.end(1) : row.end()], ""
        yield line[row.end() :], style
    elif heading := _HEADING.match(line):
        yield from _heading(line, heading)
    elif line.startswith("  * "):
        name, colon, value = line.partition(": ")
        yield name + colon, "bold"
        yield value, ""
    elif line[:2] in ("> ", "< "):
        name, colon, value = line[2:].partition(":")
        yield line[:2], "dim"
        yield (name + colon, "cyan") if colon else (name, "bold")
        yield value, ""
    elif line.startswith("  · "):
        yield line, _PHASES["wait"]
    elif line.startswith("  total"):
        yield line, "bold"
    elif line.startswith("  why "):
        yield line, "bold yellow"
    else:
        yield line, "dim"


def _heading(line: str, heading: re.Match[str]) -> Iterator[tuple[str, str]]:
    failed = not heading[3][:1].isdigit() or ", then " in heading[3]
    yield line[: heading.end(2)], "bold"
    yield " → ", "dim"
    yield heading[3], "bold red" if failed else _STATUS_STYLES.get(heading[3][0], "bold")
    yield line[heading.end(3) :], ""
