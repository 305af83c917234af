"""Fixtures of this room: those of the client's tests, without the machine's proxies."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.client.conftest import clean, make_session, serve, session

__all__ = ["clean", "make_session", "serve", "session"]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the proxies and netrc of the machine."""
    for name in ("http", "https", "ws", "wss", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
