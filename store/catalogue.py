"""Store: the catalogue as data. It is checked whole before any of it is written; a faulty one is refused whole."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ScalarSelect, func, literal, union_all
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.catalogue import Catalogue, Model, Problem, Region, problems
from domain.standing import model_named
from store.database import Ask, within
from store.tables import CatalogueReleaseRow, DeviceRow, ModelRow, RegionRow

CATALOGUES: Final = TypeAdapter(Catalogue)
REGIONS: Final = TypeAdapter(Region)
MODELS: Final = TypeAdapter(Model)
_REGION, _MODEL = 0, 1
_REMEMBERED: Final = 4
_known: dict[str, Catalogue] = {}
"""Catalogues by digest. A digest says everything that is in one, so what is remembered cannot grow old."""


class CatalogueRefused(Exception):
    """The catalogue cannot be sold from. `problems` names everything that is wrong with it (R-CAT-1)."""

    def __init__(self, found: Sequence[Problem]) -> None:
        super().__init__("\n".join(f"{p.where}: {p.message} ({p.rule})" for p in found))
        self.problems = tuple(found)


def parse(document: Any) -> Catalogue:
    """`document` (as JSON gives it) as a catalogue.

    Raises:
        CatalogueRefused: with all problems at once, of shape first, of sense when the shape is right.
    """
    try:
        catalogue = CATALOGUES.validate_python(document)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise CatalogueRefused(
            [Problem(".".join(str(step) for step in d["loc"]), "R-CAT-1", d["msg"]) for d in details]
        ) from None
    found = problems(catalogue)
    if found:
        raise CatalogueRefused(found)
    return catalogue


async def load(session: AsyncSession, catalogue: Catalogue) -> bool:
    """Make `catalogue` the one in force; False when it already was. Open claims keep what they agreed to (R-CAT-4).

    Raises:
        CatalogueRefused: it is unsound, or drops a model or region that registered devices still have.
    """
    found = [*problems(catalogue), *await missing(session, catalogue)]
    if found:
        raise CatalogueRefused(found)
    digest = hashlib.sha256(CATALOGUES.dump_json(catalogue)).hexdigest()
    number, latest = await release(session)
    if digest == latest:
        return False
    await session.exec(delete(RegionRow))
    await session.exec(delete(ModelRow))
    for place, region in enumerate(catalogue.regions):
        session.add(RegionRow(code=region.code, position=place, document=REGIONS.dump_python(region, mode="json")))
    for place, model in enumerate(catalogue.models):
        session.add(ModelRow(slug=model.slug, position=place, document=MODELS.dump_python(model, mode="json")))
    session.add(CatalogueReleaseRow(number=number + 1, digest=digest))
    await session.flush()
    return True


async def release(session: AsyncSession) -> tuple[int, str]:
    """Number and digest of the catalogue in force; (0, "") before the first."""
    newest = select(CatalogueReleaseRow).order_by(col(CatalogueReleaseRow.number).desc()).limit(1)
    row = (await session.exec(newest)).first()
    return (row.number, row.digest) if row else (0, "")


def digest_in_force() -> ScalarSelect[str]:
    """The digest of the catalogue in force, to be asked for along with something else."""
    newest = select(CatalogueReleaseRow.digest).order_by(col(CatalogueReleaseRow.number).desc()).limit(1)
    return newest.scalar_subquery()


_DIGEST: Final = select(digest_in_force())
# One statement sees one state: these documents are that digest's.
_EVERYTHING: Final = union_all(
    select(literal(_REGION).label("kind"), col(RegionRow.position), col(RegionRow.document), digest_in_force()),
    select(literal(_MODEL).label("kind"), col(ModelRow.position), col(ModelRow.document), digest_in_force()),
)


async def in_force(ask: Ask, digest: str | None = None) -> Catalogue:
    """The catalogue in force; empty before the first is loaded. It is read only when its digest is a new one.

    `digest` is what somebody who was just asked said that is in force.
    """
    if digest is None:
        digest = (await ask(_DIGEST, {}))[0][0]
    if digest is not None and digest in _known:
        return _known[digest]
    found = sorted(await ask(_EVERYTHING, {}), key=lambda row: (row[0], row[1]))
    catalogue = Catalogue(
        tuple(REGIONS.validate_python(row[2]) for row in found if row[0] == _REGION),
        tuple(MODELS.validate_python(row[2]) for row in found if row[0] == _MODEL),
    )
    if found and found[0][3] is not None:
        while len(_known) >= _REMEMBERED:
            del _known[next(iter(_known))]
        _known[found[0][3]] = catalogue
    return catalogue


async def read(session: AsyncSession) -> Catalogue:
    """The catalogue in force; empty before the first is loaded."""
    return await in_force(within(session))


async def regions(session: AsyncSession) -> tuple[Region, ...]:
    """Every region, in the catalogue's order."""
    return (await read(session)).regions


async def region(session: AsyncSession, code: str) -> Region | None:
    """The region of that code, if there is one."""
    return region_in(await read(session), code)


async def model(session: AsyncSession, slug: str) -> Model | None:
    """The model of that slug, if there is one."""
    return model_named(await read(session), slug)


def region_in(catalogue: Catalogue, code: str) -> Region | None:
    """The region of that code, if the catalogue has it."""
    return next((region for region in catalogue.regions if region.code == code), None)


async def missing(session: AsyncSession, catalogue: Catalogue) -> list[Problem]:
    """What registered devices need and `catalogue` lacks."""
    offered = {(m.slug, code) for m in catalogue.models for code in m.offers}
    needed = select(DeviceRow.model, DeviceRow.region, func.count()).group_by(DeviceRow.model, DeviceRow.region)
    return [
        Problem(f"models.{slug}.offers.{code}", "R-CAT-1", f"{count} registered devices still need this offer.")
        for slug, code, count in await session.exec(needed)
        if (slug, code) not in offered
    ]
