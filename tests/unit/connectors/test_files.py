"""Event files: plain and gzip alike, by content and not by name; lines located; broken files named."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from streams.connectors.files import MAX_LINE_BYTES, FileError, paths_of, read_lines, total_bytes


def lines(*paths: Path) -> list[tuple[str, int, bytes]]:
    return [(line.path.name, line.number, line.body) for line in read_lines(paths, lambda _: None)]


def test_lines_are_located_and_empty_ones_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a":1}\n\n   \r\n{"b":2}\r\n{"c":3}')
    assert lines(path) == [("a.jsonl", 1, b'{"a":1}'), ("a.jsonl", 4, b'{"b":2}'), ("a.jsonl", 5, b'{"c":3}')]


def test_gzip_is_known_by_its_bytes(tmp_path: Path) -> None:
    zipped, misnamed = tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl"
    for path in (zipped, misnamed):
        path.write_bytes(gzip.compress(b"1\n2\n"))
    plain = tmp_path / "c.jsonl.gz"
    plain.write_bytes(b"3\n")
    assert [body for _, _, body in lines(zipped, misnamed, plain)] == [b"1", b"2", b"1", b"2", b"3"]


def test_a_folder_is_its_event_files_by_name(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl.gz", "c.txt", "d.json"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in paths_of([str(tmp_path)])] == ["a.jsonl.gz", "b.jsonl"] or [
        path.name for path in paths_of([str(tmp_path)])
    ] == ["b.jsonl", "a.jsonl.gz"]
    assert [path.name for path in paths_of([str(tmp_path / "c.txt")])] == ["c.txt"], "named by hand: any name"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"nowhere\.jsonl"):
        paths_of([str(tmp_path / "nowhere.jsonl")])
    with pytest.raises(FileError, match=tmp_path.name):
        paths_of([str(tmp_path)])


def test_a_broken_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(b"x" * 10_000 + bytes(range(256)) * 50)[:60])
    with pytest.raises(FileError, match=r"cut\.jsonl\.gz"):
        lines(path)
    path.write_bytes(b"\x1f\x8b not gzip at all")
    with pytest.raises(FileError, match=r"cut\.jsonl\.gz"):
        lines(path)


def test_an_endless_line_is_cut_off_and_the_next_one_read(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    path.write_bytes(b"1\n" + b"x" * (3 * MAX_LINE_BYTES + 5) + b"\n2\n")
    found = lines(path)
    assert [line for _, line, _ in found] == [1, 2, 3]
    assert [len(body) for _, _, body in found] == [1, MAX_LINE_BYTES, 1]
    # also where the line ends exactly at the bound
    path.write_bytes(b"x" * (MAX_LINE_BYTES - 1) + b"\n2\n")
    assert [len(body) for _, _, body in lines(path)] == [MAX_LINE_BYTES - 1, 1]
    path.write_bytes(b"x" * MAX_LINE_BYTES + b"\n2\n")
    assert [len(body) for _, _, body in lines(path)] == [MAX_LINE_BYTES, 1]


def test_progress_adds_up_to_the_size_on_disk(tmp_path: Path) -> None:
    plain, zipped = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    content = b"".join(b'{"n":%d}\n' % number for number in range(9000))
    plain.write_bytes(content)
    zipped.write_bytes(gzip.compress(content))
    told: list[int] = []
    assert sum(1 for _ in read_lines([plain, zipped], told.append)) == 18_000
    assert sum(told) == total_bytes([plain, zipped])
    assert all(step >= 0 for step in told)
    assert len(told) > 4
