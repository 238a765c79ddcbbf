"""Every problem that a conversion can report: its stable code, severity and message.

The codes are promised across versions. A message is a fixed template: it may be filled with numbers, DICOM
keywords, value types and UIDs of SOP classes, never with what an element holds.
"""

from __future__ import annotations

from dataclasses import dataclass

from converter.selection import Problem, Severity


@dataclass(frozen=True, slots=True)
class Definition:
    """A kind of problem. `message` is a `str.format` template over the details given to `at`."""

    code: str
    severity: Severity
    message: str

    def at(self, path: str = "$", **details: str | int | float) -> Problem:
        """Return the problem at `path`, its message filled in with `details`."""
        return Problem(self.code, self.severity, self.message.format(**details), path)


def _definitions(*rows: tuple[str, Severity, str]) -> dict[str, Definition]:
    return {code: Definition(code, severity, message) for code, severity, message in rows}


DEFINITIONS = _definitions(
    # Files and archives
    ("not-dicom", "note", "Not a DICOM file."),
    ("empty-file", "note", "The file is empty."),
    ("unreadable", "error", "The file cannot be opened or read: check that it exists and may be read."),
    ("malformed", "error", "The data set's encoding is broken here; what stands before is converted."),
    ("truncated", "error", "The data set ends before the declared length; what stands before is converted."),
    ("archive-damaged", "error", "The archive is damaged or encrypted; members before this one are read."),
    ("archive-limit", "error", "The archive exceeds the limit on {limit}; the rest of it is not read."),
    ("archive-path", "warning", "The member's name points outside of the archive; it is read under its plain name."),
    ("link-skipped", "note", "Not followed: a link to what is read under another name, or to nothing."),
    ("not-regular", "note", "Not a regular file (device, pipe or socket): not read."),
    ("file-set-missing", "warning", "{count} files that the DICOMDIR lists are not there."),
    ("file-set-path", "warning", "{count} file references of the DICOMDIR point outside of the file-set: not followed."),
    ("file-set-damaged", "warning", "The DICOMDIR's directory records cannot be read: the files beside it are read all the same."),
    ("unsupported-transfer-syntax", "error", "The data set is compressed as a whole in a way that cannot be read."),
    ("vr-unknown", "warning", "An element has a value representation that DICOM does not define; it was read as its keyword's."),
    ("nesting-too-deep", "error", "Sequences are nested deeper than {limit} levels: what lies deeper is not read."),
    ("value-unreadable", "warning", "The element's value does not fit its value representation: left out."),
    ("character-set-unknown", "warning", "The Specific Character Set is not defined by DICOM: text is read as far as it is ASCII or UTF-8."),
    ("character-set-undecodable", "warning", "Text does not fit the Specific Character Set; undecodable characters are replaced."),
    # Identity
    ("sop-instance-uid-missing", "warning", "The object has no SOP Instance UID; its content's hash stands in for it in ids."),
    ("sop-class-missing", "warning", "The object has no SOP Class UID; its kind is taken from its Modality."),
    ("series-missing", "warning", "The object does not say which study or series it belongs to."),
    ("duplicate", "note", "The same object was read before under another name: converted once."),
    ("duplicate-differs", "warning", "Another object has this SOP Instance UID and different content: that one is converted, this one is not."),
    ("duplicate-image", "note", "Images with one SOP Instance UID and different headers were read: one was chosen by its values."),
    ("not-supported", "warning", "Objects of this kind are not converted yet."),
    ("nothing-selected", "note", "The object selects nothing."),
    ("uid-invalid", "warning", "A UID is not one by DICOM's rules (digits and dots, 64 characters)."),
    ("number-invalid", "warning", "A number is out of its range: left out."),
    ("study-patients", "warning", "The instances read of the study name more than one patient: the study is stated for the one that most of them name."),
    ("patient-mismatch", "warning", "The object names another patient than the images that it selects."),
    # References
    ("reference-incomplete", "error", "A reference has no Referenced SOP Instance UID: it selects nothing."),
    ("instance-not-found", "note", "A referenced instance is not among the instances read."),
    ("series-unknown", "warning", "Neither the object nor the instances read say which series holds the referenced instance."),
    ("series-conflict", "warning", "The object and the instance read disagree on the series of the referenced instance: the object's is stated."),
    ("frame-invalid", "error", "A frame number is not a positive integer: the reference is left out."),
    ("frame-out-of-range", "warning", "A frame number is greater than the image's Number of Frames."),
    ("frames-and-segments", "note", "The reference names frames and segments: two selections state it."),
    ("segment-invalid", "error", "A segment number is missing or not an integer: the segment is left out."),
    ("segment-not-defined", "warning", "The segmentation read does not define the referenced segment."),
    ("segment-gap", "note", "Segment numbers do not run from 1 without gaps."),
    ("segment-duplicate", "warning", "Two segments have one number."),
    ("channels-unknown", "note", "All channels of a multiplex group are meant and the waveform is not at hand: the instance is selected whole."),
    ("identical-document", "note", "The reference is to a copy of the object in another study (Identical Documents Sequence)."),
    ("rejection-note", "note", "The key objects are a rejection note: the selections are inactive."),
    ("sequence-missing", "warning", "A sequence that objects of this kind have is missing or empty."),
    ("roi-invalid", "error", "A ROI number is missing or not an integer: the ROI is left out."),
    ("roi-not-defined", "warning", "The structure set does not define the ROI that is referred to."),
    ("roi-duplicate", "warning", "Two ROIs have one number."),
    ("roi-without-contours", "note", "The ROI has no contours."),
    # Codes, dates, people
    ("code-missing", "warning", "Nothing names the selection's purpose: the kind of object stands in for it."),
    ("code-incomplete", "warning", "A code lacks its value or its coding scheme designator."),
    ("code-scheme-unknown", "note", "A coding scheme has no known URI: code and meaning are kept without a system."),
    ("issued-incomplete", "note", "The date and time of the selection lack seconds or a time zone: left out."),
    ("issued-invalid", "warning", "The date and time of the selection are not valid: left out."),
    ("laterality-unknown", "note", "The laterality is none of R, L, B and U: left out."),
    # Regions
    ("region-missing", "error", "The region has no coordinates."),
    ("region-odd", "error", "The number of coordinates does not divide into points: the region is left out."),
    ("region-not-finite", "error", "A coordinate is not a finite number: the region is left out."),
    ("region-count", "error", "A {type} with {count} points is not a region: it is left out."),
    ("region-count-mismatch", "warning", "The number of points stated differs from the points given: those given are used."),
    ("region-type", "error", "The graphic type is missing or not defined for this object: the region is left out."),
    ("region-dimensions", "error", "The graphic is not of two dimensions: the region is left out."),
    ("region-outside", "warning", "A region reaches outside of its image: kept as stated."),
    ("region-without-image", "error", "The region names no image: it selects nothing. Its coordinates are in the object at this path."),
    ("region-without-frame-of-reference", "error", "The region names no frame of reference and nothing else does: it is left out."),
    ("region-type-changed", "warning", "A {type} cannot have {count} points: stated as a {kind}."),
    ("region-not-in-plane", "warning", "{count} regions do not lie in the plane of an image that is named or was read: they have no place on one."),
    ("frame-of-reference-conflict", "warning", "A region and the image that it is stated for name different frames of reference: the region is taken to be in the image's."),
    ("plane-unknown", "warning", "Where the images of {count} regions lie in space is not known: they are not mapped."),
    ("contour-xor", "warning", "Contours combine by exclusive or, inner rings are holes: stated in words only."),
    ("outline-holes", "warning", "The segment has holes: their outlines are regions of their own, that they are holes is stated in words only."),
    ("outline-overlaid", "warning", "{count} frames of the segment lie on images that another frame of it lies on: the outlines of both are stated there."),
    ("outline-threshold", "note", "The segmentation is fractional: outlined are pixels of at least half of the Maximum Fractional Value."),
    ("outline-maximum", "warning", "The Maximum Fractional Value is missing or not positive: the greatest that the pixels can hold is taken."),
    ("outline-frame-segment", "warning", "{count} frames do not say which segment they show: they have no outlines."),
    ("outline-frame-missing", "error", "The pixel data of {count} frames is missing or too short: they have no outlines."),
    ("outline-frame-undecodable", "error", "{count} frames cannot be decoded: they have no outlines."),
    ("outline-on-segmentation", "note", "Where {count} outlines lie on other images or in space is not known: they are stated on the segmentation itself."),
    ("outline-plane-unknown", "note", "Where the frames of {count} outlines lie in space is not stated: the outlines are on images only."),
    ("region-circle-ellipse", "note", "Columns and rows scale differently: the circle is stated as an ellipse."),
    ("region-matrix", "warning", "Positions in the total pixel matrix are kept for the whole instance; the frames named are left out."),
    ("frame-unnamed", "warning", "Positions are in a frame of a tiled image and no frame is named: they are stated for the whole image."),
    ("pixel-origin-assumed", "note", "The tiled image's Pixel Origin Interpretation is missing or not defined: FRAME is assumed."),
    ("pixel-origin-volume", "note", "The tiled image's Pixel Origin Interpretation is missing or not defined: VOLUME is assumed."),
    ("displayed-area-missing", "error", "No displayed area governs the image: graphics in DISPLAY units cannot be placed."),
    ("displayed-area-invalid", "error", "The displayed area is empty or not valid: graphics in DISPLAY units cannot be placed."),
    ("annotation-units", "error", "The annotation units are missing or not defined: the graphic is left out."),
    ("displayed-area-frames", "warning", "Displayed areas differ by frame and the number of frames is not known: graphics in DISPLAY units are placed on the frames named by an area."),
    ("rotation-invalid", "error", "The image rotation is not 0, 90, 180 or 270: graphics in DISPLAY units cannot be placed."),
    ("flip-invalid", "error", "The image horizontal flip is neither Y nor N: graphics in DISPLAY units cannot be placed."),
    ("view-geometry", "error", "The geometry of a view, of a crop or of what is drawn on a view is missing, incomplete or not valid: it is not stated."),
    ("view-position", "warning", "A position on a rendered view is none in its volume: it is not stated."),
    ("crop-planes", "warning", "Oblique cropping planes enclose no region of their own: they are not stated."),
    ("crop-axes", "note", "The orientation of the cropped volume is not known: the box is taken along the axes of the frame of reference."),
    ("input-unknown", "warning", "An annotation names no input that the presentation state has: it is stated for the presentation state."),
    ("content-item-position", "note", "A content item is named by its Observation UID, not by its position: the report is selected, and that UID identifies the selection."),
    ("playback", "note", "Which frames or views are played, and how, has no place in FHIR: what is presented is stated."),
    ("graphic-not-representable", "warning", "A {type} has no region in FHIR: it is not stated."),
    ("graphic-attributes", "note", "Line style, fill and colour of graphics have no place in FHIR: they are not stated."),
    ("text-position-missing", "warning", "The text object has neither a bounding box nor an anchor point: it is stated for the image."),
    # Bulk annotations
    ("annotation-coordinate-type", "error", "Annotation Coordinate Type is neither 2D nor 3D, and nothing else says which: the coordinates are left out."),
    ("annotation-coordinate-type-assumed", "warning", "Annotation Coordinate Type is neither 2D nor 3D: {type} is taken, as the attributes beside it are of that."),
    ("annotation-images", "warning", "More than one image is named where one is defined: the positions are taken to be in the first."),
    ("annotation-frame", "error", "Positions are within a frame, the image has several and none is named: the regions are left out."),
    ("annotation-group-number", "warning", "Annotation Group Numbers are missing or not unique: the groups are numbered by their position."),
    ("annotation-group-empty", "note", "The group states that it has no annotations."),
    ("annotation-count", "warning", "Number of Annotations is missing or not that of the annotations that are there ({count})."),
    ("annotation-dimensions", "error", "The coordinates are not of the dimensions that are stated: they are left out."),
    ("annotation-planes", "error", "A Common Z Coordinate Value cannot be read or is not finite: annotations are not stated in that plane."),
    ("annotation-index", "error", "{count} annotations, number {first} first, are not where the point index list says (out of order, beyond the end, within a point): they are left out."),
    ("annotation-index-assumed", "warning", "The point index list is missing: all points are taken to be of the one annotation that is stated."),
    ("annotation-index-missing", "error", "The point index list is missing: it is not known where annotations begin, they are left out."),
    ("annotation-unindexed", "error", "Points before the first index belong to no annotation: they are left out."),
    ("annotation-not-finite", "error", "{count} annotations, number {first} first, have a coordinate that is not a finite number: they are left out."),
    ("annotation-incomplete", "error", "{count} annotations, number {first} first, have too few points for a {type}: they are left out."),
    ("annotation-type-changed", "warning", "{count} annotations, number {first} first, have too few points for a {type}: stated as {kind}."),
    ("annotation-measurements", "note", "Measurements of the annotations are not stated."),
    ("optical-paths", "note", "The annotations apply to some optical paths only: that is stated in words, it has no other place in FHIR."),
    ("z-planes", "note", "The annotations apply to all Z planes: that has no place in FHIR, their coordinates are as stated."),
    # Structured reports
    ("item-reference-loop", "error", "Content items refer to each other in a loop: the reference is not followed."),
    ("item-reference-dangling", "error", "A reference to a content item leads nowhere."),
    ("item-value-type", "warning", "{count} content items, this one first, have no value type or one that DICOM does not define: their children are read all the same."),
    ("temporal-range", "note", "A temporal range (TCOORD) has no place in FHIR: what it is selected from is stated, the range is not."),
    ("content-missing", "warning", "The object has no content."),
    # Measurements
    ("value-missing", "note", "A content item has no value and gives no reason: it is stated as unknown."),
    ("measured-value-invalid", "warning", "A measured value is not a finite decimal number: it is stated as absent."),
    ("measured-value-unit", "warning", "A measured value has no unit."),
    ("measured-value-conflict", "warning", "The Floating Point Value is not what the Numeric Value rounds: the latter is stated."),
    ("measured-values", "warning", "A content item has {count} measured values where one is defined: each is stated as a component."),
    # FHIR
    ("uid-not-representable", "warning", "A UID is not one that its FHIR element can hold (too long, other characters, no object identifier): not stated."),
    ("number-not-representable", "warning", "A number is outside of what its FHIR element can hold: not stated."),
    ("number-rounded", "note", "A number has more digits than a FHIR decimal can hold: it is stated with 17 of them."),
    ("subset-not-representable", "warning", "A number of a subset is not one that the release's element can hold: not stated."),
    ("status-not-representable", "warning", "The release has no status for an inactive selection: unknown is stated."),
    ("body-site-not-representable", "warning", "The release holds one body site and the selection has more: the first is stated."),
    ("endpoint-invalid", "warning", "The URL to retrieve from is not an http or https URL: not stated."),
    ("rule", "error", "A resource broke a rule of the release and was not written ({rule})."),
    # Validation
    ("json-invalid", "error", "Not a JSON object."),
    ("resource-type-unknown", "error", "No type of resource is stated that the release has."),
    ("element-missing", "error", "An element that must be there is missing."),
    ("element-unknown", "error", "The release does not define this element."),
    ("element-invalid", "error", "The element is not as the release defines it: its {kind} is wrong."),
    ("rule-broken", "error", "The resource breaks a rule of the release ({rule})."),
    ("bundle-entry", "error", "An entry of a Bundle has no resource, or no full URL of its own."),
    ("reference-unresolved", "error", "A reference leads to nothing in the Bundle."),
    ("object-missing", "error", "The instance is not among the objects."),
    ("object-differs", "error", "The object is of another study, series or SOP class than is stated."),
    ("object-subset", "error", "The object does not have a {kind} that is stated."),
    ("object-region", "warning", "A region reaches outside of the image."),
    # Internal
    ("not-converted", "error", "The object could not be converted ({kind}): please report this with the object's structure."),
    ("worker-lost", "error", "Each process that read or converted this ended at it: left out. Please report this with the object's structure."),
)  # fmt: skip


def problem(code: str, path: str = "$", **details: str | int | float) -> Problem:
    """Return the problem with this code at `path`. Raises KeyError for a code that is not defined."""
    return DEFINITIONS[code].at(path, **details)
