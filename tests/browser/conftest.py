"""A browser for all tests, a watched page for each, and desks that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from chromium import Watch, chromium
from desk import Desk, desk


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Of a module and no longer: Playwright's event loop runs in this thread as long as it is open."""
    with chromium(tmp_path_factory.mktemp("profile")) as context:
        yield context


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page()
    watch = Watch.over(page)
    yield page
    page.close()
    watch.check()


@pytest.fixture(scope="session")
def live() -> Iterator[str]:
    """A desk that goes on, for all tests that only look."""
    with desk() as running:
        yield running.url


@pytest.fixture
def start() -> Iterator[Callable[..., Desk]]:
    """Starts desks of the test's own."""
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(desk(*options))
