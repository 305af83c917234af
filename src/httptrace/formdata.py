"""Names of ``aiohttp.formdata``, for programs that import them from there."""

from __future__ import annotations

from .aiohttp_names import guess_filename
from .body.form import FormData
from .body.payload import Payload

__all__ = [
    "FormData",
    "Payload",
    "guess_filename",
]
