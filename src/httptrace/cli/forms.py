"""``-F``: the fields of a multipart form, in curl's syntax."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath
from typing import NamedTuple

from ..body.form import FormData
from ..body.payload_bytes import BytesPayload
from .failures import USAGE, Failure
from .reading import header_lines, read_bytes

Warn = Callable[[str], None]

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_QUOTED_PAIR = re.compile(r'\\([\\"])')
_OPTION = re.compile(r"\s*(type|filename|headers|encoder)=\s*", re.IGNORECASE)
_TYPE = re.compile(r"[^/ ;,]+/[^;, \n]+")


class Field(NamedTuple):
    """One part of a form."""

    name: str
    value: bytes
    filename: str | None
    content_type: str | None
    headers: list[tuple[str, str]]


class _Options(NamedTuple):
    """What the options behind a value say: ``;type=``, ``;filename=``, ``;headers=``."""

    filename: str | None
    content_type: str | None
    headers: list[tuple[str, str]]


def fields_of(text: str, warn: Warn) -> list[Field]:
    """The fields of one ``-F``: ``NAME=TEXT``, ``NAME=<FILE`` or ``NAME=@FILE[,FILE…]``.

    ``@`` sends a file as a file, ``<`` its content as text; ``-`` is standard input. Values may
    stand in double quotes. Options follow behind ``;``. Each of several files is a field of the
    same name (RFC 7578 section 4.3). `warn` is told what is ignored.

    Raises
    ------
    Failure
        If the text is not of this form, or a file cannot be read.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Failure(USAGE, "", f"-F {text!r} is not NAME=TEXT or NAME=@FILE")
    if value[:1] == "@":
        return list(_files(name, _Scanner(text, value[1:], ",", warn)))
    if value[:1] == "(":
        raise Failure(USAGE, "", f"-F {text!r}: nested parts are not supported; quote the text")
    if value[:1] == "<":
        scanner = _Scanner(text, value[1:], "", warn)
        content = read_bytes(scanner.word(), "-F")
    else:
        scanner = _Scanner(text, value, "", warn)
        content = scanner.word().encode("utf-8", "surrogateescape")
    return [Field(name, content, *scanner.options())]


def _files(name: str, scanner: _Scanner) -> Iterator[Field]:
    while True:
        path = scanner.word()
        filename, kind, headers = scanner.options()
        filename = PurePath(path).name if filename is None else filename
        kind = kind or mimetypes.guess_type(filename or path)[0] or "application/octet-stream"
        yield Field(name, read_bytes(path, "-F"), filename, kind, headers)
        if not scanner.skip(","):
            return


class _Scanner:
    """Reads a value and its options. A word ends at ``;`` or at `separator`, if there is one."""

    def __init__(self, whole: str, text: str, separator: str, warn: Warn) -> None:
        self._whole = whole
        self._text = text
        self._position = 0
        self._ends = re.compile(f"[;{separator}]")
        self._warn = warn

    def word(self) -> str:
        r"""The next word. In quotes ``\"`` stands for ``"`` and ``\\`` for ``\``.

        A quote that is never closed is a part of the word.
        """
        text, start = self._text, self._position
        while text[start : start + 1].isspace():
            start += 1
        if quoted := _QUOTED.match(text, start):
            rest = self._until_end(quoted.end())
            if rest.strip():
                self._warn(f"-F {self._whole!r}: {rest!r} behind the quotes is ignored")
            return _QUOTED_PAIR.sub(r"\1", quoted[1])
        return self._until_end(start).rstrip()

    def _until_end(self, start: int) -> str:
        found = self._ends.search(self._text, start)
        self._position = len(self._text) if found is None else found.start()
        return self._text[start : self._position]

    def skip(self, sign: str) -> bool:
        """Pass the sign, if it comes next."""
        found = self._text.startswith(sign, self._position)
        self._position += found
        return found

    def options(self) -> _Options:
        """All the options that follow. Unknown ones are ignored with a warning, as by curl."""
        filename: str | None = None
        kind: str | None = None
        headers: list[tuple[str, str]] = []
        while self.skip(";"):
            option = _OPTION.match(self._text, self._position)
            if option is None:
                if unknown := self.word():
                    advice = "quote a text that has ';' in it"
                    self._warn(f"-F {self._whole!r}: {unknown!r} is ignored; {advice}")
                continue
            name, self._position = option[1].lower(), option.end()
            if name == "type":
                kind = self._type()
            elif name == "filename":
                filename = self.word()
            elif name == "headers":
                headers += self._headers()
            else:
                raise Failure(USAGE, "", f"-F {self._whole!r}: encoder= is not supported")
        return _Options(filename, kind, headers)

    def _type(self) -> str:
        """A media type, with parameters up to the next option."""
        start = self._position
        found = _TYPE.match(self._text, start)
        if found is None:
            raise Failure(USAGE, "", f"-F {self._whole!r}: type= needs a media type, as text/plain")
        self._until_end(found.end())
        while self._text.startswith(";", self._position):
            if _OPTION.match(self._text, self._position + 1):
                break
            self._until_end(self._position + 1)
        return self._text[start : self._position].strip()

    def _headers(self) -> list[tuple[str, str]]:
        """One header field, or with ``@`` or ``<`` those of a file."""
        from_file = self.skip("@") or self.skip("<")
        word = self.word()
        lines = header_lines(read_bytes(word, "-F")) if from_file else [word]
        pairs = [line.partition(":") for line in lines]
        for name, colon, _ in pairs:
            if not colon or not name.strip():
                raise Failure(USAGE, "", f"-F {self._whole!r}: {name!r} is not a header field")
        return [(name.strip(), value.strip()) for name, _, value in pairs]


def form_of(fields: Iterable[Field]) -> FormData:
    """The form, made anew for each request; it is multipart also if it has text alone."""
    form = FormData(default_to_multipart=True, quote_fields=False)
    for field in fields:
        kind = field.content_type or _text_type(field.value)
        payload = BytesPayload(field.value, content_type=kind, headers=field.headers)
        form.add_field(field.name, payload, filename=field.filename)
    return form


def _text_type(value: bytes) -> str:
    """The type of text whose type was not given: its charset is named only if that is UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return "text/plain"
    return "text/plain; charset=utf-8"
