"""Domain: what a claim costs the customer before anything goes wrong (R-CAT-3, R-FLY-4)."""

from datetime import datetime

from domain.catalogue import fee_for_use
from domain.coverage import tally, term_at
from domain.device_snapshot import DeviceSnapshot
from domain.kinds import Service
from domain.money import Money


def service_fee(service: Service, snapshot: DeviceSnapshot, now: datetime) -> Money | None:
    """The fee of a claim made at `now`; None for a flyaway of a model without flyaway cover.

    A replacement's fee depends on how many uses of any kind the active term has seen; without a term it is the first.
    """
    if service is Service.FLYAWAY:
        return snapshot.offer.flyaway_fee
    term = term_at(snapshot.terms, now)
    used = tally(term, snapshot.uses)[0].used if term else 0
    return fee_for_use(snapshot.offer, used)
