"""The first pass: every instance into the catalog, every annotation object into one list in one order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import BinaryIO, Final, NamedTuple, Protocol, TypeAlias

from pydicom import Dataset
from pydicom.config import IGNORE
from pydicom.uid import UID

from converter.pixel_data import PixelData
from converter.problems import problem
from converter.reader.catalog import Conflict, SqliteCatalog
from converter.reader.content import Recording
from converter.reader.fingerprint import fingerprint
from converter.reader.header import header_of, read_header
from converter.reader.keeping import Keeping, Kept, Read
from converter.reader.parser import NotDicomError, Parsed
from converter.reader.raw_values import text
from converter.reader.rows import HeaderRow, row_of
from converter.reader.skim import skim_dataset
from converter.reader.sources import Directory, Found, Unread
from converter.reader.spool import Spool
from converter.reader.streams import ContentError
from converter.selection import Problem

IsAnnotation: TypeAlias = Callable[[str | None, str | None], bool]
"""Says from SOP Class UID and Modality whether an object is an annotation object."""

NO_SOP_CLASS: Final = "No SOP Class UID"

# When an object was made, date and time: of content, presentation, structure set, instance.
_CREATION: Final = (
    (0x00080023, 0x00080033),
    (0x00700082, 0x00700083),
    (0x30060008, 0x30060009),
    (0x00080012, 0x00080013),
)


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """An annotation object that was found, and the way to read it.

    `name` is relative to the source with the number `source`. `identity` is the SOP Instance UID, or the
    fingerprint of an object without one. `pixel_data` is None where it was not to be kept.
    """

    name: str
    source: int
    sop_instance_uid: str | None
    sop_class_uid: str | None
    modality: str | None
    identity: str
    read: Read = field(repr=False, compare=False)
    pixel_data: PixelData | None = field(default=None, repr=False, compare=False)

    def load(self) -> Parsed:
        """Read the whole object. Raises OSError and NotDicomError where it is no longer what it was."""
        return self.read()

    @property
    def order(self) -> tuple[str, str]:
        """What objects are sorted by: SOP Instance UID, then SHA-256."""
        return self.sop_instance_uid or "", self.identity


@dataclass(slots=True)
class Scan:
    """What a first pass found.

    `objects` each once, in order; `rejected` those that another one stands for, with the reason; `unreadable` what
    could not be read, `directories` the DICOMDIRs; `counts` all other objects by the name of their SOP class;
    `image_conflicts` the images that another one of their SOP Instance UID stands for.
    """

    objects: Sequence[ObjectReference] = ()
    rejected: list[tuple[ObjectReference, Problem]] = field(default_factory=list)
    unreadable: list[Unread] = field(default_factory=list)
    directories: list[Directory] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    image_conflicts: list[Conflict] = field(default_factory=list)


def scan(
    found: Iterable[Found | Unread | Directory],
    is_annotation: IsAnnotation,
    catalog: SqliteCatalog,
    spool: Spool,
    *,
    with_pixels: bool = False,
) -> Scan:
    """Read all headers into `catalog` and return what else there is.

    What can be read only once goes to `spool` if it is an annotation object, `with_pixels` its pixel data, too; both
    must stay open as long as objects are loaded. The result depends on what is found, not on the order. Raises
    CatalogError.
    """
    result = Scan()
    keep = Keeping(spool, with_pixels)
    references: list[ObjectReference] = []
    for each in found:
        match each:
            case Unread():
                result.unreadable.append(each)
            case Directory():
                result.directories.append(each)
            case Found():
                seen = examine(each, is_annotation, keep)
                if isinstance(seen, Unread):
                    result.unreadable.append(seen)
                    continue
                catalog.add_row(seen.header, each.name)
                if seen.reference is not None:
                    references.append(seen.reference)
                elif seen.header.problems:
                    result.unreadable.append(Unread(each.name, each.source, seen.header.problems[0]))
                else:
                    result.counts[seen.kind] += 1
    result.objects = _settled(references, result, catalog)
    result.directories.sort(key=attrgetter("source", "name"))
    result.unreadable.sort(key=attrgetter("source", "name"))
    result.image_conflicts = list(catalog.conflicts())
    return result


def stream(
    found: Iterable[Found | Unread | Directory], is_annotation: IsAnnotation, *, with_pixels: bool = False
) -> Iterator[ObjectReference | Unread | Directory]:
    """Yield annotation objects as they come, for a caller whose catalog knows all instances already.

    An object that can be read only once is held by its reference. Nothing is compared, so duplicates stay.
    """
    keep = Keeping(None, with_pixels)
    for each in found:
        if not isinstance(each, Found):
            yield each
            continue
        seen = examine(each, is_annotation, keep)
        if isinstance(seen, Unread):
            yield seen
        elif seen.reference is not None:
            yield _identified(seen.reference)
        elif seen.header.problems:
            yield Unread(each.name, each.source, seen.header.problems[0])


class Keep(Protocol):
    """Sees to it that an annotation object can be read again."""

    def again(self, found: Found) -> Kept | None:
        """Return the way to read it where it was found, None if its content must be kept."""
        ...

    def stream(self, recording: Recording) -> Kept:
        """Keep an object that was begun to read. Raises OSError."""
        ...

    def dataset(self, found: Found, header: HeaderRow) -> Kept:
        """Keep an object that was found in memory. Raises OSError."""
        ...


class Seen(NamedTuple):
    """What was found, by its header; `reference` if it is an annotation object."""

    header: HeaderRow
    reference: ObjectReference | None

    @property
    def kind(self) -> str:
        """The name of the SOP class, the UID of one that is not DICOM's, never other text that stands there."""
        return _name(self.header.sop_class_uid or "")


def examine(found: Found, is_annotation: IsAnnotation, keep: Keep) -> Seen | Unread:
    """Read a header; keep what is an annotation object, and say why if there is none."""
    try:
        if found.dataset is not None:
            header = row_of(header_of(found.dataset))
            if not _selects(header, is_annotation):
                return Seen(header, None)
            return Seen(header, _reference(found, header, keep.dataset(found, header)))
        if found.row is not None and not _selects(found.row, is_annotation):
            return Seen(found.row, None)
        again = keep.again(found)
        if found.row is not None and again is not None:
            return Seen(found.row, _reference(found, found.row, again))
        with found.open() as opened:
            return _examine_stream(found, opened, is_annotation, keep, again)
    except NotDicomError:
        reason = problem("empty-file" if found.size == 0 else "not-dicom")
    except OSError as error:
        reason = _reason(error)
    return Unread(found.name, found.source, reason)


def _examine_stream(
    found: Found, opened: BinaryIO, is_annotation: IsAnnotation, keep: Keep, again: Kept | None
) -> Seen:
    if again is not None:
        header = row_of(read_header(opened))
        return Seen(header, _reference(found, header, again) if _selects(header, is_annotation) else None)
    with Recording(opened) as recording:
        header = row_of(read_header(recording.stream))
        if not _selects(header, is_annotation):
            return Seen(header, None)
        return Seen(header, _reference(found, header, keep.stream(recording)))


@lru_cache(maxsize=1024)
def _name(sop_class_uid: str) -> str:
    uid = UID(sop_class_uid, validation_mode=IGNORE)
    return uid.name if uid.is_valid else NO_SOP_CLASS


def _selects(header: HeaderRow, is_annotation: IsAnnotation) -> bool:
    """Return whether the object selects something: of waveforms, only those with annotations do."""
    return is_annotation(header.sop_class_uid, header.modality) and not header.is_bare_waveform


def _reference(found: Found, header: HeaderRow, kept: Kept) -> ObjectReference:
    uid = header.sop_instance_uid
    read, pixels = kept
    return ObjectReference(
        found.name, found.source, uid, header.sop_class_uid, header.modality, uid or "", read, pixels
    )


class Version(NamedTuple):
    """What decides between objects with one SOP Instance UID, the greatest winning."""

    created: str
    fingerprint: str


def version_of(reference: ObjectReference) -> Version | Problem:
    """Read the object and return its version, or why it cannot be read."""
    try:
        dataset = reference.load().dataset
    except (OSError, NotDicomError) as error:
        return _reason(error)
    return Version(_created(dataset), fingerprint(dataset))


def _settled(references: list[ObjectReference], result: Scan, catalog: SqliteCatalog) -> list[ObjectReference]:
    """Return each object once, sorted; put the others into `result`."""
    references.sort(key=lambda each: (each.sop_instance_uid or "", each.source, each.name))
    objects: list[ObjectReference] = []
    for uid, group in groupby(references, key=attrgetter("sop_instance_uid")):
        same = list(group)
        if uid is not None and len(same) == 1:
            objects += same
            continue
        versions = _versions(same, result)
        if uid is None:
            for alike in versions.values():
                objects.append(_take_first(alike, result))
        elif versions:
            objects.append(_take_latest(versions, result, catalog))
    return sorted(objects, key=attrgetter("order"))


def _versions(references: list[ObjectReference], result: Scan) -> dict[Version, list[ObjectReference]]:
    """Return the references by what they hold, in their order; those that cannot be read go to `result`."""
    versions: dict[Version, list[ObjectReference]] = {}
    for reference in references:
        version = version_of(reference)
        if isinstance(version, Problem):
            result.unreadable.append(Unread(reference.name, reference.source, version))
            continue
        identity = reference.sop_instance_uid or version.fingerprint
        versions.setdefault(version, []).append(replace(reference, identity=identity))
    return versions


def _take_first(alike: list[ObjectReference], result: Scan) -> ObjectReference:
    result.rejected += [(reference, problem("duplicate")) for reference in alike[1:]]
    return alike[0]


def _take_latest(
    versions: dict[Version, list[ObjectReference]], result: Scan, catalog: SqliteCatalog
) -> ObjectReference:
    latest = max(versions)
    for version, alike in versions.items():
        if version != latest:
            result.rejected += [(reference, problem("duplicate-differs")) for reference in alike]
    chosen = _take_first(versions[latest], result)
    if len(versions) > 1:
        # What the catalog says of the object must come from the version that is converted.
        instance = header_of(chosen.load().dataset).instance
        if instance is not None:
            catalog.settle(instance, chosen.name)
    return chosen


def _identified(reference: ObjectReference) -> ObjectReference | Unread:
    """Return the reference with its identity, or the reason why an object without UID has none."""
    if reference.sop_instance_uid is not None:
        return reference
    try:
        return replace(reference, identity=fingerprint(reference.load().dataset))
    except (OSError, NotDicomError) as error:
        return Unread(reference.name, reference.source, _reason(error))


def _reason(error: OSError | NotDicomError) -> Problem:
    """Return what kept an object from being read; streams of archives know it themselves."""
    if isinstance(error, NotDicomError):
        return problem("malformed")
    return error.problem if isinstance(error, ContentError) else problem("unreadable")


def _created(dataset: Dataset) -> str:
    """Return date and time as digits that sort by time, "" if the object states neither.

    Dates may be written as before 1993, with dots; times may end early (PS3.5 6.2).
    """
    for date, time in _CREATION:
        stated = skim_dataset(dataset, {date: None, time: None})
        day = (text(stated, date) or "").replace(".", "")
        if day:
            clock, _, fraction = (text(stated, time) or "").replace(":", "").partition(".")
            return day + clock.ljust(6, "0") + fraction.ljust(6, "0")
    return ""
