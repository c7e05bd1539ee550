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
    """A remote controller bound to one serial number from `bound_at` until `unbound_at` (None: still bound).

    `told_at` is when we were told of it; None for one told to release 0.2.0, which did not keep that.
    """

    remote_controller: str
    bound_at: datetime
    unbound_at: datetime | None = None
    told_at: datetime | None = None

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

    def bindings_at(self, instant: datetime) -> tuple[Binding, ...]:
        """The bindings in force at `instant` (edge cases 41, 43)."""
        return tuple(binding for binding in self.bindings if binding.active_at(instant))

    def counts_for_flyaway(self, binding: Binding) -> bool:
        """R-FLY-8: a binding counts when it was made on the day of the first purchase or later."""
        since = self.terms[0].bindings_from if self.terms else None
        return bool(self.terms) and (since is None or binding.bound_at >= since)

    def binding_told_late(self, incident: datetime) -> datetime | None:
        """R-FLY-8: when the binding that counts at `incident` was told, if only after it: staff are to see that."""
        told = [b.told_at for b in self.bindings_at(incident) if self.counts_for_flyaway(b)]
        late = [at for at in told if at is not None and at > incident]
        return min(late) if late and len(late) == len(told) else None


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
