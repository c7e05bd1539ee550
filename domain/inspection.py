"""Domain: the assessment of an inspection (R-INS, R-CMP)."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from unicodedata import category

from domain.claim import Inspection
from domain.kinds import BODIES, Component, ReasonCode
from domain.reasons import Reason

LOOK_ALIKE = str.maketrans("OI", "01")
"""Characters of labels that look alike, and the one each is compared as."""


class Verdict(StrEnum):
    GOOD = "good"
    """The hold is released at once, in full (R-INS-2)."""
    MISMATCH = "mismatch"
    """The default is due unless the customer puts it right (R-INS-3, R-INS-4)."""
    PARTS_MISSING = "parts_missing"
    """Send the parts or pay their price differences (R-CMP-1)."""
    UNCLEAR = "unclear"
    """A person must look; the clock is stopped (R-INS-5)."""


class SerialMatch(StrEnum):
    SAME = "same"
    UNCLEAR = "unclear"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Assessment:
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    missing: tuple[Component, ...] = ()
    accepted: tuple[Component, ...] = ()
    """The components that this box added to those accepted."""


_HYPHENS = dict.fromkeys(map(ord, "-‐‑–—"))


def normalise_serial(text: str) -> str:
    """Upper case, without spaces and hyphens (R-INS-5): how serial numbers are compared and looked up.

    They are stored and shown as they were entered.
    """
    return "".join(text.upper().split()).translate(_HYPHENS)


def can_be_serial(text: str) -> bool:
    """Whether `text` can be a serial number: not empty, with visible characters and spaces only."""
    visible = text.isprintable() or all(ch.isprintable() or category(ch) == "Zs" for ch in text)
    return visible and bool(normalise_serial(text))


def compare_serials(expected: str, read: str) -> SerialMatch:
    """Same, different, or unclear: O/0 and I/1 look alike, and a label may be unreadable (R-INS-5)."""
    left, right = normalise_serial(expected), normalise_serial(read)
    if left == right:
        return SerialMatch.SAME
    if not right or left.translate(LOOK_ALIKE) == right.translate(LOOK_ALIKE):
        return SerialMatch.UNCLEAR
    return SerialMatch.DIFFERENT


def genuine_components(inspection: Inspection) -> tuple[Component, ...]:
    """The components in the box that are genuine: all, none, or all but those that the inspector named (R-INS-1)."""
    if inspection.genuine:
        return inspection.components
    named = inspection.not_genuine
    return tuple(c for c in inspection.components if c not in named) if named else ()


def assess(
    inspection: Inspection,
    *,
    serial_number: str,
    expected: Collection[Component],
    replacement_serial: str | None,
    received: Collection[Component] = (),
) -> Assessment:
    """The verdict on one box for the claim on `serial_number` that expects `expected` and has accepted `received`.

    Each component is judged by itself, and what was accepted stays accepted: a component of another make is a missing
    one (R-CMP-1). Only the device itself and a battery that was supplied make the default (R-INS-3). The serial number
    is the device's: it is not compared once the device was accepted. Other items in the box, or a battery that was not
    expected, are no reason (R-CMP-3, R-CMP-4). All reasons are collected. A mismatch outweighs missing parts; an
    unclear serial alone stops the clock. A box without the device counts as empty while the device is outstanding
    (edge case 14). What comes with a wrong device goes back with it, so nothing of such a box is accepted.
    """
    genuine = genuine_components(inspection)
    body = BODIES.intersection(expected).difference(received)
    match = compare_serials(serial_number, inspection.serial_number) if body else SerialMatch.SAME
    missing = tuple(c for c in expected if c not in received and c not in genuine)
    device_came = bool(body.intersection(inspection.components))
    reasons = []
    if body and not inspection.genuine and (device_came or not inspection.not_genuine) and body.intersection(missing):
        reasons.append(Reason(ReasonCode.NOT_GENUINE, "R-INS-3", "The item received is not a genuine product."))
    if body and not device_came:
        reasons.append(Reason(ReasonCode.NOT_GENUINE, "R-INS-3", "The device itself was not in the box."))
    if match is SerialMatch.DIFFERENT:
        reasons.append(_wrong_serial(inspection.serial_number, serial_number, replacement_serial))
    if Component.BATTERY in missing:
        came = "The battery that was sent is not a genuine one"
        what = came if Component.BATTERY in inspection.components else "The battery was not sent"
        message = f"{what}, although it is replaced together with the device."
        reasons.append(Reason(ReasonCode.BATTERY_MISSING, "R-INS-3", message))
    device_right = not device_came or (match is SerialMatch.SAME and not body.intersection(missing))
    accepted = tuple(c for c in expected if c in genuine and c not in received) if device_right else ()
    if reasons:
        return Assessment(Verdict.MISMATCH, tuple(reasons), missing, accepted)
    if match is SerialMatch.UNCLEAR:
        message = f"The serial number {inspection.serial_number or '(unreadable)'} cannot be told from {serial_number}."
        return Assessment(Verdict.UNCLEAR, (Reason(ReasonCode.SERIAL_UNCLEAR, "R-INS-5", message),))
    if missing:
        names = ", ".join(_missing_name(c, inspection.components) for c in missing)
        message = f"Missing from the box: {names}. Send them or pay the price difference."
        reason = Reason(ReasonCode.PARTS_MISSING, "R-CMP-1", message)
        return Assessment(Verdict.PARTS_MISSING, (reason,), missing, accepted)
    return Assessment(Verdict.GOOD, accepted=accepted)


def _missing_name(component: Component, present: Collection[Component]) -> str:
    name = component.replace("_", " ")
    return f"{name} (those sent are not genuine)" if component in present else name


def _wrong_serial(read: str, expected: str, replacement_serial: str | None) -> Reason:
    if replacement_serial and compare_serials(replacement_serial, read) is SerialMatch.SAME:
        message = f"The replacement {replacement_serial} came back; the original {expected} is what we need."
        return Reason(ReasonCode.REPLACEMENT_RETURNED, "R-INS-5", message)
    return Reason(
        ReasonCode.SERIAL_MISMATCH,
        "R-INS-3",
        f"The serial number received is {read}, not {expected}.",
    )
