"""Content items of structured reports and the documents that hold them (PS3.3 C.17, C.18)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydicom import Dataset

from builders.common import CREATED, CREATED_TIME, Series, code, evidence, instance, item, sop_reference, uid

SCHEME = "99IMGSEL"
SCHEME_UID = uid("coding scheme")


def content_item(value_type: str, name: Dataset | None, relationship: str, **elements: Any) -> Dataset:
    """Return a content item; `elements` are those of its value type, and `items` its children."""
    dataset = item(ValueType=value_type)
    if relationship:
        dataset.RelationshipType = relationship
    if name is not None:
        dataset.ConceptNameCodeSequence = [name]
    children: Sequence[Dataset] = elements.pop("items", ())
    dataset.update(item(**elements))
    if children:
        dataset.ContentSequence = list(children)
    return dataset


def container(name: Dataset, items: Sequence[Dataset], template: str = "", relationship: str = "CONTAINS") -> Dataset:
    """Return a CONTAINER."""
    dataset = content_item("CONTAINER", name, relationship, ContinuityOfContent="SEPARATE", items=items)
    if template:
        dataset.ContentTemplateSequence = [item(MappingResource="DCMR", TemplateIdentifier=template)]
    return dataset


def text(name: Dataset, value: str, relationship: str = "CONTAINS", items: Sequence[Dataset] = ()) -> Dataset:
    """Return a TEXT."""
    return content_item("TEXT", name, relationship, TextValue=value, items=items)


def coded(name: Dataset, value: Dataset, relationship: str = "CONTAINS", items: Sequence[Dataset] = ()) -> Dataset:
    """Return a CODE."""
    return content_item("CODE", name, relationship, ConceptCodeSequence=[value], items=items)


def number(
    name: Dataset, value: str, unit: Dataset, items: Sequence[Dataset], relationship: str = "CONTAINS"
) -> Dataset:
    """Return a NUM."""
    measured = item(NumericValue=value, MeasurementUnitsCodeSequence=[unit])
    return content_item("NUM", name, relationship, MeasuredValueSequence=[measured], items=items)


def reference(value_type: str, of: Dataset, relationship: str, name: Dataset | None = None, **elements: Any) -> Dataset:
    """Return an IMAGE, COMPOSITE or WAVEFORM; `elements` go into the reference, such as frames or channels."""
    return content_item(value_type, name, relationship, ReferencedSOPSequence=[sop_reference(of, **elements)])


def coordinates(
    graphic_type: str, data: Sequence[float], items: Sequence[Dataset], relationship: str, name: Dataset | None = None
) -> Dataset:
    """Return an SCOORD."""
    return content_item("SCOORD", name, relationship, GraphicType=graphic_type, GraphicData=list(data), items=items)


def by_reference(relationship: str, *position: int) -> Dataset:
    """Return a relationship to an item of the same document, by its position from the root."""
    return item(RelationshipType=relationship, ReferencedContentItemIdentifier=list(position))


def document(
    series: Series,
    sop_class_uid: str,
    name: str,
    number_in_series: int,
    root: Dataset,
    referenced: Sequence[Dataset],
    *,
    verified_by: str = "",
) -> Dataset:
    """Return a structured report of this root content item."""
    dataset = instance(series, sop_class_uid, name, number_in_series)
    dataset.update(
        item(
            ContentDate=CREATED,
            ContentTime=CREATED_TIME,
            CompletionFlag="COMPLETE",
            VerificationFlag="VERIFIED" if verified_by else "UNVERIFIED",
            ReferencedPerformedProcedureStepSequence=[],
            PerformedProcedureCodeSequence=[],
        )
    )
    if verified_by:
        dataset.VerifyingObserverSequence = [_verifier(verified_by)]
        dataset.CodingSchemeIdentificationSequence = [
            item(CodingSchemeDesignator=SCHEME, CodingSchemeUID=SCHEME_UID, CodingSchemeName="imgsel test data")
        ]
    if referenced:
        dataset.CurrentRequestedProcedureEvidenceSequence = evidence(referenced)
    add_root(dataset, root)
    return dataset


def add_root(dataset: Dataset, root: Dataset) -> None:
    """Make this content item the root of a document."""
    dataset.update(root)
    dataset.pop("RelationshipType", None)


def _verifier(name: str) -> Dataset:
    return item(
        VerifyingObserverName=name,
        VerifyingOrganization="Synthetic Hospital",
        VerificationDateTime=f"{CREATED}150000",
        VerifyingObserverIdentificationCodeSequence=[code("OBS-7", SCHEME, "Observer seven")],
    )
