"""Body sites, against PS3.16 Table L-1 and, as a second source, the context groups that pydicom carries."""

from __future__ import annotations

import pytest
from pydicom.sr._concepts_dict import concepts

from converter.body_part import body_site, with_laterality
from converter.selection import Code, Concept

SCT = "http://snomed.info/sct"
# By keyword, then by code: the meaning and the context groups that list it.
SNOMED_CT: dict[str, dict[str, tuple[str, list[int]]]] = concepts["SCT"]  # type: ignore[assignment]

# PS3.16 Table L-1: Code Value, Code Meaning, Body Part Examined.
TABLE_L_1 = """
818981001 Abdomen = ABDOMEN
818982008 Abdomen and Pelvis = ABDOMENPELVIS
85856004 Acromioclavicular joint = ACJOINT
23451007 Adrenal gland = ADRENAL
70258002 Ankle joint = ANKLE
15825003 Aorta = AORTA
28273000 Bile duct = BILEDUCT
89837001 Bladder = BLADDER
12738006 Brain = BRAIN
76752008 Breast = BREAST
69105007 Carotid Artery = CAROTID
122494005 Cervical spine = CSPINE
1217257000 Cervico-thoracic spine = CTSPINE
816094009 Chest = CHEST
416775004 Chest, Abdomen and Pelvis = CHESTABDPELVIS
416550000 Chest and Abdomen = CHESTABDOMEN
51299004 Clavicle = CLAVICLE
64688005 Coccyx = COCCYX
71854001 Colon = COLON
41801008 Coronary artery = CORONARYARTERY
117590005 Ear = EAR
16953009 Elbow joint = ELBOW
38266002 Entire body = WHOLEBODY
32849002 Esophagus = ESOPHAGUS
66019005 Extremity = EXTREMITY
81745001 Eye = EYE
89545001 Face = FACE
71341001 Femur = FEMUR
87342007 Fibula = FIBULA
7569003 Finger = FINGER
56459004 Foot = FOOT
14975008 Forearm = FOREARM
28231008 Gallbladder = GALLBLADDER
85562004 Hand = HAND
69536005 Head = HEAD
774007 Head and Neck = HEADNECK
80891009 Heart = HEART
24136001 Hip joint = HIP
85050009 Humerus = HUMERUS
361078006 Internal Auditory Canal = IAC
661005 Jaw region = JAW
64033007 Kidney = KIDNEY
72696002 Knee = KNEE
10200004 Liver = LIVER
30021000 Lower leg = LOWERLEG
122496007 Lumbar spine = LSPINE
1217253001 Lumbo-sacral spine = LSSPINE
39607008 Lung = LUNG
91609006 Mandible = MANDIBLE
72410000 Mediastinum = MEDIASTINUM
45048000 Neck = NECK
416319003 Neck, Chest, Abdomen and Pelvis = NECKCHESTABDPELV
45206002 Nose = NOSE
363654007 Orbital structure = ORBIT
15776009 Pancreas = PANCREAS
64234005 Patella = PATELLA
816092008 Pelvis = PELVIS
706342009 Phantom = PHANTOM
41216001 Prostate = PROSTATE
34402009 Rectum = RECTUM
113197003 Rib = RIB
54735007 Sacrum = SSPINE
79601000 Scapula = SCAPULA
16982005 Shoulder = SHOULDER
89546000 Skull = SKULL
421060004 Spine = SPINE
78961009 Spleen = SPLEEN
56873002 Sternum = STERNUM
69695003 Stomach = STOMACH
68367000 Thigh = THIGH
122495006 Thoracic spine = TSPINE
1217256009 Thoraco-lumbar spine = TLSPINE
69748006 Thyroid = THYROID
12611008 Tibia = TIBIA
110536004 Tibia and fibula = TIBIAFIBULA
23416004 Ulna = ULNA
40983000 Upper arm = UPPERARM
35039007 Uterus = UTERUS
74670003 Wrist joint = WRIST
13881006 Zygoma = ZYGOMA
"""
ROWS = [
    (term, code, meaning)
    for line in TABLE_L_1.strip().splitlines()
    for stated, _, term in [line.partition(" = ")]
    for code, _, meaning in [stated.partition(" ")]
]


@pytest.mark.parametrize(("term", "code", "meaning"), ROWS)
def test_a_defined_term_becomes_the_code_of_table_l_1(term: str, code: str, meaning: str) -> None:
    assert body_site(term) == Code(SCT, code, meaning)


@pytest.mark.parametrize(("term", "code", "meaning"), ROWS)
def test_the_context_groups_name_the_same_code_the_same(term: str, code: str, meaning: str) -> None:
    named = {row[code][0].casefold() for row in SNOMED_CT.values() if code in row}
    found = body_site(term)
    assert found is not None
    assert found.display is not None
    assert found.display.casefold() in named


def test_terms_of_earlier_editions_are_known() -> None:
    assert body_site("ARM") == body_site("UPPERARM")
    assert body_site("LEG") == body_site("LOWERLEG")


def test_case_and_padding_do_not_matter() -> None:
    assert body_site(" Chest ") == Code(SCT, "816094009", "Chest")


@pytest.mark.parametrize("term", ["", "UNKNOWN", "FETALARM", "CHEST_ABDOMEN"])
def test_another_text_is_no_body_site(term: str) -> None:
    assert body_site(term) is None


LUNG = Code(SCT, "39607008", "Lung")


@pytest.mark.parametrize(
    ("laterality", "side", "text"),
    [("R", "24028007", "Lung, right"), ("L", "7771000", "Lung, left"), ("B", "51440002", "Lung, both sides")],
)
def test_a_side_adds_an_expression_and_words_to_the_site(laterality: str, side: str, text: str) -> None:
    site = with_laterality(Concept((LUNG,)), laterality)
    assert site == Concept((LUNG, Code(SCT, f"39607008:272741003={side}")), text)


@pytest.mark.parametrize("laterality", ["U", "", "X"])
def test_an_unpaired_site_stays_as_it_is(laterality: str) -> None:
    assert with_laterality(Concept((LUNG,)), laterality) == Concept((LUNG,))


def test_a_site_of_another_scheme_gets_its_side_in_words_only() -> None:
    site = Concept((Code("http://radlex.org", "RID1301", "lung"),), "Lunge")
    assert with_laterality(site, "R") == Concept(site.codings, "Lunge, right")


def test_a_site_without_any_name_gets_no_made_up_text() -> None:
    site = Concept((Code(SCT, "39607008"),))
    assert with_laterality(site, "L") == Concept((Code(SCT, "39607008"), Code(SCT, "39607008:272741003=7771000")))


def test_a_site_that_is_an_expression_already_is_not_refined_again() -> None:
    site = Concept((Code(SCT, "39607008:272741003=24028007"),), "Right lung")
    assert with_laterality(site, "R").codings == site.codings
