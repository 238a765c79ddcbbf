"""Selections as hypothesis makes them: all that the types allow and the rules do not forbid."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from converter.packed import PackedRegions, PackedType
from converter.selection import (
    Channels,
    Code,
    Concept,
    ContentItem,
    Frames,
    Identifier,
    LogicalReference,
    Performer,
    Region2D,
    Region3D,
    RegionsOfInterest,
    Segments,
    SelectedInstance,
    Selection,
    SelectionKey,
    Series,
    SourceObject,
    Subset,
)

# Surrogates and control characters included: damaged objects have them.
texts = st.text(max_size=12)
uids = st.one_of(
    st.from_regex(r"[0-2](\.(0|[1-9][0-9]{0,5})){1,9}", fullmatch=True),
    st.sampled_from(["1.2.03", "1." * 32 + "1", "1" * 64, "1" * 65, "not a uid", "1.2\n", ""]),
    texts,
)
numbers = st.none() | st.sampled_from([-1, 0, 2**31 - 1, 2**31]) | st.integers()
systems = st.none() | st.sampled_from(["http://loinc.org", "urn:oid:1.2.3", "with space", ""])
codes = st.builds(Code, systems, texts, st.none() | texts, st.none() | texts)
concepts = st.builds(Concept, st.lists(codes, max_size=2).map(tuple), st.none() | texts)
identifiers = st.builds(
    Identifier,
    texts,
    systems,
    st.none() | codes,
    st.sampled_from([None, "usual", "official", "secondary"]),
    st.none() | texts,
)
counts = st.integers(1, 10**6)
numbers_beyond = st.sampled_from([2**31 - 1, 2**31])
subsets: st.SearchStrategy[Subset | None] = st.one_of(
    st.none(),
    st.builds(Frames, st.lists(counts, min_size=1, max_size=4).map(tuple)),
    st.builds(Segments, st.lists(st.integers(0, 65535), min_size=1, max_size=4).map(tuple)),
    st.builds(RegionsOfInterest, st.lists(counts | numbers_beyond, min_size=1, max_size=4).map(tuple)),
    st.builds(ContentItem, st.lists(counts | numbers_beyond, min_size=1, max_size=6).map(tuple), st.none() | uids),
    st.builds(Channels, st.lists(st.tuples(counts, counts | numbers_beyond), min_size=1, max_size=3).map(tuple)),
)


def references(*types: str) -> st.SearchStrategy[LogicalReference]:
    return st.builds(LogicalReference, st.sampled_from(types), st.none() | identifiers, st.none() | texts)


@st.composite
def moments(draw: st.DrawFn) -> datetime:
    offset = timezone(timedelta(seconds=draw(st.integers(-86399, 86399))))
    return draw(st.datetimes(timezones=st.sampled_from([None, offset, timezone(timedelta(hours=1))])))


@st.composite
def coordinates(draw: st.DrawFn, dimensions: int, least: int, most: int) -> NDArray[Any]:
    width: Literal[32, 64] = draw(st.sampled_from([32, 64]))
    order = draw(st.sampled_from(["<", ">"]))
    dtype: np.dtype[Any] = np.dtype(f"{order}f{width // 8}")
    elements = st.floats(allow_nan=False, allow_infinity=False, width=width)
    count = draw(st.integers(least, most))
    made: NDArray[Any] = draw(arrays(dtype, (count, dimensions), elements=elements))
    # As a column-major array, to see that the order of points does not depend on the memory's.
    return np.asfortranarray(made) if draw(st.booleans()) else made


@st.composite
def pixels(draw: st.DrawFn) -> NDArray[Any]:
    """Points in an image, for curves: those far away from any image take long to draw."""
    pixel = st.floats(0, 512, width=16)
    points = draw(st.lists(st.tuples(pixel, pixel), min_size=2, max_size=5))
    return np.array(points, dtype=draw(st.sampled_from([np.float32, np.float64])))


def _closed(points: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([points, points[:1]])


regions_2d = st.one_of(
    st.builds(Region2D, st.just("point"), coordinates(2, 1, 1)),
    st.builds(Region2D, st.just("multipoint"), coordinates(2, 1, 5)),
    st.builds(Region2D, st.just("polyline"), coordinates(2, 2, 5)),
    st.builds(Region2D, st.just("circle"), coordinates(2, 2, 2)),
    st.builds(Region2D, st.just("ellipse"), coordinates(2, 4, 4)),
    st.builds(Region2D, st.just("interpolated"), pixels()),
)
regions_3d = st.one_of(
    st.builds(Region3D, st.just("point"), coordinates(3, 1, 1)),
    st.builds(Region3D, st.just("multipoint"), coordinates(3, 1, 5)),
    st.builds(Region3D, st.just("polyline"), coordinates(3, 2, 5)),
    st.builds(Region3D, st.just("polygon"), coordinates(3, 3, 5).map(_closed)),
    st.builds(Region3D, st.just("ellipse"), coordinates(3, 4, 4)),
    st.builds(Region3D, st.just("ellipsoid"), coordinates(3, 6, 6)),
)


@st.composite
def packed(draw: st.DrawFn, made: Any) -> PackedRegions[Any]:
    """Regions of one type in two arrays, some of them rings, in space some with one third coordinate for all."""
    kinds: dict[PackedType, tuple[int, int]] = {"point": (1, 1), "polyline": (2, 5), "ellipse": (4, 4)}
    kind, (least, most) = draw(st.sampled_from(sorted(kinds.items())))
    counts = draw(st.lists(st.integers(least, most), min_size=1, max_size=4))
    z = draw(st.none() | st.sampled_from([0.0, 0.5, 0.1, 1 / 3])) if made is Region3D else None
    points = draw(coordinates(3 if made is Region3D and z is None else 2, sum(counts), sum(counts)))
    starts = np.cumsum([0, *counts])
    return PackedRegions(made, kind, points, starts, kind == "polyline" and draw(st.booleans()), z)


keys = st.builds(SelectionKey, texts | uids, st.sampled_from(["item", "group"]), texts, texts, texts, texts)
endpoints = st.sampled_from(
    [
        "https://pacs.example.org/dicom-web",
        "http://localhost:8042/dicom-web/",
        "http://10.0.0.1/dicom",
        "http://[::1]:80/dicom",
        "http://256.1.1.1/dicom",
        "http://host:99999/dicom",
        "ftp://host/",
        "http://with space/",
        "",
    ]
)


@st.composite
def selections(draw: st.DrawFn) -> Selection:
    """A selection, with 2D or 3D regions but not both."""
    in_space = draw(st.booleans())
    instances = st.builds(
        SelectedInstance,
        uids,
        st.none() | uids,
        numbers,
        subsets,
        st.just(()) if in_space else st.lists(regions_2d, max_size=2).map(tuple) | packed(Region2D),
    )
    series = st.just(Series()) | st.builds(Series, st.none() | uids, st.none() | uids, numbers)
    actors = references("Practitioner", "Device", "Organization")
    return draw(
        st.builds(
            Selection,
            key=keys,
            code=concepts,
            status=st.sampled_from(["available", "inactive"]),
            identifiers=st.lists(identifiers, max_size=2).map(tuple),
            categories=st.lists(concepts, max_size=2).map(tuple),
            subject=st.none() | references("Patient"),
            issued=st.none() | moments(),
            performers=st.lists(st.builds(Performer, actors, st.none() | codes), max_size=2).map(tuple),
            based_on=st.lists(references("ServiceRequest"), max_size=2).map(tuple),
            series=series,
            modality=st.none() | st.builds(Code, systems, texts),
            frame_of_reference_uid=st.none() | uids,
            body_sites=st.lists(concepts, max_size=2).map(tuple),
            focus=st.lists(keys, max_size=2).map(tuple),
            endpoints=st.lists(endpoints, max_size=2).map(tuple),
            instances=st.lists(instances, max_size=2).map(tuple),
            regions_3d=st.lists(regions_3d, max_size=2).map(tuple) | packed(Region3D) if in_space else st.just(()),
            source_object=st.none() | st.builds(SourceObject, st.none() | uids, st.none() | uids, numbers, series),
        )
    )
