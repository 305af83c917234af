"""Names of ``aiohttp.multipart``, for programs that import them from there."""

from __future__ import annotations

from .body.disposition import (
    BadContentDispositionHeader,
    BadContentDispositionParam,
    content_disposition_filename,
    parse_content_disposition,
)
from .body.multipart import MultipartWriter
from .body.multipart_reader import MultipartReader
from .body.part_reader import BodyPartReader, BodyPartReaderPayload
from .body.payload import JsonPayload, Payload, StringPayload, get_payload, payload_type
from .body.streams import StreamReader
from .headers.mime import parse_mimetype

__all__ = [
    "BadContentDispositionHeader",
    "BadContentDispositionParam",
    "BodyPartReader",
    "BodyPartReaderPayload",
    "JsonPayload",
    "MultipartReader",
    "MultipartWriter",
    "Payload",
    "StreamReader",
    "StringPayload",
    "content_disposition_filename",
    "get_payload",
    "parse_content_disposition",
    "parse_mimetype",
    "payload_type",
]
