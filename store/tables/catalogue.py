"""Store: tables of the catalogue: regions, models with their offers, and the releases that were loaded."""

from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel


class RegionRow(SQLModel, table=True):
    """A sales region: `document` is a domain.catalogue.Region, `position` its place in the catalogue."""

    __tablename__ = "catalogue_regions"

    code: str = Field(primary_key=True)
    position: int
    document: dict[str, Any] = Field(sa_type=JSON)


class ModelRow(SQLModel, table=True):
    """A product: `document` is a domain.catalogue.Model with its offers."""

    __tablename__ = "catalogue_models"

    slug: str = Field(primary_key=True)
    position: int
    document: dict[str, Any] = Field(sa_type=JSON)


class CatalogueReleaseRow(SQLModel, table=True):
    """One loading of a catalogue. Readers cache a catalogue by `digest`; the highest number is the one in force."""

    __tablename__ = "catalogue_releases"

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    digest: str
