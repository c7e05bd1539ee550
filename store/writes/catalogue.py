"""Store, write side: loading a catalogue, which is validated as a whole before any of it is written."""

import hashlib
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import func
from sqlmodel import delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.catalogue import Catalogue, Problem, problems
from store.reads.catalogue import CATALOGUES, MODELS, REGIONS, release
from store.tables.catalogue import CatalogueReleaseRow, ModelRow, RegionRow
from store.tables.devices import DeviceRow


class CatalogueRefused(Exception):
    """The catalogue is invalid. `problems` has everything that is wrong with it (R-CAT-1)."""

    def __init__(self, found: Sequence[Problem]) -> None:
        super().__init__("\n".join(f"{p.where}: {p.message} ({p.rule})" for p in found))
        self.problems = tuple(found)


def parse_catalogue(document: Any) -> Catalogue:
    """`document` (parsed JSON) as a catalogue.

    Raises:
        CatalogueRefused: with all problems at once, of the schema or, when that is right, of the rules.
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


async def load_catalogue(session: AsyncSession, catalogue: Catalogue) -> bool:
    """Put `catalogue` in force; False when it already is. Open claims keep their agreed terms (R-CAT-4).

    Raises:
        CatalogueRefused: it is invalid, or drops a model or region that registered devices still have.
    """
    found = [*problems(catalogue), *await missing_offers(session, catalogue)]
    if found:
        raise CatalogueRefused(found)
    digest = hashlib.sha256(CATALOGUES.dump_json(catalogue)).hexdigest()
    number, latest = await release(session)
    if digest == latest:
        return False
    await session.exec(delete(RegionRow))
    await session.exec(delete(ModelRow))
    for position, region in enumerate(catalogue.regions):
        session.add(RegionRow(code=region.code, position=position, document=REGIONS.dump_python(region, mode="json")))
    for position, model in enumerate(catalogue.models):
        session.add(ModelRow(slug=model.slug, position=position, document=MODELS.dump_python(model, mode="json")))
    session.add(CatalogueReleaseRow(number=number + 1, digest=digest))
    await session.flush()
    return True


async def missing_offers(session: AsyncSession, catalogue: Catalogue) -> list[Problem]:
    """The offers that registered devices need and `catalogue` lacks."""
    offered = {(m.slug, code) for m in catalogue.models for code in m.offers}
    needed = select(DeviceRow.model, DeviceRow.region, func.count()).group_by(DeviceRow.model, DeviceRow.region)
    return [
        Problem(f"models.{slug}.offers.{code}", "R-CAT-1", f"{count} registered devices still need this offer.")
        for slug, code, count in await session.exec(needed)
        if (slug, code) not in offered
    ]
