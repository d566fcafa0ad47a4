"""Lines of files, plain or gzip, with the bytes read so far for a progress bar."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["MAX_LINE_BYTES", "FileError", "Line", "paths_of", "read_lines", "total_bytes"]

#: A longer line is cut off here: it is ``too_large`` whatever it says, and memory stays bounded.
MAX_LINE_BYTES: Final = 1024 * 1024
#: Some editors write a byte order mark before the first line.
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_GZIP_MAGIC: Final = b"\x1f\x8b"
_PROGRESS_EVERY: Final = 2000  # lines


class FileError(Exception):
    """A file that cannot be read; the message names it."""


class Line(NamedTuple):
    """A line of a file and its place: ``number`` counts from 1. The body has no white space around it."""

    path: Path
    number: int
    body: bytes


def paths_of(names: Sequence[str]) -> list[Path]:
    """Files by name; a folder stands for its ``*.jsonl`` and ``*.jsonl.gz``, sorted. Raises ``FileError``."""
    paths: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            inside = sorted([*path.glob("*.jsonl"), *path.glob("*.jsonl.gz")])
            if not inside:
                raise FileError(f"{path}: no *.jsonl or *.jsonl.gz in this folder")
            paths.extend(inside)
        elif path.is_file():
            paths.append(path)
        else:
            raise FileError(f"{path}: no such file")
    return paths


def total_bytes(paths: Sequence[Path]) -> int:
    """Bytes on disk, the length of the progress bar."""
    return sum(path.stat().st_size for path in paths)


def read_lines(paths: Sequence[Path], progress: Callable[[int], None]) -> Iterator[Line]:
    """The lines of all files in order without the empty ones. Raises ``FileError``.

    ``progress`` gets the bytes on disk read since its last call; in all they are ``total_bytes``.
    """
    for path in paths:
        try:
            with path.open("rb") as raw:
                yield from _lines(path, raw, progress)
        except (OSError, EOFError, gzip.BadGzipFile) as error:
            raise FileError(f"{path}: cannot be read: {error}") from None


def _lines(path: Path, raw: io.BufferedReader, progress: Callable[[int], None]) -> Iterator[Line]:
    zipped = raw.peek(2)[:2] == _GZIP_MAGIC
    source = io.BufferedReader(gzip.GzipFile(fileobj=raw), 1 << 16) if zipped else raw
    reported_bytes = number = 0
    while line := source.readline(MAX_LINE_BYTES):
        number += 1
        while len(line) >= MAX_LINE_BYTES and not line.endswith(b"\n"):  # skip the rest of a line that is too long
            rest = source.readline(MAX_LINE_BYTES)
            if not rest or rest.endswith(b"\n"):
                break
        if number % _PROGRESS_EVERY == 0:
            position = raw.tell()
            progress(position - reported_bytes)
            reported_bytes = position
        body = (line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line).strip()
        if body:
            yield Line(path, number, body)
    progress(raw.tell() - reported_bytes)
