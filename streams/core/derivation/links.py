"""Links between merged customers, by owner, both ways."""

from __future__ import annotations

__all__ = ["Links"]


class Links:
    """The customers of one partition who are merged with each other, ever."""

    def __init__(self) -> None:
        self._linked: dict[str, set[str]] = {}
        #: Links made since they were last taken: (owner, other).
        self._new: list[tuple[str, str]] = []

    def __contains__(self, owner: str) -> bool:
        return owner in self._linked

    def link(self, owner: str, other: str) -> None:
        """Notes that two customers are merged."""
        for one, two in ((owner, other), (other, owner)):
            if one != two and two not in self._linked.setdefault(one, set()):
                self._linked[one].add(two)
                self._new.append((one, two))

    def restore(self, owner: str, other: str, present: bool) -> None:
        """Takes up one direction of a stored link, or takes it away."""
        others = self._linked.setdefault(owner, set())
        (others.add if present else others.discard)(other)
        if not others:
            del self._linked[owner]

    def take_new(self) -> list[tuple[str, str]]:
        """The links made since the last call: (owner, other)."""
        new, self._new = self._new, []
        return new

    def group(self, owner: str) -> set[str]:
        """A customer and all who are merged with it, directly or by others."""
        group, waiting = {owner}, [owner]
        while waiting:
            others = self._linked.get(waiting.pop(), set()) - group
            group |= others
            waiting.extend(others)
        return group

    def remove(self, group: set[str]) -> list[tuple[str, str]]:
        """Removes a whole group; returns its links: (owner, other)."""
        self._new = [link for link in self._new if link[0] not in group]
        return [(one, other) for one in sorted(group) for other in self._linked.pop(one, ())]
