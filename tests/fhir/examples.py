"""Two selections that use every element between them, and the resources that they are, written by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np

from converter.selection import (
    Code,
    Concept,
    Frames,
    Identifier,
    LogicalReference,
    Performer,
    Region2D,
    Region3D,
    SelectedInstance,
    Selection,
    SelectionKey,
    Series,
)

DCM = "http://dicom.nema.org/resources/ontology/DCM"
SNOMED_CT = "http://snomed.info/sct"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"

# Their ids below are SHA-1 over the mapping's namespace and "1.2.3;item;1.4.2;1.2.30;;" and so on (RFC 9562, 5.5).
KEY_2D = SelectionKey("1.2.3", "item", "1.4.2", series="1.2.30")
KEY_3D = SelectionKey("1.2.3", "regions3d", frame_of_reference="1.2.50")
GROUP = SelectionKey("1.2.3", "group", "1.4")

SELECTION_2D = Selection(
    key=KEY_2D,
    code=Concept((Code(DCM, "111030", "Image Region"),), "Image Region"),
    identifiers=(
        Identifier("urn:oid:1.2.3.99", "urn:dicom:uid"),
        Identifier("Lesion 1", type=Code(DCM, "112039"), use="secondary", assigner="Reading room"),
    ),
    categories=(Concept((Code(DCM, "SR"),)), Concept((Code(DCM, "126000", "Imaging Measurement Report"),))),
    subject=LogicalReference("Patient", Identifier("ID-7", "urn:oid:1.2.3.4")),
    issued=datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
    performers=(
        Performer(
            LogicalReference("Practitioner", Identifier("4711"), "Reader"),
            Code("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "PRF"),
        ),
        Performer(LogicalReference("Device", display="Workstation")),
    ),
    based_on=(
        LogicalReference(
            "ServiceRequest",
            Identifier("A1", type=Code("http://terminology.hl7.org/CodeSystem/v2-0203", "ACSN")),
        ),
    ),
    series=Series("1.2.20", "1.2.30", 4),
    frame_of_reference_uid="1.2.50",
    body_sites=(Concept((Code(SNOMED_CT, "39607008", "Lung structure"),)),),
    focus=(GROUP,),
    endpoints=("https://pacs.example.org/dicom-web",),
    instances=(
        SelectedInstance(
            "1.2.40",
            CT_IMAGE,
            17,
            Frames((2, 3)),
            (
                Region2D("polyline", np.array([[153.6, 0.1], [10, 20.5], [153.6, 0.1]], dtype=np.float32)),
                Region2D("point", np.array([[1.25, 2.000001]])),
            ),
        ),
        SelectedInstance("1.2.41"),
    ),
)

RESOURCE_2D: dict[str, Any] = {
    "resourceType": "ImagingSelection",
    "id": "30872c48-c99f-5d69-9e01-b62e4346e6fe",
    "contained": [
        {
            "resourceType": "Endpoint",
            "id": "endpoint-1",
            "status": "active",
            "connectionType": [
                {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type",
                            "code": "dicom-wado-rs",
                        }
                    ]
                }
            ],
            "address": "https://pacs.example.org/dicom-web",
        }
    ],
    "identifier": [
        {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:30872c48-c99f-5d69-9e01-b62e4346e6fe"},
        {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3.99"},
        {
            "use": "secondary",
            "type": {"coding": [{"system": DCM, "code": "112039"}]},
            "value": "Lesion 1",
            "assigner": {"display": "Reading room"},
        },
    ],
    "status": "available",
    "category": [
        {"coding": [{"system": DCM, "code": "SR"}]},
        {"coding": [{"system": DCM, "code": "126000", "display": "Imaging Measurement Report"}]},
    ],
    "code": {"coding": [{"system": DCM, "code": "111030", "display": "Image Region"}], "text": "Image Region"},
    "subject": {"type": "Patient", "identifier": {"system": "urn:oid:1.2.3.4", "value": "ID-7"}},
    "issued": "2024-05-06T07:08:09.123456-03:30",
    "performer": [
        {
            "function": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PRF"}]
            },
            "actor": {"type": "Practitioner", "identifier": {"value": "4711"}, "display": "Reader"},
        },
        {"actor": {"type": "Device", "display": "Workstation"}},
    ],
    "basedOn": [
        {
            "type": "ServiceRequest",
            "identifier": {
                "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}]},
                "value": "A1",
            },
        }
    ],
    "derivedFrom": [{"type": "ImagingStudy", "identifier": {"system": "urn:dicom:uid", "value": "urn:oid:1.2.20"}}],
    "studyUid": "1.2.20",
    "seriesUid": "1.2.30",
    "seriesNumber": 4,
    "frameOfReferenceUid": "1.2.50",
    "bodySite": [
        {
            "concept": {
                "coding": [{"system": SNOMED_CT, "code": "39607008", "display": "Lung structure"}],
            }
        }
    ],
    "focus": [{"reference": "ImagingSelection/62469a81-c85c-5b47-9231-4baf0c12db5e"}],
    "endpoint": [{"reference": "#endpoint-1"}],
    "instance": [
        {
            "uid": "1.2.40",
            "number": 17,
            "sopClass": "urn:oid:1.2.840.10008.5.1.4.1.1.2",
            "subset": ["2", "3"],
            "imageRegion2D": [
                {"regionType": "polyline", "coordinate": [153.6, 0.1, 10.0, 20.5, 153.6, 0.1]},
                {"regionType": "point", "coordinate": [1.25, 2.000001]},
            ],
        },
        {"uid": "1.2.41"},
    ],
}

SELECTION_3D = Selection(
    key=KEY_3D,
    code=Concept(text="Tumour"),
    status="inactive",
    issued=datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC),
    frame_of_reference_uid="1.2.50",
    regions_3d=(
        Region3D("polygon", np.array([[0, 0, -1.5], [1, 0, -1.5], [1, 1, -1.5], [0, 0, -1.5]])),
        Region3D("point", np.array([[0.2, -7.3, 1e-7]], dtype=np.float32)),
    ),
)

RESOURCE_3D: dict[str, Any] = {
    "resourceType": "ImagingSelection",
    "id": "69734cc7-dd73-598b-81f9-216bf3fc4f9d",
    "identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:69734cc7-dd73-598b-81f9-216bf3fc4f9d"}],
    "status": "inactive",
    "code": {"text": "Tumour"},
    "issued": "2024-12-31T23:59:59Z",
    "frameOfReferenceUid": "1.2.50",
    "imageRegion3D": [
        {
            "regionType": "polygon",
            "coordinate": [0.0, 0.0, -1.5, 1.0, 0.0, -1.5, 1.0, 1.0, -1.5, 0.0, 0.0, -1.5],
        },
        {"regionType": "point", "coordinate": [0.2, -7.3, 1e-7]},
    ],
}
