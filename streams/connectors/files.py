"""Event files: JSON lines, plain or gzip, with the bytes read so far for a progress bar."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["FileError", "Located", "paths_of", "read_events", "size"]

#: A line longer than this is given cut off: it is ``too_large`` whatever it says, and memory stays bounded.
LONGEST: Final = 1024 * 1024
#: What some editors put before the first line.
_MARK: Final = b"\xef\xbb\xbf"


class FileError(Exception):
    """A file that cannot be read; the message names it."""


class Located(NamedTuple):
    """A line and where it stands (lines count from 1)."""

    path: Path
    line: int
    body: bytes


def paths_of(given: Sequence[str]) -> list[Path]:
    """The files meant: a folder stands for its ``*.jsonl`` and ``*.jsonl.gz``, by name."""
    found: list[Path] = []
    for name in given:
        path = Path(name)
        if path.is_dir():
            inside = sorted([*path.glob("*.jsonl"), *path.glob("*.jsonl.gz")])
            if not inside:
                raise FileError(f"{path}: no *.jsonl or *.jsonl.gz in this folder")
            found.extend(inside)
        elif path.is_file():
            found.append(path)
        else:
            raise FileError(f"{path}: no such file")
    return found


def size(paths: Sequence[Path]) -> int:
    """Bytes on disk, the length of the progress bar."""
    return sum(path.stat().st_size for path in paths)


def read_events(paths: Sequence[Path], progress: Callable[[int], None]) -> Iterator[Located]:
    """The lines of all files in order, empty ones left out; ``progress`` is told how many bytes more were read."""
    for path in paths:
        try:
            with path.open("rb") as raw:
                yield from _lines(path, raw, progress)
        except (OSError, EOFError, gzip.BadGzipFile) as error:
            raise FileError(f"{path}: cannot be read: {error}") from None


def _lines(path: Path, raw: io.BufferedReader, progress: Callable[[int], None]) -> Iterator[Located]:
    zipped = raw.peek(2)[:2] == b"\x1f\x8b"
    source = io.BufferedReader(gzip.GzipFile(fileobj=raw), 1 << 16) if zipped else raw
    told = number = 0
    while line := source.readline(LONGEST):
        number += 1
        while len(line) >= LONGEST and not line.endswith(b"\n"):  # the rest of it says nothing any more
            rest = source.readline(LONGEST)
            if not rest or rest.endswith(b"\n"):
                break
        if number % 2000 == 0:
            here = raw.tell()
            progress(here - told)
            told = here
        body = (line.removeprefix(_MARK) if number == 1 else line).strip()
        if body:
            yield Located(path, number, body)
    progress(raw.tell() - told)
