"""Domain: the service fee of a claim (R-CAT-3, R-FLY-4)."""

from datetime import datetime

from domain.catalogue import fee_for_use
from domain.coverage import tally, term_at
from domain.device_snapshot import DeviceSnapshot
from domain.kinds import Service
from domain.money import Money


def service_fee(service: Service, snapshot: DeviceSnapshot, now: datetime) -> Money | None:
    """The fee of a claim made at `now`; None for a flyaway of a model without flyaway cover.

    A replacement's fee depends on the uses of any kind in the active term; without a term it is the first fee.
    """
    if service is Service.FLYAWAY:
        return snapshot.offer.flyaway_fee
    term = term_at(snapshot.terms, now)
    used = tally(term, snapshot.uses)[0].used if term else 0
    return fee_for_use(snapshot.offer, used)
