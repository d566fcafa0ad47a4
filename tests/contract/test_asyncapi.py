"""The AsyncAPI document is that of the topics as they are, and valid; every reference leads somewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped,unused-ignore]

from streams.kafka.topics import schemas_folder, topics

from . import asyncapi, cases

DOCUMENT = json.loads(asyncapi.path().read_text(encoding="utf-8"))
#: The package that AsyncAPI publishes its JSON Schemas in.
SPECS = "@asyncapi/specs@6.11.1"


def test_the_document_is_up_to_date() -> None:
    assert asyncapi.path().read_text(encoding="utf-8") == asyncapi.text(), "run python tests/contract/asyncapi.py"


def references(node: Any, where: str = "$") -> Iterator[tuple[str, str]]:
    """Every $ref with its place; what examples hold is no part of the document."""
    if isinstance(node, dict):
        if "$ref" in node:
            yield where, node["$ref"]
        for name, child in node.items():
            if name != "examples":
                yield from references(child, f"{where}.{name}")
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from references(child, f"{where}[{number}]")


def resolved(reference: str) -> Any:
    """What a reference leads to; ``KeyError`` or ``FileNotFoundError`` if nowhere."""
    file, _, pointer = reference.partition("#")
    node = json.loads((schemas_folder() / file).read_text(encoding="utf-8")) if file else DOCUMENT
    for part in filter(None, pointer.split("/")):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def test_every_reference_leads_somewhere() -> None:
    found = dict(references(DOCUMENT))
    assert len(found) == 4 * len(cases.SCHEMA_TOPICS)
    for where, reference in found.items():
        assert resolved(reference), where
    with pytest.raises(KeyError):
        resolved("#/channels/support.nothing")


def test_every_topic_of_the_contract_is_a_channel_that_is_received_or_sent() -> None:
    told = {topic.name for topic in cases.SCHEMA_TOPICS}
    assert {channel["address"] for channel in DOCUMENT["channels"].values()} == told
    for operation in DOCUMENT["operations"].values():
        name = resolved(operation["channel"]["$ref"])["address"]
        assert operation["action"] == ("receive" if topics().by_name[name].role == "input" else "send")
        told.discard(name)
        for message in operation["messages"]:
            payload = resolved(resolved(message["$ref"])["$ref"])["payload"]
            assert resolved(payload["schema"]["$ref"]) == cases.schema(name)
    assert told == set()


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """AsyncAPI's own JSON Schema of version 3.0.0, fetched once into the user's cache."""
    kept = Path.home() / ".cache" / "support-roi" / SPECS.rpartition("/")[2] / "3.0.0.json"
    given = Path(os.environ.get("SUPPORT_ROI_ASYNCAPI_SCHEMA", kept))
    if not given.is_file():
        if shutil.which("npm") is None:
            pytest.skip(f"npm is missing to fetch {SPECS}; SUPPORT_ROI_ASYNCAPI_SCHEMA may name its 3.0.0-without-$id")
        folder = tmp_path_factory.mktemp("asyncapi")
        done = subprocess.run(
            ["npm", "pack", "--silent", SPECS], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        with tarfile.open(next(folder.glob("*.tgz"))) as archive:
            member = archive.extractfile("package/schemas/3.0.0-without-$id.json")
            assert member is not None
            given.parent.mkdir(parents=True, exist_ok=True)
            given.write_bytes(member.read())
    schema: dict[str, Any] = json.loads(given.read_text(encoding="utf-8"))
    return schema


def test_the_document_is_valid_by_asyncapis_own_schema(official: dict[str, Any]) -> None:
    validator = Draft7Validator(official)
    assert [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(DOCUMENT)] == []
    broken = DOCUMENT | {"operations": {"publish": {"action": "publish"}}}
    assert not validator.is_valid(broken), "a validator that refuses nothing proves nothing"
