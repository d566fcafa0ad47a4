from collections.abc import Iterator

import pytest
from kafka.broker import KafkaServer, KafkaUnavailable


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaServer]:
    """One broker for all tests; each uses topics and groups of its own."""
    try:
        server = KafkaServer()
    except KafkaUnavailable as error:
        pytest.fail(str(error))  # not a skip: the main promise would go unchecked
    with server:
        yield server
