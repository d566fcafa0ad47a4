"""The topics as an AsyncAPI 3 document, ``schemas/asyncapi.json``, made from ``topics.toml``, the schemas and examples.

After a change of any of them run

    python tests/contract/asyncapi.py

and commit what it writes. The document says what this program does: it receives the inputs and sends the outputs. The
schemas are referred to, not copied; the topics' settings are those that `support-roi topics` creates them with.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, TypeAlias

from streams.kafka.topics import Topic, schemas_folder, topics

Part: TypeAlias = dict[str, Any]

#: What JSON Schema the schemas are written in, as AsyncAPI names it.
SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
#: Version of AsyncAPI's bindings for Kafka.
BINDING = "0.5.0"


def document() -> Part:
    """The whole document."""
    told = [topic for topic in topics().by_name.values() if topic.schema is not None]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "support-roi",
            "version": "1",
            "description": "Live return on investment of customer service. In: events of help desk, surveys, shop, "
            "customers and costs. Out: values, warnings, breaches of service levels, dead letters. Keys and values are "
            "UTF-8; values are JSON objects.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "Kafka 4.0 or later. Read with isolation level read_committed.",
                "variables": {"bootstrap": {"default": "localhost:9092", "description": "A bootstrap server."}},
            }
        },
        "channels": {topic.name: _channel(topic) for topic in told},
        "operations": {_operation_name(topic): _operation(topic) for topic in told},
        "components": {"messages": {topic.name: _message(topic) for topic in told}},
    }


def _channel(topic: Topic) -> Part:
    return {
        "address": topic.name,
        "description": topic.description,
        "messages": {"record": {"$ref": f"#/components/messages/{topic.name}"}},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partition_count(topics().input_partitions),
                "topicConfiguration": {
                    "cleanup.policy": topic.cleanup_policy.split(","),
                    "retention.ms": topic.retention_ms,
                    "max.message.bytes": topic.max_message_bytes,
                },
                "bindingVersion": BINDING,
            }
        },
    }


def _operation_name(topic: Topic) -> str:
    return ("receive " if topic.role == "input" else "send ") + topic.name


def _operation(topic: Topic) -> Part:
    return {
        "action": "receive" if topic.role == "input" else "send",
        "summary": topic.description,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/record"}],
    }


def _message(topic: Topic) -> Part:
    path = topic.schema_path()
    assert path is not None
    schema = json.loads(path.read_text(encoding="utf-8"))
    return {
        "name": topic.name,
        "title": schema["title"],
        "summary": schema["description"],
        "contentType": "application/json",
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": topic.schema}},
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": BINDING}},
        "examples": [
            {"name": file.stem, "payload": json.loads(file.read_text(encoding="utf-8"))}
            for file in sorted((path.parent / "examples").glob("*.json"))
        ],
    }


def path() -> Path:
    """Where the document is."""
    return schemas_folder() / "asyncapi.json"


def text() -> str:
    """The file's content."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    path().write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
