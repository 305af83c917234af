"""Turns the README into the description that PyPI shows; hatchling runs it at each build.

PyPI does not have the files beside the README. So the picture becomes the same waterfall as text. A
link to a file becomes a link below ``address``, which pyproject.toml sets in the table
``tool.hatch.metadata.hooks.custom``. Where it sets none, the words of the link stay as plain text.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

PICTURE = re.compile(r"!\[[^\]]*\]\(([\w./-]+)\.svg\)")
LINK = re.compile(r"\[([^\]]+)\]\(([\w./-]+(?:#[\w-]*)?)\)")


def description(root: Path, address: str = "") -> str:
    """The README without references to files that PyPI does not have."""
    text = PICTURE.sub(lambda found: _as_text(root / f"{found[1]}.txt"), _read(root / "README.md"))
    return LINK.sub(rf"[\1]({address}\2)" if address else r"\1", text)


def _as_text(drawing: Path) -> str:
    return f"```text\n{_read(drawing).rstrip()}\n```"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


class CustomMetadataHook(MetadataHookInterface):
    """Sets ``project.readme``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Put the description into the metadata of the project."""
        text = description(Path(self.root), self.config.get("address", ""))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
