"""Store: a catalogue as a file: read with every fault named, compared with the one in force, written out again."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

from domain.catalogue import Catalogue, Model, Offer, Problem, Region
from domain.money import Money
from store.catalogue import CATALOGUES, CatalogueRefused, parse

REMARKS: Final = frozenset({"about", "rates"})
"""Fields of a file that are for its readers alone."""


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
        CatalogueRefused: with all problems at once, of the file first, then of shape, then of sense.
        OSError: the file cannot be read.
    """
    twice: list[str] = []

    def no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice.extend(sorted({name for name in names if names.count(name) > 1}))
        return dict(pairs)

    try:
        document = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=no_doubles)
    except (ValueError, RecursionError) as error:
        raise CatalogueRefused([Problem(file.name, "R-CAT-1", f"This is not JSON: {error}.")]) from None
    found = [Problem(name, "R-CAT-1", "The field stands twice in one place.") for name in twice]
    found += _unknown_fields(document)
    try:
        catalogue = parse(document)
    except CatalogueRefused as refused:
        raise CatalogueRefused([*found, *refused.problems]) from None
    if found:
        raise CatalogueRefused(found)
    return catalogue


def write_file(catalogue: Catalogue) -> str:
    """`catalogue` as the text of a file that reads back as the same one."""
    return json.dumps(CATALOGUES.dump_python(catalogue, mode="json"), indent=2, ensure_ascii=False) + "\n"


def differences(old: Catalogue, new: Catalogue) -> list[Change]:
    """What changes when `new` comes after `old`, in the order of the catalogue; empty when nothing does."""
    found = [*_compared("regions", {r.code: r for r in old.regions}, {r.code: r for r in new.regions})]
    found += _compared("models", {m.slug: m for m in old.models}, {m.slug: m for m in new.models})
    for name, before, after in (
        ("regions", [r.code for r in old.regions], [r.code for r in new.regions]),
        ("models", [m.slug for m in old.models], [m.slug for m in new.models]),
    ):
        if sorted(before) == sorted(after) and before != after:
            found.append(Change(name, "changed", ", ".join(before), ", ".join(after)))
    return found


def _compared(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Change]:
    for name in dict.fromkeys([*old, *new]):
        path = f"{where}.{name}"
        if name not in old:
            yield Change(path, "added", new=_spoken(new[name]))
        elif name not in new:
            yield Change(path, "removed", old=_spoken(old[name]))
        elif old[name] != new[name]:
            yield from _changed(path, old[name], new[name])


def _changed(where: str, old: Any, new: Any) -> Iterable[Change]:
    if isinstance(old, (Region, Model, Offer)):
        yield from _compared(where, _parts(old), _parts(new))
    elif isinstance(old, Mapping):
        yield from _compared(where, old, new)
    else:
        yield Change(where, "changed", _spoken(old), _spoken(new))


def _parts(thing: Region | Model | Offer) -> dict[str, Any]:
    return {field.name: getattr(thing, field.name) for field in fields(thing)}


def _spoken(value: Any) -> str:
    """A value of a catalogue as a person reads it."""
    match value:
        case Region() | Model():
            return value.name
        case Offer():
            return f"{value.product_value}, {_spoken(value.prices)}, fees {_spoken(value.fees)}, hold {value.hold}"
        case Money() | str() | int():
            return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
        case None:
            return "none"
        case Mapping():
            return ", ".join(f"{name} {_spoken(part)}" for name, part in value.items()) or "none"
        case _:
            return ", ".join(map(_spoken, value)) or "none"


def _unknown_fields(document: Any) -> Iterable[Problem]:
    """A field nobody knows is a misspelt one; its right name would silently have its default."""
    if not isinstance(document, dict):
        return
    yield from _strange("", document, Catalogue, REMARKS)
    for region in _dicts(document.get("regions")):
        yield from _strange(f"regions.{region.get('code')}.", region, Region)
    for model in _dicts(document.get("models")):
        where = f"models.{model.get('slug')}"
        yield from _strange(f"{where}.", model, Model)
        offers = model.get("offers")
        for code, offer in offers.items() if isinstance(offers, dict) else ():
            if isinstance(offer, dict):
                yield from _strange(f"{where}.offers.{code}.", offer, Offer)


def _strange(where: str, given: dict[str, Any], kind: Any, also: frozenset[str] = frozenset()) -> Iterable[Problem]:
    known = {field.name for field in fields(kind)} | also
    for name in given:
        if name not in known:
            yield Problem(f"{where}{name}", "R-CAT-1", "There is no such field.")


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
