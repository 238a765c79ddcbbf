"""What a selection may have and no release of FHIR can hold: the rows that the tables of all releases begin with."""

from __future__ import annotations

from converter.fhir.encoded import Loss

COMMON = (
    Loss(
        "any text",
        "control characters, halves of surrogate pairs, white space around it, what is beyond 1048576 characters",
        "spaces for characters within, nothing for the rest",
    ),
    Loss("any code", "white space other than single spaces", "single spaces"),
    Loss("any system", "white space, which no URI has", "no system"),
    Loss("any coding, identifier or reference", "one that says nothing", "nothing"),
    Loss("performer", "one without an actor", "nothing"),
    Loss("issued", "a time without a zone", "nothing", "issued-incomplete"),
    Loss("issued", "a zone of seconds or beyond 14 hours", "the same moment in UTC"),
    Loss("derivedFrom", "a Study Instance UID of other than digits and dots", "nothing"),
    Loss("seriesNumber", "the number of a series that is not named, of no instances", "nothing"),
    Loss(
        "seriesNumber, instance.number", "a number below 0 or above 2147483647", "nothing", "number-not-representable"
    ),
    Loss(
        "studyUid, seriesUid, frameOfReferenceUid, instance.uid",
        "a UID that an id cannot hold: over 64 characters, or other than letters, digits, hyphens and dots",
        "data-absent-reason `error` where one is needed, else nothing",
        "uid-not-representable",
    ),
    Loss("instance.sopClass", "a UID that is no object identifier", "nothing", "uid-not-representable"),
    Loss("endpoint", "a URL that is not http or https", "nothing", "endpoint-invalid"),
)

NO_MODALITY = Loss("modality", "the modality of the selected series", "nothing")
CURVE = Loss(
    "instance.imageRegion2D",
    "a curve through its stated points (INTERPOLATED)",
    "a polyline through every stated point, nowhere further than 0.1 pixel from the curve",
)
STRINGS = Loss(
    "instance.subset",
    "whether its numbers are those of frames, segments or regions of interest",
    "the numbers: the kind follows from the SOP class",
)
