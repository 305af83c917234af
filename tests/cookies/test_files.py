from __future__ import annotations

import json
import os
import pickle
import stat
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from httptrace.cookies.jar import CookieJar, cookie_header

HERE = URL("https://www.example.com/dir/page")
HEADERS = ["a=1; Path=/; Max-Age=1000", 'b="x y"; Domain=example.com; Secure; HttpOnly', "c=é"]


def filled(now: float = 1_700_000_000.0) -> CookieJar:
    jar = CookieJar(clock=lambda: now)
    jar.update_cookies_from_headers(HEADERS, HERE)
    jar.update_cookies({"everywhere": "1 2"})
    return jar


def test_saved_and_loaded_jar_is_the_same(tmp_path: Path) -> None:
    """Saving keeps every attribute, the host-only flag and the order of sending."""
    jar, loaded = filled(), CookieJar(clock=lambda: 1_700_000_001.0)
    jar.save(tmp_path / "jar")
    loaded.load(tmp_path / "jar")
    assert cookie_header(loaded, HERE) == cookie_header(jar, HERE)
    assert loaded.host_only_cookies == jar.host_only_cookies
    assert [m.OutputString() for m in loaded] == [m.OutputString() for m in jar]


def test_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The file has mode 0600, whatever the umask and the mode of an existing file."""
    path = tmp_path / "jar"
    path.write_text("old")
    path.chmod(0o666)
    before = os.umask(0)
    try:
        filled().save(str(path))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_symbolic_link_is_followed(tmp_path: Path) -> None:
    """A symbolic link to the file is kept."""
    (tmp_path / "link").symlink_to(tmp_path / "jar")
    filled().save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "jar").read_text())["cookies"]


def test_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    """If the file cannot be replaced, no temporary file is left."""
    (tmp_path / "jar").mkdir()
    with pytest.raises(OSError):
        filled().save(tmp_path / "jar")
    assert [path.name for path in tmp_path.iterdir()] == ["jar"]


def test_expired_cookies_are_not_loaded(tmp_path: Path) -> None:
    """Cookies that expired while they were saved are not loaded."""
    filled().save(tmp_path / "jar")
    jar = CookieJar(clock=lambda: 1_700_002_000.0)
    jar.load(tmp_path / "jar")
    assert sorted(m.key for m in jar) == ["b", "c", "everywhere"]


def test_load_replaces_what_was_there(tmp_path: Path) -> None:
    """After load the jar has the cookies of the file and no others."""
    CookieJar().save(tmp_path / "jar")
    jar = filled()
    jar.load(tmp_path / "jar")
    assert not jar


async def test_file_of_aiohttp_is_read(tmp_path: Path) -> None:
    """A jar that aiohttp 3.14 saved can be loaded."""
    theirs = aiohttp.CookieJar()
    theirs.update_cookies_from_headers(HEADERS, HERE)
    theirs.update_cookies({"everywhere": "1"})
    theirs.save(tmp_path / "jar")
    ours = CookieJar()
    ours.load(tmp_path / "jar")
    assert {m.key: (m.value, m["domain"], m["path"]) for m in ours} == {
        "a": ("1", "www.example.com", "/"),
        "b": ("x y", "example.com", "/dir"),
        "c": ("é", "www.example.com", "/dir"),
        "everywhere": ("1", "", "/"),
    }
    assert {name for _, _, name in ours.host_only_cookies} == {"a", "c"}


def rows(**changes: Any) -> str:
    row = {
        "name": "a",
        "value": "1",
        "coded": "1",
        "domain": "h.com",
        "path": "/",
        "samesite": "",
        "max_age": "",
        "host_only": True,
        "secure": False,
        "httponly": False,
        "expires_at": None,
    }
    return json.dumps({"format": "httptrace-cookies-1", "cookies": [row | changes]})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b"[]",
        b'{"a": 1}',
        b"\xff\xfe",
        b"[" * 100_000,
        pickle.dumps({"a": 1}),
        rows(value=5).encode(),
        rows(value="x\r\ny").encode(),
        rows(coded="x; y").encode(),
        rows(path="x").encode(),
        rows(name="").encode(),
        rows(secure="yes").encode(),
        rows(expires_at="soon").encode(),
        rows(expires_at=float("nan")).encode(),
    ],
)
def test_what_is_no_file_of_cookies(tmp_path: Path, content: bytes) -> None:
    """Any other file, also another pickle, raises ValueError and does not change the jar."""
    (tmp_path / "jar").write_bytes(content)
    jar = filled()
    with pytest.raises(ValueError, match="not a cookie file"):
        jar.load(tmp_path / "jar")
    assert len(jar) == 4


def test_well_formed_row_is_read(tmp_path: Path) -> None:
    """The entry that the malformed ones above derive from is valid."""
    (tmp_path / "jar").write_text(rows())
    jar = CookieJar()
    jar.load(tmp_path / "jar")
    assert cookie_header(jar, URL("http://h.com")) == "a=1"


@pytest.mark.parametrize("expires_at", [1e18, 1e300, float("inf")])
def test_a_time_beyond_all_dates_is_the_last_one(tmp_path: Path, expires_at: float) -> None:
    """Any expiry time in a file is accepted, and the cookie can be inspected."""
    (tmp_path / "jar").write_text(rows(expires_at=expires_at))
    jar = CookieJar()
    jar.load(tmp_path / "jar")
    assert [morsel["expires"] for morsel in jar] == ["Fri, 31 Dec 9999 23:59:59 GMT"]


def test_missing_file(tmp_path: Path) -> None:
    """A missing file raises FileNotFoundError."""
    with pytest.raises(FileNotFoundError):
        CookieJar().load(tmp_path / "none")
