"""Store, read side: the catalogue in force."""

from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import ScalarSelect, literal, union_all
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.catalogue import Catalogue, Model, Region
from domain.device_snapshot import model_named
from store.database import connection_of
from store.tables.catalogue import CatalogueReleaseRow, ModelRow, RegionRow

CATALOGUES: Final = TypeAdapter(Catalogue)
REGIONS: Final = TypeAdapter(Region)
MODELS: Final = TypeAdapter(Model)
_REGION, _MODEL = 0, 1
_CACHE_SIZE: Final = 4
_cache: dict[str, Catalogue] = {}
"""Catalogues by the digest of their content: an entry never becomes stale."""


async def release(session: AsyncSession) -> tuple[int, str]:
    """Number and digest of the catalogue in force; (0, "") before the first."""
    newest = select(CatalogueReleaseRow).order_by(col(CatalogueReleaseRow.number).desc()).limit(1)
    row = (await session.exec(newest)).first()
    return (row.number, row.digest) if row else (0, "")


def digest_in_force() -> ScalarSelect[str]:
    """The digest of the catalogue in force, as a subquery of another statement."""
    newest = select(CatalogueReleaseRow.digest).order_by(col(CatalogueReleaseRow.number).desc()).limit(1)
    return newest.scalar_subquery()


_SELECT_DIGEST: Final = select(digest_in_force())
# One statement reads one state of the database: the documents belong to the digest.
_SELECT_CATALOGUE: Final = union_all(
    select(literal(_REGION).label("kind"), col(RegionRow.position), col(RegionRow.document), digest_in_force()),
    select(literal(_MODEL).label("kind"), col(ModelRow.position), col(ModelRow.document), digest_in_force()),
)


async def in_force(connection: AsyncConnection, digest: str | None = None) -> Catalogue:
    """The catalogue in force; empty before the first is loaded. It is read only when its digest is not cached.

    `digest` is the one in force, when the caller has read it already.
    """
    if digest is None:
        digest = (await connection.execute(_SELECT_DIGEST)).scalar()
    if digest is not None and digest in _cache:
        return _cache[digest]
    found = sorted(await connection.execute(_SELECT_CATALOGUE), key=lambda row: (row[0], row[1]))
    catalogue = Catalogue(
        tuple(REGIONS.validate_python(row[2]) for row in found if row[0] == _REGION),
        tuple(MODELS.validate_python(row[2]) for row in found if row[0] == _MODEL),
    )
    if found and found[0][3] is not None:
        while len(_cache) >= _CACHE_SIZE:
            del _cache[next(iter(_cache))]
        _cache[found[0][3]] = catalogue
    return catalogue


async def read(session: AsyncSession) -> Catalogue:
    """The catalogue in force; empty before the first is loaded."""
    await session.flush()
    return await in_force(connection_of(session))


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
