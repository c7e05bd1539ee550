"""What an inspection means: serial numbers, genuine or not, and what was in the box."""

from typing import Any

import pytest

from domain.inspection import Assessment, SerialMatch, Verdict, assess, compare_serials, normalise_serial
from domain.kinds import Component, ReasonCode
from domain.reasons import Reason
from tests.domain.samples import DRONE, HANDHELD, inspection

BODY, GIMBAL, PROPELLERS, BATTERY = DRONE.components
NO_BATTERY = (BODY, GIMBAL, PROPELLERS)
WHOLE = DRONE.components


def verdict(expected: tuple[Component, ...] = NO_BATTERY, **seen: Any) -> Assessment:
    return assess(inspection(**seen), serial_number="SN100", expected=expected, replacement_serial="SN200")


def second_box(outstanding: tuple[Component, ...], expected: tuple[Component, ...] = WHOLE, **seen: Any) -> Assessment:
    """A box after all but `outstanding` was accepted."""
    received = tuple(c for c in expected if c not in outstanding)
    return assess(
        inspection(**seen), serial_number="SN100", expected=expected, replacement_serial="SN200", received=received
    )


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("sn100", "SN100"),
        ("  SN100 ", "SN100"),
        ("SN 100", "SN100"),
        ("SN-100", "SN100"),
        ("sn\u20111 00\u2013a", "SN100A"),
        ("SN\t100\n", "SN100"),
        ("", ""),
        (" - ", ""),
    ],
)
def test_a_serial_number_is_compared_without_its_typing(text: str, normal: str) -> None:
    """R-INS-5, edge case 63."""
    assert normalise_serial(text) == normal


@pytest.mark.parametrize(
    ("expected", "read", "match"),
    [
        ("SN100", "SN100", SerialMatch.SAME),
        ("SN100", "sn-1 00", SerialMatch.SAME),
        ("SN100", "SN10O", SerialMatch.UNCLEAR),
        ("SNO00", "SN000", SerialMatch.UNCLEAR),
        ("SN100", "SNI00", SerialMatch.UNCLEAR),
        ("SNI00", "SN100", SerialMatch.UNCLEAR),
        ("SN100", "sni oo", SerialMatch.UNCLEAR),
        ("SN100", "", SerialMatch.UNCLEAR),
        ("SN100", " - ", SerialMatch.UNCLEAR),
        ("SN100", "SN101", SerialMatch.DIFFERENT),
        ("SN100", "SN10", SerialMatch.DIFFERENT),
        ("SN100", "SN1000", SerialMatch.DIFFERENT),
        ("SN100", "SN1Q0", SerialMatch.DIFFERENT),
        ("SN100", "SNL00", SerialMatch.DIFFERENT),
    ],
)
def test_serial_numbers_are_the_same_different_or_a_persons_case(expected: str, read: str, match: SerialMatch) -> None:
    """R-INS-5, edge cases 13 and 63: O/0 and I/1 look alike, a label may be unreadable."""
    assert compare_serials(expected, read) is match


def test_the_right_unit_whole_is_good() -> None:
    """R-INS-2."""
    assert verdict() == Assessment(Verdict.GOOD, accepted=NO_BATTERY)
    assert verdict(serial_number="sn-100") == Assessment(Verdict.GOOD, accepted=NO_BATTERY)


DEFAULTS = [
    pytest.param(
        {"serial_number": "SN999"},
        ReasonCode.SERIAL_MISMATCH,
        "R-INS-3",
        "The serial number received is SN999, not SN100.",
        id="edge 10: another serial",
    ),
    pytest.param(
        {"serial_number": "sn-2 00"},
        ReasonCode.REPLACEMENT_RETURNED,
        "R-INS-5",
        "The replacement SN200 came back; the original SN100 is what we need.",
        id="edge 30: the replacement came back",
    ),
    pytest.param(
        {"serial_number": "SN050"},
        ReasonCode.SERIAL_MISMATCH,
        "R-INS-3",
        "The serial number received is SN050, not SN100.",
        id="an earlier serial of the same lineage",
    ),
    pytest.param(
        {"serial_number": "sn-9 99"},
        ReasonCode.SERIAL_MISMATCH,
        "R-INS-3",
        "The serial number received is sn-9 99, not SN100.",
        id="shown as it was read",
    ),
    pytest.param(
        {"genuine": False},
        ReasonCode.NOT_GENUINE,
        "R-INS-3",
        "The item received is not a genuine product.",
        id="edge 14: a counterfeit",
    ),
    pytest.param(
        {"serial_number": "", "components": ()},
        ReasonCode.NOT_GENUINE,
        "R-INS-3",
        "The device itself was not in the box.",
        id="edge 14: an empty box",
    ),
    pytest.param(
        {"components": (GIMBAL, PROPELLERS)},
        ReasonCode.NOT_GENUINE,
        "R-INS-3",
        "The device itself was not in the box.",
        id="edge 14: everything but the device",
    ),
]


@pytest.mark.parametrize(("seen", "code", "rule", "message"), DEFAULTS)
def test_a_wrong_box_makes_the_default_due(seen: dict[str, Any], code: ReasonCode, rule: str, message: str) -> None:
    """R-INS-3, R-INS-5."""
    found = verdict(**seen)
    assert found.verdict is Verdict.MISMATCH
    assert found.reasons == (Reason(code, rule, message),)


@pytest.mark.parametrize(
    ("expected", "present", "outcome"),
    [
        pytest.param(WHOLE, WHOLE, Verdict.GOOD, id="replaced, and sent back"),
        pytest.param(WHOLE, NO_BATTERY, Verdict.MISMATCH, id="edge 15: replaced, and kept"),
        pytest.param(NO_BATTERY, NO_BATTERY, Verdict.GOOD, id="not replaced, and kept"),
        pytest.param(NO_BATTERY, WHOLE, Verdict.GOOD, id="R-CMP-4: not replaced, and sent"),
        pytest.param(WHOLE, (BODY, GIMBAL, BATTERY), Verdict.PARTS_MISSING, id="edge 16: only propellers missing"),
        pytest.param(WHOLE, (BODY, GIMBAL), Verdict.MISMATCH, id="the battery outweighs the propellers"),
    ],
)
def test_a_missing_battery_counts_only_when_one_went_out(
    expected: tuple[Component, ...], present: tuple[Component, ...], outcome: Verdict
) -> None:
    """R-INS-3, R-EXP-7, R-CMP-1, R-CMP-4; edge case 18: another version of the battery is not the one expected."""
    found = verdict(expected, components=present)
    assert found.verdict is outcome
    assert (ReasonCode.BATTERY_MISSING in [r.code for r in found.reasons]) is (outcome is Verdict.MISMATCH)


def test_a_missing_battery_is_described() -> None:
    """R-INS-3."""
    assert verdict(WHOLE).reasons == (
        Reason(
            ReasonCode.BATTERY_MISSING,
            "R-INS-3",
            "The battery was not sent, although it is replaced together with the device.",
        ),
    )
    assert verdict(WHOLE).missing == (BATTERY,)


@pytest.mark.parametrize(
    ("present", "missing", "named"),
    [
        ((BODY, GIMBAL), (PROPELLERS,), "propellers"),
        ((BODY, PROPELLERS), (GIMBAL,), "gimbal camera"),
        ((BODY,), (GIMBAL, PROPELLERS), "gimbal camera, propellers"),
        ((BODY, Component.GRIP), (GIMBAL, PROPELLERS), "gimbal camera, propellers"),
    ],
)
def test_other_missing_parts_are_sent_or_paid_never_a_default(
    present: tuple[Component, ...], missing: tuple[Component, ...], named: str
) -> None:
    """R-CMP-1, decision 6, edge case 16."""
    message = f"Missing from the box: {named}. Send them or pay the price difference."
    reason = Reason(ReasonCode.PARTS_MISSING, "R-CMP-1", message)
    accepted = tuple(c for c in present if c in NO_BATTERY)
    assert verdict(components=present) == Assessment(Verdict.PARTS_MISSING, (reason,), missing, accepted)


@pytest.mark.parametrize("extra", [Component.BATTERY, Component.GRIP, Component.MAIN_UNIT])
def test_whatever_else_lies_in_the_box_is_no_reason_to_charge(extra: Component) -> None:
    """R-CMP-3, R-CMP-4."""
    assert verdict(components=(*NO_BATTERY, extra)).verdict is Verdict.GOOD


@pytest.mark.parametrize(
    ("read", "shown"),
    [("", "(unreadable)"), ("SNIOO", "SNIOO")],
    ids=["edge 13: unreadable", "edge 63: look-alikes"],
)
def test_an_unclear_serial_is_a_persons_case(read: str, shown: str) -> None:
    """R-INS-5."""
    message = f"The serial number {shown} cannot be told from SN100."
    assert verdict(serial_number=read) == Assessment(
        Verdict.UNCLEAR, (Reason(ReasonCode.SERIAL_UNCLEAR, "R-INS-5", message),)
    )


def test_an_unclear_serial_waits_before_any_part_is_requested() -> None:
    """R-INS-5, R-CMP-1."""
    assert verdict(serial_number="", components=(BODY,)).verdict is Verdict.UNCLEAR


@pytest.mark.parametrize(
    "seen",
    [{"genuine": False, "serial_number": ""}, {"serial_number": "SNIOO", "components": (BODY,)}],
    ids=["not genuine", "battery missing"],
)
def test_a_certain_default_is_not_stopped_by_an_unclear_serial(seen: dict[str, Any]) -> None:
    """R-INS-3."""
    assert verdict(WHOLE, **seen).verdict is Verdict.MISMATCH


def test_all_reasons_for_the_default_are_returned_at_once() -> None:
    """R-INS-3."""
    found = verdict(WHOLE, genuine=False, serial_number="SN999", components=())
    assert [r.code for r in found.reasons] == [
        ReasonCode.NOT_GENUINE,
        ReasonCode.NOT_GENUINE,
        ReasonCode.SERIAL_MISMATCH,
        ReasonCode.BATTERY_MISSING,
    ]
    assert found.missing == WHOLE


@pytest.mark.parametrize(
    ("outstanding", "seen", "outcome", "missing"),
    [
        pytest.param((PROPELLERS,), {"serial_number": ""}, Verdict.GOOD, (), id="without a serial number"),
        pytest.param((PROPELLERS,), {"serial_number": "SN100"}, Verdict.GOOD, (), id="with the device's"),
        pytest.param((PROPELLERS,), {"serial_number": "SN999"}, Verdict.GOOD, (), id="a number that is no device's"),
        pytest.param((BATTERY,), {"components": (BATTERY,)}, Verdict.GOOD, (), id="the battery"),
        pytest.param((GIMBAL,), {"components": ()}, Verdict.PARTS_MISSING, (GIMBAL,), id="still missing"),
        pytest.param((PROPELLERS,), {"genuine": False}, Verdict.PARTS_MISSING, (PROPELLERS,), id="of another make"),
        pytest.param(
            (GIMBAL, PROPELLERS),
            {"components": (GIMBAL, PROPELLERS), "genuine": False, "not_genuine": (PROPELLERS,)},
            Verdict.PARTS_MISSING,
            (PROPELLERS,),
            id="one of two of another make",
        ),
        pytest.param(
            (BATTERY,), {"components": (BATTERY,), "genuine": False}, Verdict.MISMATCH, (BATTERY,), id="another battery"
        ),
        pytest.param((BODY, PROPELLERS), {"genuine": False}, Verdict.MISMATCH, (BODY, PROPELLERS), id="another device"),
    ],
)
def test_a_later_box_is_judged_by_what_is_outstanding_alone(
    outstanding: tuple[Component, ...], seen: dict[str, Any], outcome: Verdict, missing: tuple[Component, ...]
) -> None:
    """R-CMP-1, R-INS-3, R-INS-4: what was accepted stays accepted, and a wrong part is a missing one."""
    found = second_box(outstanding, **seen)
    assert (found.verdict, found.missing) == (outcome, missing)


def test_a_part_of_another_make_beside_the_right_device_is_a_missing_part() -> None:
    """R-CMP-1: a small wrong part is never the whole default."""
    found = verdict(genuine=False, not_genuine=(PROPELLERS,))
    assert (found.verdict, found.missing, found.accepted) == (Verdict.PARTS_MISSING, (PROPELLERS,), (BODY, GIMBAL))
    assert [r.message for r in found.reasons] == [
        "Missing from the box: propellers (those sent are not genuine). Send them or pay the price difference."
    ]


def test_parts_that_come_before_their_device_are_accepted() -> None:
    """R-INS-4: the device may follow in its own parcel."""
    first = verdict(serial_number="", components=(GIMBAL, PROPELLERS))
    assert (first.verdict, first.accepted) == (Verdict.MISMATCH, (GIMBAL, PROPELLERS))
    assert second_box((BODY,), NO_BATTERY, components=(BODY,)).verdict is Verdict.GOOD
    assert second_box((BODY,), NO_BATTERY, serial_number="SN999", components=(BODY,)).verdict is Verdict.MISMATCH


@pytest.mark.parametrize("seen", [{"serial_number": "SN999"}, {"serial_number": ""}, {"genuine": False}])
def test_what_comes_with_a_device_that_is_not_accepted_is_not_accepted(seen: dict[str, Any]) -> None:
    """Edge case 10: the wrong unit goes back whole."""
    assert verdict(**seen).accepted == ()


def test_before_a_replacement_went_out_there_is_none_to_come_back() -> None:
    """R-INS-3: Standard inspects before it ships."""
    found = assess(
        inspection(serial_number="SN200", components=HANDHELD.components),
        serial_number="SN100",
        expected=HANDHELD.components,
        replacement_serial=None,
    )
    assert [r.code for r in found.reasons] == [ReasonCode.SERIAL_MISMATCH]
