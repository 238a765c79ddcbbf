"""Procedure logs (PS3.16 TID 3001)."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.uid import ProcedureLogStorage

from builders.common import DATE, Series, code, item, uid
from builders.content_items import coded, container, document, reference, text


def catheterization(series: Series, run: Dataset) -> Dataset:
    """Entries of a procedure, each with its time: a puncture, a run of images, frames of it that show a stenosis."""
    acquired = reference("IMAGE", run, "CONTAINS", code("121138", "DCM", "Image Acquired"))
    acquired.ObservationDateTime = f"{DATE}102000+0100"
    shown = reference(
        "IMAGE", run, "CONTAINS", code("121112", "DCM", "Source of Measurement"), ReferencedFrameNumber=[5, 6]
    )
    shown.ObservationDateTime = f"{DATE}102500+0100"
    puncture = text(code("121111", "DCM", "Summary"), "Puncture of the radial artery.")
    puncture.ObservationDateTime = f"{DATE}101000+0100"
    language = coded(
        code("121049", "DCM", "Language of Content Item and Descendants"),
        code("en", "RFC5646", "English"),
        "HAS CONCEPT MOD",
    )
    root = container(
        code("121120", "DCM", "Cath Lab Procedure Log"),
        [language, puncture, acquired, shown],
        template="3001",
        relationship="",
    )
    log = document(series, ProcedureLogStorage, "procedure log", 1, root, [run])
    log.update(
        item(
            SynchronizationFrameOfReferenceUID=uid(f"{series.study.name}/clock"),
            SynchronizationTrigger="NO TRIGGER",
            AcquisitionTimeSynchronized="N",
        )
    )
    return log
