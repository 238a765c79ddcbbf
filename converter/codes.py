"""Coding schemes: from DICOM's designators to the URIs of FHIR (PS3.16 section 8)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from converter.selection import Code

SCT = "http://snomed.info/sct"
SRT = "http://snomed.info/srt"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
URN = "urn:ietf:rfc:3986"

# Retired designators of codes in SNOMED-RT style, to be read as one scheme (PS3.16 section 8.1.1).
_SNOMED_DESIGNATORS = frozenset({"SCT", "SRT", "SNM3", "99SDM"})

# Schemes whose codes are object identifiers; FHIR writes those as URNs.
_IDENTIFIER_DESIGNATORS = frozenset({"DCMUID", "ISO_OID"})

_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")

# PS3.16 Table 8-1: designator → Coding Scheme UID ("" where the table states none) and the URI that FHIR or HL7
# Terminology has for it ("" where they have none, or only a retired one that nothing else uses).
_SCHEMES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ACR": ("2.16.840.1.113883.6.76", ""),
        "ASTM-sigpurpose": ("1.2.840.10065.1.12", ""),
        "C4": ("2.16.840.1.113883.6.12", "http://www.ama-assn.org/go/cpt"),
        "C5": ("2.16.840.1.113883.6.82", ""),
        "caDSR": ("2.16.840.1.113883.3.26.2", ""),
        "CD2": ("2.16.840.1.113883.6.13", "http://www.ada.org/cdt"),
        "CTV3": ("2.16.840.1.113883.6.6", ""),
        "DC": ("1.2.840.10008.2.16.10", ""),
        "DCM": ("1.2.840.10008.2.16.4", DCM),
        "DCMUID": ("1.2.840.10008.2.6.1", ""),
        "FMA": ("2.16.840.1.113883.6.119", ""),
        "HPC": ("2.16.840.1.113883.6.14", ""),
        "I10": ("2.16.840.1.113883.6.3", "http://hl7.org/fhir/sid/icd-10"),
        "I10C": ("2.16.840.1.113883.6.90", "http://hl7.org/fhir/sid/icd-10-cm"),
        "I10P": ("2.16.840.1.113883.6.4", "http://www.cms.gov/Medicare/Coding/ICD10"),
        "I11": ("1.2.840.10008.2.16.16", "http://id.who.int/icd/release/11/mms"),
        "I9": ("2.16.840.1.113883.6.42", ""),
        "I9C": ("2.16.840.1.113883.6.2", "http://hl7.org/fhir/sid/icd-9-cm"),
        "IBSI": ("1.2.840.10008.2.16.13", ""),
        "ICDO3": ("2.16.840.1.113883.6.43.1", ""),
        "IETF4646": ("", "urn:ietf:bcp:47"),
        "ISO3166_1": ("2.16.1", "urn:iso:std:iso:3166"),
        "ISO639_1": ("2.16.840.1.113883.6.99", ""),
        "ISO639_2": ("2.16.840.1.113883.6.100", ""),
        "ITIS_TSN": ("1.2.840.10008.2.16.7", ""),
        "LN": ("2.16.840.1.113883.6.1", "http://loinc.org"),
        "MA": ("1.2.840.10008.2.16.5", ""),
        "MAYOASRG": ("1.2.840.10008.2.16.12", ""),
        "MDC": ("2.16.840.1.113883.6.24", "urn:iso:std:iso:11073:10101"),
        "MGI": ("1.2.840.10008.2.16.8", ""),
        "MSH": ("2.16.840.1.113883.6.177", ""),
        "NBD": ("2.16.840.1.113883.15.2", ""),
        "NBG": ("2.16.840.1.113883.15.3", ""),
        "NCIt": ("2.16.840.1.113883.3.26.1.1", "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"),
        "NDC": ("2.16.840.1.113883.6.69", "http://hl7.org/fhir/sid/ndc"),
        "NEU": ("2.16.840.1.113883.6.210", ""),
        "NICIP": ("2.16.840.1.113883.2.1.3.2.4.21", ""),
        "NYUMCCG": ("1.2.840.10008.2.16.11", ""),
        "PATHLEX": ("1.3.6.1.4.1.19376.1.8.2.1", ""),
        "POS": ("2.16.840.1.113883.6.50", ""),
        "PUBCHEM_CID": ("1.2.840.10008.2.16.9", "http://pubchem.ncbi.nlm.nih.gov"),
        "RADELEMENT": ("1.2.840.10008.2.16.15", ""),
        "RADLEX": ("2.16.840.1.113883.6.256", "http://radlex.org"),
        "RFC3066": ("2.16.840.1.113883.6.121", "urn:ietf:bcp:47"),
        "RFC5646": ("2.16.840.1.113883.6.316", "urn:ietf:bcp:47"),
        "RO": ("1.2.840.10008.2.16.14", ""),
        "RRID": ("1.2.840.10008.2.16.18", ""),
        "RXNORM": ("2.16.840.1.113883.6.88", "http://www.nlm.nih.gov/research/umls/rxnorm"),
        "UBERON": ("1.2.840.10008.2.16.6", ""),
        "UCUM": ("2.16.840.1.113883.6.8", "http://unitsofmeasure.org"),
        "UMLS": ("2.16.840.1.113883.6.86", "http://terminology.hl7.org/CodeSystem/umls"),
        "UNS": ("1.2.840.10008.2.16.17", ""),
        "UPC": ("2.16.840.1.113883.6.55", ""),
    }
)

# The UIDs under which the SNOMED designators of Table 8-1 are registered, besides those above.
_SNOMED_UIDS = frozenset({"2.16.840.1.113883.6.96", "2.16.840.1.113883.6.51", "2.16.840.1.113883.6.53"})


def coding(
    designator: str | None,
    value: str,
    meaning: str | None,
    version: str | None = None,
    uid: str | None = None,
    schemes: Mapping[str, str] | None = None,
) -> Code:
    """Build the code that a coded entry states (PS3.3 section 8.8).

    `designator`, `value`, `meaning`, `version` and `uid` are Coding Scheme Designator, Code Value (or Long Code
    Value), Code Meaning, Coding Scheme Version and Coding Scheme UID. `schemes`: the URIs of the designators in
    the object's own Coding Scheme Identification Sequence (0008,0110), see `scheme_uri`.

    SNOMED codes in RT style become SNOMED CT by the table of PS3.16; one that the table does not know keeps its
    value under the URI of SNOMED-RT, never under that of SNOMED CT. A scheme that nothing gives a URI, such as a
    private one, has `system` None. `version` is left out where the code was translated, and for SNOMED CT unless
    it is a URI as FHIR asks there.
    """
    designator, uid = (designator or "").strip(), (uid or "").strip()
    if designator in _SNOMED_DESIGNATORS:
        return _snomed(value, meaning, version)
    if designator in _IDENTIFIER_DESIGNATORS and _OID.fullmatch(value):
        return Code(URN, f"urn:oid:{value}", meaning or None)
    system = _SYSTEMS.get(designator) or scheme_uri(uid) or _own_scheme(designator, schemes)
    if system == SCT:
        return _snomed(value, meaning, version)
    return Code(system, value, meaning or None, version or None)


def urn_coding(value: str, meaning: str | None) -> Code:
    """Build the code that a URN Code Value (0008,0120) states: the URN or URL itself is the code."""
    return Code(URN, value, meaning or None)


def scheme_uri(uid: str | None, url: str | None = None) -> str | None:
    """Return the URI of a scheme that an object identifies, or None.

    That is the URI in use for a Coding Scheme UID (0008,010C) of PS3.16 Table 8-1, else `url`, else the UID as a
    URN. `url`: the Coding Scheme URL (0008,010E) of type FHIR in Coding Scheme Resources Sequence (0008,0109).
    """
    uid, url = (uid or "").strip(), (url or "").strip()
    if uid in _SNOMED_UIDS:
        return SCT
    if uid in _SYSTEMS_BY_UID:
        return _SYSTEMS_BY_UID[uid]
    if ":" in url and not any(character.isspace() for character in url):
        return url
    return f"urn:oid:{uid}" if _OID.fullmatch(uid) else None


def _own_scheme(designator: str, schemes: Mapping[str, str] | None) -> str | None:
    uri = (schemes or {}).get(designator)
    return uri and (scheme_uri(uri.removeprefix("urn:oid:")) or uri)


def _snomed(value: str, meaning: str | None, version: str | None) -> Code:
    # A concept identifier of SNOMED CT, and so an expression, begins with a digit; a code in RT style with its axis.
    # Objects pair either kind with either designator.
    if value[:1].isdigit():
        kept = version if version and version.startswith(SCT) else None
        return Code(SCT, value, meaning or None, kept)
    translated = _srt_to_sct().get(value)
    if translated is not None:
        return Code(SCT, translated, meaning or None)
    return Code(SRT, value, meaning or None, version or None)


@cache
def _srt_to_sct() -> Mapping[str, str]:
    # Imported when the first such code is met: the dictionary is large and most objects need none of it.
    from pydicom.sr._snomed_dict import mapping

    return mapping["SRT"]


_SYSTEMS: Mapping[str, str] = MappingProxyType({name: uri or f"urn:oid:{uid}" for name, (uid, uri) in _SCHEMES.items()})
_SYSTEMS_BY_UID: Mapping[str, str] = MappingProxyType(
    {uid: uri or f"urn:oid:{uid}" for uid, uri in _SCHEMES.values() if uid}
)
