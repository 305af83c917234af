"""Cookie files that aiohttp before 3.14 wrote, and pickles that are none."""

from __future__ import annotations

import pickle
import struct
import sys
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from httptrace import CookieJar

HERE = URL("https://www.example.com/dir/page")
HEADERS = [
    *("a=1; Path=/; Max-Age=1000", 'b="x y"; Domain=example.com; Secure; HttpOnly', "c=3"),
    *("gone=1; Path=/; Max-Age=0", "late=1; Path=/; Expires=Wed, 09 Jun 2094 10:18:14 GMT"),
]


@pytest.fixture(params=range(3, pickle.HIGHEST_PROTOCOL + 1))
async def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A file as aiohttp before 3.14 wrote it: the pickle of a jar's cookies."""
    jar = aiohttp.CookieJar()
    jar.update_cookies_from_headers(HEADERS, HERE)
    jar.update_cookies({"everywhere": "1"})
    content = pickle.dumps(jar._cookies, request.param)
    (tmp_path / "jar").write_bytes(content)
    return tmp_path / "jar"


@pytest.mark.parametrize(
    "url",
    [
        *("https://www.example.com/dir/page", "http://www.example.com/dir/x"),
        *("https://www.example.com/", "https://sub.www.example.com/", "https://example.com/dir/"),
        *("https://other.example/", "https://example.com.evil.example/"),
    ],
)
async def test_pickled_jar_is_loaded(path: Path, url: str) -> None:
    """A loaded jar has the same cookies for each URL as aiohttp's."""
    theirs, ours = aiohttp.CookieJar(), CookieJar()
    theirs.load(path)
    ours.load(path)
    expected = {name: one.value for name, one in theirs.filter_cookies(URL(url)).items()}
    assert {name: one.value for name, one in ours.filter_cookies(URL(url)).items()} == expected


async def test_attributes_are_loaded(path: Path) -> None:
    """Flags and paths are kept, and lifetimes begin when the file is loaded."""
    jar = CookieJar(clock=lambda: 1_700_000_000.0)
    jar.load(path)
    found = {morsel.key: morsel for morsel in jar}
    assert (found["b"]["secure"], found["b"]["httponly"]) == (True, True)
    assert found["c"]["path"] == "/dir"
    assert found["a"]["expires"] == "Tue, 14 Nov 2023 22:30:00 GMT"
    assert found["late"]["expires"] == "Wed, 09 Jun 2094 10:18:14 GMT"
    assert "gone" not in found


class Evil:
    """Ends the process when it is unpickled."""

    def __reduce__(self) -> Any:
        return sys.exit, ()


def morsel(**changes: Any) -> Morsel[str]:
    """A cookie with any parts, also those that `Morsel.set` refuses."""
    made: Morsel[str] = Morsel()
    for name, value in ({"key": "a", "value": "1", "coded_value": "1"} | changes).items():
        setattr(made, f"_{name}", value)
    return made


def jar_of(**changes: Any) -> dict[Any, Any]:
    """The content of a file with one cookie."""
    return {("example.com", "/"): {"a": morsel(**changes)}}


HUGE_MEMO = b"\x80\x04]r" + struct.pack("<I", 2**32 - 1) + b"."
"""Names the last of 2 ** 32 memo entries: the unpickler in C allocates them all."""


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(Evil()),
        pickle.dumps({("example.com", "/"): {"a": Evil()}}),
        pickle.dumps({("example.com", "/"): SimpleCookie({"a": "1"}), "b": sys.exit}),
        pickle.dumps({("example.com", "/"): {"a": "1"}}),
        pickle.dumps({"example.com": SimpleCookie({"a": "1"})}),
        pickle.dumps([1]),
        pickle.dumps(jar_of(value="x\r\ny")),
        pickle.dumps(jar_of(coded_value="x; Domain=com")),
        pickle.dumps(jar_of(key="a b")),
        pickle.dumps(jar_of(key=7)),
        pickle.dumps({(7, "/"): {"a": morsel()}}),
        pickle.dumps({("example.com", "nowhere"): {"a": morsel()}}),
        HUGE_MEMO,
        b"\x80",
        b"\x80\x04garbage",
        pickle.dumps(jar_of())[:-10],
    ],
)
def test_other_pickles_are_refused(tmp_path: Path, content: bytes) -> None:
    """A pickle of anything else is a ValueError that shows nothing of it; nothing is run."""
    (tmp_path / "jar").write_bytes(content)
    jar = CookieJar()
    jar.update_cookies({"kept": "1"})
    with pytest.raises(ValueError, match="not a cookie file") as caught:
        jar.load(tmp_path / "jar")
    assert caught.value.__cause__ is None
    assert [one.key for one in jar] == ["kept"]
