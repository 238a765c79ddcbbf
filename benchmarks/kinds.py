"""Shows how fast objects of each kind are converted, beside what pydicom takes to read every element of them."""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom import dcmread

from converter import Instance, Settings, convert
from converter.reader.header import read_header

# Objects of a kind that are of another structure than the rest, and mapped by a module of their own.
_STORAGE = "1.2.840.10008.5.1.4.1.1."
APART = {
    f"{_STORAGE}66.5": "SEG, surface",
    **{f"{_STORAGE}{number}": "PR, volumetric" for number in ("11.6", "11.7", "11.9", "11.10", "11.11")},
}
TESTDATA = Path(__file__).parent.parent / "testdata"


class Known(dict[str, Instance]):
    """A catalog of instances in memory."""

    def lookup(self, sop_instance_uid: str) -> Instance | None:
        return self.get(sop_instance_uid)


@dataclass(frozen=True, slots=True)
class Row:
    """Objects of one kind: seconds of the processor for one pass over all of them, the best of all passes."""

    kind: str
    objects: int
    size: int
    resources: int
    seconds: float
    seconds_of_pydicom: float

    def __str__(self) -> str:
        per_second = self.objects / self.seconds
        return (
            f"{self.kind:<16}{self.objects:>8}{self.size / self.objects / 1000:>10.1f}{self.resources:>11}"
            f"{per_second:>12.0f}{self.seconds_of_pydicom / self.seconds:>10.0%}"
        )


HEADING = f"{'kind':<16}{'objects':>8}{'kB each':>10}{'resources':>11}{'objects/s':>12}{'pydicom':>10}"


def main() -> int:
    """Convert the objects of each kind again and again, in turn with pydicom, and say how long both take."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=TESTDATA, help="files to take (default: testdata)")
    parser.add_argument("--seconds", type=float, default=2.0, help="to measure each kind for (default: 2)")
    arguments = parser.parse_args()
    files = [path.read_bytes() for path in sorted(arguments.folder.rglob("*.dcm"))]
    catalog = known(files)
    print(HEADING)
    rows = [measured(kind, objects, catalog, arguments.seconds) for kind, objects in by_kind(files, catalog).items()]
    return 0 if rows else 1


def known(files: list[bytes]) -> Known:
    """Return the catalog of what the files hold."""
    headers = (read_header(BytesIO(file)).instance for file in files)
    return Known({each.sop_instance_uid: each for each in headers if each is not None})


def by_kind(files: list[bytes], catalog: Known) -> dict[str, list[bytes]]:
    """Return the objects that become resources, by kind."""
    kinds: dict[str, list[bytes]] = defaultdict(list)
    for file in files:
        for result in convert(file, Settings(), catalog):
            if result.kind is not None and result.selections:
                kinds[APART.get(result.sop_class_uid or "", result.kind)].append(file)
    return dict(sorted(kinds.items()))


def measured(kind: str, objects: list[bytes], catalog: Known, seconds: float) -> Row:
    """Measure both ways in turn until `seconds` have passed; print and return the row."""
    resources = converted(objects, catalog)
    own: list[float] = []
    theirs: list[float] = []
    start = time.process_time()
    while time.process_time() - start < seconds or len(own) < 3:
        own.append(timed(lambda: converted(objects, catalog)))
        theirs.append(timed(lambda: read_by_pydicom(objects)))
    row = Row(kind, len(objects), sum(map(len, objects)), resources, min(own), min(theirs))
    print(row, flush=True)
    return row


def timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def converted(objects: list[bytes], catalog: Known) -> int:
    """Convert each object from its bytes to the JSON of its resources; return how many these are."""
    count = 0
    for each in objects:
        for result in convert(each, Settings(), catalog):
            count += len([selection.to_json() for selection in result.selections])
    return count


def read_by_pydicom(objects: list[bytes]) -> int:
    """Read each object with pydicom, every element of it converted; return how many these are."""
    return sum(1 for each in objects for element in dcmread(BytesIO(each)).iterall() if element.value is not element)


if __name__ == "__main__":
    sys.exit(main())
