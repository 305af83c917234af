"""Makes tables fit a phone: each row becomes a block, each cell tells the heading of its column.

This module puts the headings into the cells when a page is written. ``tables.css`` shows them on
narrow screens alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def label(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Put the heading of the column into each cell of a table, save for the first column."""
    if app.builder.format != "html":
        return
    for table in doctree.findall(nodes.tgroup):
        head = next(iter(table.findall(nodes.thead)), None)
        body = next(iter(table.findall(nodes.tbody)), None)
        if head is not None and body is not None:
            headings = [cell.astext().strip() for cell in head.findall(nodes.entry)]
            for row in body.findall(nodes.row):
                for heading, cell in [*zip(headings, row.children, strict=False)][1:]:
                    _label(cell, heading)


def _label(cell: Any, heading: str) -> None:
    if not cell.astext().strip():
        cell["classes"].append("empty")
    elif heading:
        first = cell.children[0]
        into = first if isinstance(first, nodes.paragraph) else cell
        into.insert(0, nodes.inline("", f"{heading}: ", classes=["column"]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", label)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
