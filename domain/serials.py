"""Domain: the serial number of a new unit: its form, its look-alikes, and what is read instead of it (R-INS-5)."""

import re
from typing import Final
from unicodedata import normalize

from domain.inspection import LOOK_ALIKE, can_be_serial, normalise_serial

MINIMUM_LENGTH: Final = 6
"""Characters of a serial number whose model has no pattern."""
MAXIMUM_LENGTH: Final = 64
"""Characters as entered, with spaces and hyphens."""
_GTIN_LENGTHS: Final = frozenset({12, 13, 14})


def look_alike_key(text: str) -> str:
    """The same for serial numbers that only O and 0, or I and 1, tell apart."""
    return normalise_serial(text).translate(LOOK_ALIKE)


def is_gtin(text: str) -> bool:
    """Whether `text` is a barcode number of a product (UPC, EAN, GTIN-14) by its length and check digit."""
    digits = normalise_serial(text)
    if len(digits) not in _GTIN_LENGTHS or not (digits.isascii() and digits.isdigit()):
        return False
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return weighted % 10 == 0


def misreading(text: str) -> str | None:
    """What `text` was taken from instead of a label, where its characters tell."""
    if any(not ch.isascii() and normalize("NFKC", ch).isascii() and normalize("NFKC", ch).isalnum() for ch in text):
        return "It has full-width characters; a label has plain ones: switch the keyboard's input method off."
    if any(ch in text.strip() for ch in "\r\n\t"):
        return "It holds a line break or a tab, as a scanner sends after each scan: one scan is one serial number."
    return None


def form_problem(text: str, pattern: str | None, *, confirmed: bool) -> str | None:
    """Why a new unit cannot have the serial number `text`, or None.

    `pattern` is the model's, a regular expression for the whole normalised number; without one at least
    `MINIMUM_LENGTH` characters. `confirmed`: a person has looked at the label again, which settles a doubt and no more.
    """
    if found := misreading(text):
        return found
    serial = normalise_serial(text)
    if len(text) > MAXIMUM_LENGTH or not can_be_serial(text):
        return f"A serial number has 1 to {MAXIMUM_LENGTH} letters and digits."
    if pattern is not None:
        if re.fullmatch(pattern, serial):
            return None
        read = next((each for each in _other_readings(serial) if re.fullmatch(pattern, each)), None)
        if read is not None:
            return f"It is no serial number of this model; {read} would be: O and 0, I and 1 look alike."
        return "It does not have the form of this model's serial numbers."
    if len(serial) < MINIMUM_LENGTH:
        return f"A serial number has at least {MINIMUM_LENGTH} letters and digits."
    if is_gtin(serial) and not confirmed:
        return "It is the number under a product's barcode (GTIN). The serial number stands beside it; confirm if not."
    return None


def look_alike_problem(known: str) -> str:
    """Why a new unit needs a second look, when the registered unit `known` looks like it."""
    return f"It looks like {known}, which is registered: O and 0, I and 1 look alike. Read the label again and confirm."


def pattern_problem(pattern: str) -> str | None:
    """Why `pattern` cannot be a model's pattern of serial numbers, or None."""
    try:
        re.compile(pattern)
    except re.error as error:
        return f"It is no regular expression: {error}."
    return None


def _other_readings(serial: str) -> tuple[str, ...]:
    digits = serial.translate(LOOK_ALIKE)
    alphabetic = serial.translate(str.maketrans("01", "OI"))
    return digits, alphabetic
