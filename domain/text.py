"""Domain: which characters a text may have. Text that looks like another, or is not seen at all, is refused.

Names and notes are shown to staff and mailed to customers: a character that reverses the text after it, or that has no
width, makes them read something else than what is stored. What a script needs to be written is kept.
"""

import unicodedata
from typing import Final

_NEVER: Final = (
    r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e"
    r"\u2060-\u206f\u2800\u3164\ue000-\uf8ff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
)
"""The characters of the Basic Multilingual Plane that are refused wherever they stand, as part of a set of a regular
expression. No pattern that every reader of the document knows can say more; the descriptions do."""
LINES_PATTERN: Final = f"^[^{_NEVER}]*$"
REQUIRED_LINES_PATTERN: Final = rf"^[^{_NEVER}]*[^{_NEVER}\s][^{_NEVER}]*$"
LINE_PATTERN: Final = rf"^[^{_NEVER}\n\r]*$"
REQUIRED_LINE_PATTERN: Final = rf"^[^{_NEVER}\n\r]*[^{_NEVER}\s][^{_NEVER}\n\r]*$"
_ZWNJ, _ZWJ = "\u200c", "\u200d"
_LINE_BREAKS: Final = frozenset("\n\t\r")
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Alphabetic characters and marks by category that are never seen: fillers, joiners, the empty Braille pattern."""
_VISIBLE_FORMATS: Final = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
"""Format characters by category that are signs: they stand under or around Arabic and Kaithi numbers."""
_JOINED_SCRIPTS: Final = frozenset(
    {
        *("ARABIC", "SYRIAC", "MANDAIC", "NKO", "MONGOLIAN", "DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI"),
        *("ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "SINHALA", "KHMER", "MYANMAR", "TIBETAN"),
    }
)
"""Scripts in which a joiner or non-joiner changes how a word is written (Persian, Sinhala, Malayalam)."""
_REFUSED_CATEGORIES: Final = {
    "Cc": "control characters",
    "Cf": "invisible characters and marks that change the direction of the text",
    "Co": "characters without a meaning of their own (private use)",
    "Cs": "halves of characters (surrogates)",
    "Zl": "line separators",
    "Zp": "paragraph separators",
}


def several_lines(text: str) -> str:
    """`text` in Unicode's form NFC. Raises ValueError for a character that is not allowed in free text."""
    for position, character in enumerate(text):
        refused = None if character in _LINE_BREAKS else _refused(text, position, character)
        if refused:
            raise ValueError(f"{refused} are not allowed (U+{ord(character):04X} at position {position + 1})")
    return unicodedata.normalize("NFC", text)


def single_line(text: str) -> str:
    """As `several_lines`, without line breaks."""
    if "\n" in text or "\r" in text:
        raise ValueError("must be a single line")
    return several_lines(text)


def _refused(text: str, position: int, character: str) -> str | None:
    """What kind of character it is, if it is refused."""
    if character in _BLANK:
        return "invisible characters"
    if ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF:
        return "noncharacters"
    if _is_selector(character) and not _selects(text, position):
        return "variation selectors after a character without variants"
    if character in _VISIBLE_FORMATS or (character in (_ZWNJ, _ZWJ) and _joins(text, position)):
        return None
    return _REFUSED_CATEGORIES.get(unicodedata.category(character))


def _is_selector(character: str) -> bool:
    return "VARIATION SELECTOR" in unicodedata.name(character, "")


def _selects(text: str, position: int) -> bool:
    """Whether the selector stands after a character that may have variants: ideographs, Mongolian, signs, pictures."""
    return position > 0 and not unicodedata.name(text[position - 1], "").startswith(("LATIN", "GREEK", "CYRILLIC"))


def _joins(text: str, position: int) -> bool:
    """Whether the joiner at `position` stands where its script, or a picture made of several, needs it."""
    before = text[:position].rstrip("\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")[-1:]
    after = text[position + 1 : position + 2]
    if not before:
        return False
    if text[position] == _ZWJ and unicodedata.category(before) == "So":
        return bool(after) and unicodedata.category(after) == "So"
    return unicodedata.name(before, "").split(" ")[0] in _JOINED_SCRIPTS
