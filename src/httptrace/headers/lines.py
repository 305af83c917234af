"""Lines that RFC 9112 lets or makes a client accept and llhttp refuses, rewritten for llhttp.

llhttp still judges the result. Only what cannot change where a message ends is rewritten:
``docs/security.md`` lists what is accepted and what is refused.
"""

from __future__ import annotations

import re

from .limits import BadHeadError

# Patterns that few programs need are compiled when they are first used: that takes longer than all
# the rest of this module's import.
_FOLDS = rb"(?:\r\n[ \t]+)+"
_FOLD = b"\r\n "
_FOLDED_FRAMING = rb"(?i)(?:^|\n)(content-length|transfer-encoding)[ \t]*:[^\n]*\n "
_UNDECIDED = (
    *(b"\r\n \r\n\r", b"\r\n \r\n", b"\r\n \r", _FOLD),
    *(b"\r\n\r", b"\r\n", b"\r"),
)
"""Ends of a piece after which only the next byte tells whether a line ends or is folded."""
_NAME = 32
"""How many bytes of a line are kept, to recognize its field if the line is folded later."""
_SIZE_LINE = rb"([0-9A-Fa-f]+)[ \t]*((?:;[^\r\n]*)?)(?:\r\n?)?"


class FieldLines:
    """The lines of a head, or of trailers, that arrive in pieces.

    In a head, LF alone ends a line (RFC 9112 §2.2). A folded line becomes one line, with a space
    in place of the fold (RFC 9112 §5.2). In Content-Length and Transfer-Encoding a fold is an
    error, because other recipients may see another length there.
    """

    __slots__ = ("_begun", "_first", "_held", "_line", "_of_head", "rest")

    def __init__(self, *, of_head: bool) -> None:
        self._of_head = of_head
        # The line before the first trailer is that of the last chunk.
        self._held = b"" if of_head else b"\r\n"
        self._begun = not of_head
        self._first = True  # the line that the first field follows is not complete
        self._line = b""
        self.rest: bytes | None = None
        """The bytes after the empty line, once that was received."""

    def feed(self, data: bytes) -> bytes:
        """Rewrite a piece. The end of a line is held back until the next byte has arrived.

        Raises
        ------
        BadHeadError
            If white space follows the status line, or a field of message framing is folded.
        """
        text = self._held + data
        if not self._begun:
            text = text.lstrip(b"\r\n")  # empty lines before the status line: llhttp skips them
            self._begun = bool(text)
        text = self._until_end(text)
        if self._of_head:
            text = text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        if self._first:
            self._check_first(text)
        if b"\n " in text or b"\n\t" in text:
            text = re.sub(_FOLDS, _FOLD, text)
        if self.rest is None and text.endswith(_UNDECIDED):
            self._held = next(held for held in _UNDECIDED if text.endswith(held))
            text = text[: -len(self._held)]
        else:
            self._held = b""
        text = self._unfold(text)
        return text if self.rest is None else text + b"\r\n\r\n"

    def _until_end(self, text: bytes) -> bytes:
        """Set `rest` if the empty line is there; returns the lines before it."""
        end = text.find(b"\n\r\n" if self._of_head else b"\r\n\r\n")
        size = 3 if self._of_head else 4
        if self._of_head and (alone := text.find(b"\n\n", 0, None if end < 0 else end)) >= 0:
            end, size = alone, 2
        if end < 0:
            return text
        self.rest = text[end + size :]
        return text[:end].removesuffix(b"\r") if self._of_head else text[:end]

    def _check_first(self, text: bytes) -> None:
        """Refuse a fold of the line that is no field (RFC 9112 §2.2)."""
        after = text.partition(b"\n")[2][:1]
        self._first = not after
        if after and after in b" \t":
            raise BadHeadError("white space before the first field")

    def _unfold(self, text: bytes) -> bytes:
        if _FOLD in text:
            framing = re.search(_FOLDED_FRAMING, self._line + text)
            if framing is not None:
                raise BadHeadError(f"a folded {framing[1].decode()}")
            text = text.replace(_FOLD, b" ")
        _begun, line_end, line = text.rpartition(b"\n")
        self._line = (line if line_end else self._line + line)[:_NAME]
        return text


class ChunkLines:
    """A chunked body that arrives in pieces, from the beginning of a chunk-size line on.

    Blanks after the size and around the parts of chunk extensions are removed (RFC 9112 §7.1.1:
    "bad" white space), and folded trailers are unfolded. Everything else is left to llhttp.
    """

    __slots__ = ("_left", "_line", "_trailers", "rest")

    def __init__(self) -> None:
        self._line = b""
        self._left = 0  # bytes of the chunk's data and its CRLF that are still to come
        self._trailers: FieldLines | None = None
        self.rest: bytes | None = None
        """The bytes after the body, once its end was received."""

    def feed(self, data: bytes) -> bytes:
        """Rewrite a piece. A chunk-size line is held back until it is complete.

        Raises
        ------
        BadHeadError
            As in `FieldLines.feed`, for trailers.
        """
        pieces, at = [], 0
        while at < len(data) and self._trailers is None:
            if self._left:
                piece = data[at : at + self._left]
                self._left -= len(piece)
                at += len(piece)
                pieces.append(piece)
                continue
            end = data.find(b"\n", at) + 1 or len(data)
            self._line += data[at:end]
            at = end
            pieces.append(self._size_line())
        if self._trailers is not None:
            pieces.append(self._trailers.feed(data[at:]))
            self.rest = self._trailers.rest
        return b"".join(pieces)

    def _size_line(self) -> bytes:
        """The line, rewritten, if it is complete; without its CRLF if trailers may follow."""
        parts = re.fullmatch(_SIZE_LINE, self._line)
        if parts is not None and not self._line.endswith(b"\n"):
            return b""
        line, self._line = self._line, b""
        if parts is None:
            return line  # llhttp refuses it
        size, extensions = parts.groups()
        kept = b";".join(_without_blanks(extension) for extension in extensions.split(b";"))
        if not size.strip(b"0"):
            self._trailers = FieldLines(of_head=False)
            return size + kept
        self._left = int(size, 16) + 2
        return size + kept + b"\r\n"


def can_repair(chunk: bytes | bytearray) -> bool:
    """Whether `ChunkLines` rewrites a size line, perhaps incomplete, or the trailers after it."""
    line, _line_end, trailers = chunk.partition(b"\n")
    if re.fullmatch(_SIZE_LINE, line) is None:
        return False
    return b" " in line or b"\t" in line or re.search(_FOLDS, trailers) is not None


def _without_blanks(extension: bytes) -> bytes:
    return b"=".join(part.strip(b" \t") for part in extension.split(b"="))
