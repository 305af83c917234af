"""The fields of a head, as bytes and as text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from httptrace.headers.head import fields_of, headers_in, headers_of

NAMES = st.text("abcXYZ-_.!09", min_size=1, max_size=8).map(str.encode)
VALUES = st.one_of(st.binary(max_size=12), st.text("aé€😀 \t:\"'", max_size=8).map(str.encode)).map(
    lambda value: value.translate(None, b"\r\n\0")
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_text_is_what_the_bytes_say(fields: list[tuple[bytes, bytes]]) -> None:
    """Parsed at once or field by field, a head has the same fields."""
    head = b"\r\n".join([b"HTTP/1.1 200 OK", *(name + b":" + value for name, value in fields)])
    assert list(headers_in(head).items()) == list(headers_of(fields_of(head)).items())
    assert fields_of(head) == [(name, value.strip(b" \t")) for name, value in fields]
