"""Domain: the assessment of an inspection (R-INS, R-CMP)."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from unicodedata import category

from domain.claim import Inspection
from domain.kinds import BODIES, Component, ReasonCode
from domain.reasons import Reason

_LOOK_ALIKE = str.maketrans("OI", "01")


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
    if not right or left.translate(_LOOK_ALIKE) == right.translate(_LOOK_ALIKE):
        return SerialMatch.UNCLEAR
    return SerialMatch.DIFFERENT


def assess(
    inspection: Inspection,
    *,
    serial_number: str,
    expected: Collection[Component],
    replacement_serial: str | None,
) -> Assessment:
    """The verdict on one box for the claim on `serial_number` that still expects the components `expected`.

    Other items in the box, or a battery that was not expected, are no reason (R-CMP-3, R-CMP-4). All reasons are
    collected. A mismatch outweighs missing parts; an unclear serial alone stops the clock. A box without the device
    counts as empty (edge case 14). Parts sent later have no serial number: where the device itself is no longer
    expected, an unread one does not stop the clock.
    """
    match = compare_serials(serial_number, inspection.serial_number)
    if not BODIES.intersection(expected) and not normalise_serial(inspection.serial_number):
        match = SerialMatch.SAME
    missing = tuple(c for c in expected if c not in inspection.components)
    reasons = []
    if not inspection.genuine:
        reasons.append(Reason(ReasonCode.NOT_GENUINE, "R-INS-3", "The item received is not a genuine product."))
    if BODIES.intersection(missing):
        reasons.append(Reason(ReasonCode.NOT_GENUINE, "R-INS-3", "The device itself was not in the box."))
    if match is SerialMatch.DIFFERENT:
        reasons.append(_wrong_serial(inspection.serial_number, serial_number, replacement_serial))
    if Component.BATTERY in missing:
        reasons.append(
            Reason(
                ReasonCode.BATTERY_MISSING,
                "R-INS-3",
                "The battery was not sent, although it is replaced together with the device.",
            )
        )
    if reasons:
        return Assessment(Verdict.MISMATCH, tuple(reasons), missing)
    if match is SerialMatch.UNCLEAR:
        message = f"The serial number {inspection.serial_number or '(unreadable)'} cannot be told from {serial_number}."
        return Assessment(Verdict.UNCLEAR, (Reason(ReasonCode.SERIAL_UNCLEAR, "R-INS-5", message),))
    if missing:
        names = ", ".join(c.replace("_", " ") for c in missing)
        message = f"Missing from the box: {names}. Send them or pay the price difference."
        return Assessment(
            Verdict.PARTS_MISSING, (Reason(ReasonCode.PARTS_MISSING, "R-CMP-1", message),), tuple(missing)
        )
    return Assessment(Verdict.GOOD)


def _wrong_serial(read: str, expected: str, replacement_serial: str | None) -> Reason:
    if replacement_serial and compare_serials(replacement_serial, read) is SerialMatch.SAME:
        message = f"The replacement {replacement_serial} came back; the original {expected} is what we need."
        return Reason(ReasonCode.REPLACEMENT_RETURNED, "R-INS-5", message)
    return Reason(
        ReasonCode.SERIAL_MISMATCH,
        "R-INS-3",
        f"The serial number received is {read}, not {expected}.",
    )
