"""Counts of a conversion. Nothing that reads DICOM is imported here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from converter.batch import Result


@dataclass(slots=True)
class Summary:
    """Counts of a conversion so far.

    `resources` counts those beside the selections, by type.
    `others` counts what selects nothing, by the name of its SOP class; `total` is the number of annotation objects,
    once it is known.
    """

    objects: Counter[str] = field(default_factory=Counter)
    selections: Counter[str] = field(default_factory=Counter)
    resources: Counter[str] = field(default_factory=Counter)
    problems: Counter[tuple[str, str]] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    unread: int = 0
    files: int = 0
    total: int | None = None

    @property
    def has_error(self) -> bool:
        """Whether any object or file has an error."""
        return any(severity == "error" for _, severity in self.problems)

    def add(self, result: Result) -> None:
        """Count a result."""
        if result.kind is None:
            self.unread += 1
        else:
            self.objects[result.kind] += 1
            self.selections[result.kind] += len(result.selections)
            self.resources.update(each.type for each in result.resources)
        self.problems.update((each.code, each.severity) for each in result.problems)

    def counts(self) -> dict[str, Any]:
        """Return the counts as JSON has them."""
        return {
            "files": self.files,
            "objects": dict(sorted(self.objects.items())),
            "selections": dict(sorted(self.selections.items())),
            "resources": dict(sorted(self.resources.items())),
            "problems": [[code, severity, count] for (code, severity), count in sorted(self.problems.items())],
            "others": dict(sorted(self.others.items())),
            "unread": self.unread,
            "total": self.total,
        }

    @classmethod
    def of_counts(cls, counts: dict[str, Any]) -> Summary:
        """Return the summary with these counts."""
        named = {name: Counter(counts[name]) for name in ("objects", "selections", "resources", "others")}
        problems = Counter({(code, severity): count for code, severity, count in counts["problems"]})
        return cls(**named, problems=problems, unread=counts["unread"], files=counts["files"], total=counts["total"])


Watch: TypeAlias = Callable[[Summary], None]
"""Told of every file seen and every object converted."""
