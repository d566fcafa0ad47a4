"""Links, and mentions of pages, files and tests, lead somewhere: in every page, and in code, schemas and settings."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

from streams.core.metrics.families import METRICS

ROOT = next(folder for folder in Path(__file__).parents if (folder / "pyproject.toml").is_file())
#: What is named in tests because it must not be there.
ABSENT = {"docs/other.md", "out/README.md"}
#: Folders that pages name paths below, besides the root and their own.
BASES = ("", "streams")

pytestmark = pytest.mark.skipif(
    shutil.which("git") is None or not (ROOT / ".git").exists(), reason="needs git and a checkout: it lists the files"
)


@cache
def files(*patterns: str) -> tuple[str, ...]:
    """The repository's files, those not added yet among them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return tuple(sorted({name for name in listed if (ROOT / name).is_file()}))


@cache
def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8", errors="replace")  # examples of what is no text


@cache
def prose(page: str) -> str:
    """A page without its blocks of code."""
    unfenced = re.sub(r"^(```|~~~).*?^\1", "", text(page), flags=re.M | re.S)
    return re.sub(r"^(?: {4}|\t).*$", "", unfenced, flags=re.M)


@cache
def anchors(page: str) -> frozenset[str]:
    """What links may name in a page: its headings, by GitHub's rule, and its own anchors."""
    slugs: Counter[str] = Counter()
    found = set(re.findall(r'<a id="([^"]+)">', text(page)))
    for title in re.findall(r"^#{1,6} +(.+?) *#*$", prose(page), re.M):
        shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        found.add(f"{slug}-{slugs[slug]}" if slugs[slug] else slug)
        slugs[slug] += 1
    return frozenset(found)


def inside(folder: str, path: str) -> str | None:
    """A path from a folder of the repository as one from its root; None if it leads outside."""
    parts: list[str] = []
    for part in PurePosixPath(folder, path).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or "."


def folder_of(name: str) -> str:
    return PurePosixPath(name).parent.as_posix()


# -- links of pages ---------------------------------------------------------------------------------------------


def links(page: str) -> Iterator[str]:
    """The targets of a page's links to other pages and files."""
    for target in re.findall(r"\]\(<?([^()\s>]+)>?(?: +\"[^\"]*\")?\)|^\[[^\]]+\]: *(\S+)", prose(page), re.M):
        link = target[0] or target[1]
        if not re.match(r"[a-z][a-z0-9+.-]*:", link):
            yield link


@pytest.mark.parametrize("page", files("*.md"))
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: str) -> None:
    wrong = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        name = inside(folder_of(page), path) if path else page
        if name is None or not (ROOT / name).exists() or (anchor and anchor not in anchors(name)):
            wrong.append(link)
    assert not wrong


def test_there_are_links_to_look_at() -> None:
    assert len([link for page in files("*.md") for link in links(page)]) > 50


def test_a_heading_has_the_name_that_github_gives_it() -> None:
    assert {"supportsla-breaches", "windows", "dimensions-and-members"} <= anchors("docs/contracts.md")
    assert {"tickets_created", "pipeline"} <= anchors("docs/metrics.md")


# -- mentions of pages in code ----------------------------------------------------------------------------------


def mentions(file: str) -> Iterator[tuple[str, str, bool]]:
    """(path, anchor, alone) of each mention of a page; ``alone``: it is all of a text of the code, a file's name."""
    for match in re.finditer(r"([\w./-]*\w\.md)\b(?:#([\w-]+))?", text(file)):
        before, after = text(file)[: match.start()][-1:], text(file)[match.end() :][:1]
        path = re.sub(r"^//[^/]+", "", match[1]).lstrip("/")  # after a host, or from the root
        yield path, match[2] or "", before == after == '"'


def leads_somewhere(file: str, path: str, anchor: str, alone: bool) -> bool:
    names = [name for base in ("", folder_of(file)) if (name := inside(base, path)) and (ROOT / name).is_file()]
    if not names and alone and "/" not in path:  # joined to a folder by the code
        names = [page for page in files("*.md") if PurePosixPath(page).name == path]
    return any(not anchor or anchor in anchors(name) for name in names)


@pytest.mark.parametrize("suffix", ["py", "toml", "json", "yml", "yaml", "js", "html"])
def test_every_page_that_code_mentions_exists_and_has_the_heading(suffix: str) -> None:
    wrong = [
        f"{file}: {path}{'#' * bool(anchor)}{anchor}"
        for file in files(f"*.{suffix}")
        for path, anchor, alone in mentions(file)
        if path not in ABSENT and not leads_somewhere(file, path, anchor, alone)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_metric_names_the_heading_that_defines_it() -> None:
    for metric in METRICS.values():
        path, _, anchor = metric.source.partition(";")[0].partition("#")
        assert path == "docs/definitions.md", metric.id
        assert anchor in anchors(path), metric.id


# -- paths, tests and names in pages ----------------------------------------------------------------------------


def paths(page: str) -> Iterator[tuple[str, str]]:
    """(path, name of a test or empty) of each path in a page's inline code."""
    for code in re.findall(r"`([^`\n]+)`", prose(page)):
        match = re.fullmatch(r"([\w.*-]+(?:/[\w.*-]+)*/?)(?:::(\w+))?", code)
        if match and "/" in match[1] and "NAME" not in match[1]:
            yield match[1], match[2] or ""


def matches(page: str, path: str) -> list[Path] | None:
    """The files and folders of a path with or without ``*``; None if it does not begin like one."""
    bases = [ROOT / base for base in (*BASES, folder_of(page))]
    if not any((base / path.partition("/")[0]).exists() for base in bases):
        return None
    return [found for base in bases for found in base.glob(path.rstrip("/"))]


@pytest.mark.parametrize("page", files("*.md"))
def test_every_path_that_a_page_names_exists(page: str) -> None:
    wrong = []
    for path, test in paths(page):
        found = matches(page, path)
        if found is None:
            continue
        if not found or (test and not any(f"def {test}(" in file.read_text("utf-8") for file in found)):
            wrong.append(f"{path}::{test}" if test else path)
    assert not wrong


def test_what_a_page_says_is_in_a_file_is_in_it() -> None:
    seen = 0
    for page in files("docs/*.md"):
        for names, path in re.findall(r"((?:`[\w.]+`(?:, )?)+) in `([\w/.]+\.py)`", prose(page)):
            found = set(matches(page, path) or [])
            assert len(found) == 1, f"{page}: {path}"
            file = found.pop()
            for name in re.findall(r"`([\w.]+)`", names):
                for part in name.split("."):
                    assert re.search(rf"\b{part}\b", file.read_text("utf-8")), f"{page}: {name} in {path}"
                seen += 1
    assert seen > 50


def test_the_readmes_tree_has_every_folder() -> None:
    """Lines of the tree: two spaces a level, a name, what it is."""
    lines = re.search(r"^    streams/\n((?:      .*\n)+)", text("README.md"), re.M)
    assert lines is not None
    named: set[str] = set()
    above: list[str] = []
    for indent, name, said in re.findall(r"^    ((?:  )+)(\S+) +(.*)$", lines[1], re.M):
        above = [*above[: len(indent) // 2 - 1], name.rstrip("/")]
        named.add("/".join(("streams", *above)))
        assert said, name
    folders = {folder_of(file) for file in files("streams/*")} - {"streams"}
    assert {name for name in named if not name.endswith(".py")} == folders
    assert {name for name in named if name.endswith(".py")} <= set(files("streams/*.py"))
