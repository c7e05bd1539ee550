"""Store: a catalogue as a JSON file: read with all its problems, compared with the one in force, and written."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

from domain.catalogue import Catalogue, Model, Offer, Problem, Region
from domain.money import Money
from domain.text import several_lines, single_line
from store.reads.catalogue import CATALOGUES
from store.writes.catalogue import CatalogueRefused, parse_catalogue

COMMENT_FIELDS: Final = frozenset({"about", "rates"})
"""Fields of a file that are comments."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two catalogues: the path of a field, and its values as a person reads them."""

    where: str
    kind: Literal["added", "removed", "changed"]
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        match self.kind:
            case "added":
                return f"+ {self.where}: {self.new}"
            case "removed":
                return f"- {self.where}: {self.old}"
            case "changed":
                return f"~ {self.where}: {self.old} -> {self.new}"


def read_file(file: Path) -> Catalogue:
    """The catalogue in `file`.

    Raises:
        CatalogueRefused: with all problems at once: of the file, then of the schema, then of the rules.
        OSError: the file cannot be read.
    """
    duplicates: list[str] = []

    def collect_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        duplicates.extend(sorted({name for name in names if names.count(name) > 1}))
        return dict(pairs)

    try:
        document = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=collect_duplicates)
    except (ValueError, RecursionError) as error:
        raise CatalogueRefused([Problem(file.name, "R-CAT-1", f"This is not JSON: {error}.")]) from None
    found = [Problem(name, "R-CAT-1", "The field stands twice in one place.") for name in duplicates]
    found += _unknown_fields(document)
    document = _plain("", document, found)
    try:
        catalogue = parse_catalogue(document)
    except CatalogueRefused as refused:
        raise CatalogueRefused([*found, *refused.problems]) from None
    if found:
        raise CatalogueRefused(found)
    return catalogue


def write_file(catalogue: Catalogue) -> str:
    """`catalogue` as the text of a file; `read_file` returns an equal one."""
    return json.dumps(CATALOGUES.dump_python(catalogue, mode="json"), indent=2, ensure_ascii=False) + "\n"


def differences(old: Catalogue, new: Catalogue) -> list[Change]:
    """What differs between `old` and `new`, in the order of the catalogue."""
    found = [*_compare("regions", {r.code: r for r in old.regions}, {r.code: r for r in new.regions})]
    found += _compare("models", {m.slug: m for m in old.models}, {m.slug: m for m in new.models})
    for name, before, after in (
        ("regions", [r.code for r in old.regions], [r.code for r in new.regions]),
        ("models", [m.slug for m in old.models], [m.slug for m in new.models]),
    ):
        if sorted(before) == sorted(after) and before != after:
            found.append(Change(name, "changed", ", ".join(before), ", ".join(after)))
    return found


def _compare(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Change]:
    for name in dict.fromkeys([*old, *new]):
        path = f"{where}.{name}"
        if name not in old:
            yield Change(path, "added", new=_format(new[name]))
        elif name not in new:
            yield Change(path, "removed", old=_format(old[name]))
        elif old[name] != new[name]:
            yield from _compare_values(path, old[name], new[name])


def _compare_values(where: str, old: Any, new: Any) -> Iterable[Change]:
    if isinstance(old, (Region, Model, Offer)):
        yield from _compare(where, _fields(old), _fields(new))
    elif isinstance(old, Mapping):
        yield from _compare(where, old, new)
    else:
        yield Change(where, "changed", _format(old), _format(new))


def _fields(value: Region | Model | Offer) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _format(value: Any) -> str:
    """A value of a catalogue as text for people."""
    match value:
        case Region() | Model():
            return value.name
        case Offer():
            return f"{value.product_value}, {_format(value.prices)}, fees {_format(value.fees)}, hold {value.hold}"
        case Money() | str() | int():
            return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
        case None:
            return "none"
        case Mapping():
            return ", ".join(f"{name} {_format(part)}" for name, part in value.items()) or "none"
        case _:
            return ", ".join(map(_format, value)) or "none"


def _plain(where: str, value: Any, found: list[Problem]) -> Any:
    """`value` with every text in Unicode's form NFC; adds a problem to `found` for each with a deceptive character.

    Regions and models are named by their code and slug, or by their number where that is itself such a text.
    """
    match value:
        case str():
            try:
                return several_lines(value) if where.partition(".")[0] in COMMENT_FIELDS else single_line(value)
            except ValueError as error:
                found.append(Problem(where, "R-CAT-1", f"The text is refused: {error}."))
                return value
        case dict():
            names = [(name, _plain(_below(where, repr(name)), name, found)) for name in value]
            return {plain: _plain(_below(where, plain), value[name], found) for name, plain in names}
        case list():
            return [_plain(_below(where, _name_of(item, number)), item, found) for number, item in enumerate(value, 1)]
        case _:
            return value


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _name_of(item: Any, number: int) -> str:
    """The code or slug of an item of a list, if it has one that can be shown; else its number from 1."""
    given = (item.get("code") or item.get("slug")) if isinstance(item, dict) else None
    return given if isinstance(given, str) and given.isascii() and given.isprintable() else str(number)


def _unknown_fields(document: Any) -> Iterable[Problem]:
    """Unknown fields are misspelt ones: the right field would silently get its default."""
    if not isinstance(document, dict):
        return
    yield from _unknown("", document, Catalogue, COMMENT_FIELDS)
    for region in _dicts(document.get("regions")):
        yield from _unknown(f"regions.{region.get('code')}.", region, Region)
    for model in _dicts(document.get("models")):
        where = f"models.{model.get('slug')}"
        yield from _unknown(f"{where}.", model, Model)
        offers = model.get("offers")
        for code, offer in offers.items() if isinstance(offers, dict) else ():
            if isinstance(offer, dict):
                yield from _unknown(f"{where}.offers.{code}.", offer, Offer)


def _unknown(where: str, given: dict[str, Any], kind: Any, also: frozenset[str] = frozenset()) -> Iterable[Problem]:
    known = {field.name for field in fields(kind)} | also
    for name in given:
        if name not in known:
            yield Problem(f"{where}{name}", "R-CAT-1", "There is no such field.")


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
