"""Domain: everything that the rules need about one device at one time. The store reads it; other modules decide."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from domain.catalogue import Catalogue, Model, Offer, Region
from domain.coverage import Term, UseEntry
from domain.kinds import DeviceStatus
from domain.money import Money


@dataclass(frozen=True, slots=True)
class Binding:
    """A remote controller bound to one serial number from `bound_at` until `unbound_at` (None: still bound)."""

    remote_controller: str
    bound_at: datetime
    unbound_at: datetime | None = None

    def active_at(self, instant: datetime) -> bool:
        """R-FLY-1: bound_at <= instant < unbound_at."""
        return self.bound_at <= instant and (self.unbound_at is None or instant < self.unbound_at)


@dataclass(frozen=True, slots=True)
class MaintenanceCode:
    """The one code of a lineage (R-MNT-1, R-MNT-2). `expires_on` is its last day; `claim_id` the job it started."""

    code: str
    issued_on: date
    expires_on: date
    claim_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceSnapshot:
    """A device with its lineage: its model, cover, uses, amount owed and open claim.

    `terms` and `uses` are the lineage's; `bindings` are this serial number's alone (R-CLM-10). `verified_at` is the
    last approved video verification (R-PUR-2). Serial numbers are as they were given.
    """

    serial_number: str
    status: DeviceStatus
    lineage_id: str
    current_serial_number: str
    replaced_on: date | None
    activated_at: datetime | None
    model: Model
    region: Region
    terms: tuple[Term, ...]
    uses: tuple[UseEntry, ...]
    bindings: tuple[Binding, ...]
    open_claim_id: str | None
    amount_owed: Money | None
    verified_at: datetime | None = None
    maintenance_code: MaintenanceCode | None = None

    @property
    def offer(self) -> Offer:
        """What the model costs in the device's region."""
        return self.model.offers[self.region.code]

    def bound_at(self, instant: datetime) -> bool:
        """Whether any remote controller was bound at `instant` (edge cases 41, 43)."""
        return any(binding.active_at(instant) for binding in self.bindings)


def region_of_country(regions: Iterable[Region], country: str) -> Region | None:
    """The region that delivers to `country` (ISO 3166 alpha-2), if any."""
    return next((region for region in regions if country.upper() in region.countries), None)


def premium_delivers(regions: Iterable[Region], country: str) -> bool:
    """Whether Premium is sent to `country`: only where a region delivers and offers it (R-EXP-3, edge case 53)."""
    region = region_of_country(regions, country)
    return region is not None and region.premium


def model_named(catalogue: Catalogue, slug: str) -> Model | None:
    """The model with that slug, if the catalogue has it."""
    return next((model for model in catalogue.models if model.slug == slug), None)
