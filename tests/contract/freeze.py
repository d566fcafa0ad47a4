"""What subscribers and producers rely on in each schema, frozen in ``schemas/frozen.json``.

A schema of v1 may only gain optional fields, or take an empty text in one as an absent one. To change it: edit it, run

    python tests/contract/freeze.py

and commit both. It refuses any other change; that is a new version: leave ``v1`` as it is and add
``schemas/<topic>/v2/`` (docs/contracts.md: anything else is a new version).

The fingerprint of a schema is one entry a field, ``<event type>.lines[].class``, with whether it is required
and all of its rules (type, enum, bounds, pattern, …); titles and descriptions are free.
"""

from __future__ import annotations

import json
import sys
from typing import Any, TypeAlias

from streams.kafka.topics import schemas_folder, topics

Fingerprint: TypeAlias = dict[str, dict[str, Any]]

_FREE = {"$comment", "$defs", "$id", "$schema", "description", "examples", "title"}
_WALKED = {"$ref", "allOf", "items", "properties", "required"}


def fingerprint(schema: dict[str, Any]) -> Fingerprint:
    """The rules of every field of a schema, by its path."""
    entries: Fingerprint = {}
    _walk(schema, schema, "$", True, entries)
    return entries


def _walk(root: dict[str, Any], node: dict[str, Any], path: str, required: bool, into: Fingerprint) -> None:
    if "$ref" in node:
        node = {**_resolve(root, node["$ref"]), **{k: v for k, v in node.items() if k != "$ref"}}
    rules = {key: value for key, value in node.items() if key not in _FREE | _WALKED}
    into[path] = {"required": required, **rules}
    properties = node.get("properties", {})
    needed = node.get("required", [])
    if set(needed) - properties.keys():
        into[path]["also_required"] = sorted(set(needed) - properties.keys())
    for name, child in properties.items():
        _walk(root, child, f"{path}.{name}", name in needed, into)
    if "items" in node:
        _walk(root, node["items"], f"{path}[]", True, into)
    for branch in node.get("allOf", []):
        kind = branch.get("if", {}).get("properties", {}).get("type", {}).get("const")
        if kind is not None and branch.keys() == {"if", "then"}:
            _walk(root, branch["then"], f"<{kind}>", True, into)
        else:
            into[path].setdefault("conditions", []).append(branch)


def _resolve(root: dict[str, Any], reference: str) -> dict[str, Any]:
    node: Any = root
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    assert isinstance(node, dict)
    return node


def breaking(frozen: Fingerprint, now: Fingerprint) -> list[str]:
    """Every change from ``frozen`` to ``now`` that is more than a new optional field, or an empty text in one."""
    found = [f"{path} is gone" for path in frozen.keys() - now.keys()]
    for path in frozen.keys() & now.keys():
        before, after = frozen[path], now[path]
        if _admits_empty_text(after):
            before, after = _without_least_text(before), _without_least_text(after)
        found += [
            f"{path}: `{rule}` was {json.dumps(before.get(rule))}, is {json.dumps(after.get(rule))}"
            for rule in before.keys() | after.keys()
            if before.get(rule) != after.get(rule)
        ]
    for path in now.keys() - frozen.keys():
        # A new object's own fields may be required in it: only what hangs on something frozen counts.
        if now[path]["required"] and _parent(path) in {*frozen, ""}:
            found.append(f"{path} is new and required")
    return sorted(found)


def _admits_empty_text(rules: dict[str, Any]) -> bool:
    """True for an optional text field in which an empty text is an absent one."""
    may_be_text = "string" in rules.get("type", ())
    return not rules["required"] and may_be_text and "minLength" not in rules and "" in rules.get("enum", [""])


def _without_least_text(rules: dict[str, Any]) -> dict[str, Any]:
    """The rules of an optional text field less what they say of an empty text."""
    kept = {rule: value for rule, value in rules.items() if (rule, value) != ("minLength", 1)}
    return {**kept, "enum": [value for value in kept["enum"] if value != ""]} if "enum" in kept else kept


def _parent(path: str) -> str:
    """The field a field is in; empty for an event type, whose name has dots of its own."""
    if path.endswith("[]"):
        return path.removesuffix("[]")
    kind, _, rest = path.rpartition(">")
    return kind + ">" + rest.rpartition(".")[0] if rest else "" if kind else path.rpartition(".")[0]


def current() -> dict[str, Fingerprint]:
    """The fingerprints of all schemas as they are in the tree."""
    return {
        topic.name: fingerprint(json.loads(path.read_text(encoding="utf-8")))
        for topic in topics().by_name.values()
        if (path := topic.schema_path()) is not None
    }


def frozen() -> dict[str, Fingerprint]:
    """The fingerprints as they were frozen; of no topic before the first time."""
    path = schemas_folder() / "frozen.json"
    data: dict[str, Fingerprint] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return data


def changes() -> list[str]:
    """Every breaking change of a schema in the tree, topic first."""
    now = current()
    return [f"{topic}: {change}" for topic, old in frozen().items() for change in breaking(old, now.get(topic, {}))]


def main() -> int:
    found = changes()
    if found:
        print("Not frozen; these changes break v1, add a v2 instead:", *found, sep="\n  ", file=sys.stderr)
        return 1
    text = json.dumps(current(), indent=1, sort_keys=True, ensure_ascii=False)
    (schemas_folder() / "frozen.json").write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
