from __future__ import annotations

import pytest

from httptrace.local import Baggage


def test_members_are_read_and_decoded():
    """Keys, percent-decoded values; white space around them is optional."""
    baggage = Baggage.parse("userId=alice, server=DF%2028 ;prop=1;p2 , empty=")
    assert dict(baggage) == {"userId": "alice", "server": "DF 28", "empty": ""}


def test_the_header_is_written_again_with_properties():
    """Encoding is the inverse of parsing, properties included."""
    assert str(Baggage.parse("a=1;p=2 , b=DF%2028")) == "a=1;p=2 ,b=DF%2028".replace(" ,", ",")


def test_values_of_any_text_survive_the_way():
    """A program's values are received unchanged, whatever characters they have."""
    values = {"a": 'é,;="\\ \n%', "b": ""}
    assert dict(Baggage.parse(str(Baggage(values)))) == values
    assert str(Baggage(values)).isascii()


@pytest.mark.parametrize(
    "text", ["", "a", "=1", "a b=1", "a=b c", 'a="x"', "a=\n", "a=1;\x00", "é=1"]
)
def test_members_that_are_wrong_are_left_out(text):
    """An invalid member is dropped, its neighbours are kept."""
    assert dict(Baggage.parse(f"x=1,{text},y=2")) == {"x": "1", "y": "2"}


def test_too_many_members_are_cut():
    """No more than 64 members are accepted."""
    assert len(Baggage.parse(",".join(f"k{n}=1" for n in range(100)))) == 64


def test_too_many_bytes_are_cut():
    """Bytes beyond 8192 are dropped, and with them the member that they cut."""
    assert dict(Baggage.parse("a=1,b=" + "x" * 9000)) == {"a": "1"}
    assert dict(Baggage.parse("a=1,b=" + "x" * 8186 + ",c=1")) == {"a": "1", "b": "x" * 8186}


def test_a_key_that_is_no_token_is_refused():
    """An invalid key raises an error."""
    with pytest.raises(ValueError, match="'a b' is not a token"):
        Baggage({"a b": "1"})


@pytest.mark.parametrize(
    ("values", "error", "text"),
    [
        ({"n": 5}, TypeError, "'n' must be a str, not int"),
        ({5: "n"}, TypeError, "key must be a str, not int"),
        ({"n": "secret\udc80"}, ValueError, "'n' has lone surrogates"),
    ],
)
def test_what_cannot_be_sent_is_refused_at_once(values, error, text):
    """Invalid values raise at once, not when a request is sent; errors do not show values."""
    with pytest.raises(error, match=text) as caught:
        Baggage(values)
    assert "secret" not in str(caught.value)


def test_the_repr_shows_no_values():
    """Values may be private; keys are shown."""
    assert repr(Baggage({"user": "alice"})) == "<Baggage: user>"
