"""Benchmarks: any number of activated drones with a one-year plan and a bound controller, written in bulk."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import Engine, insert

from benchmarks import databases
from domain.catalogue import Region, expected_components
from domain.coverage import new_term, quota_for
from domain.kinds import Category, Component, DeviceStatus, TermKind
from store.seed import demo_catalogue
from store.tables.metadata import METADATA

MODEL: Final = "mavic-3"
REGION: Final = "US"
_SINCE: Final = timedelta(days=60)
_KIND: Final = TermKind.ONE_YEAR

Row = dict[str, Any]


@cache
def region() -> Region:
    """The region of all of them."""
    return next(region for region in demo_catalogue().regions if region.code == REGION)


@cache
def components() -> tuple[Component, ...]:
    """The components that are expected back of each."""
    return expected_components(next(model for model in demo_catalogue().models if model.slug == MODEL), False)


def lineage_of(serial: str) -> str:
    """The lineage of the drone `serial`."""
    return f"lin_{serial.lower()}"


class CoveredDevices:
    """Drones for one run: each is taken once, because it can have one open claim.

    `prefix` begins their serial numbers, and so the ids of their claims.
    """

    def __init__(self, engine: Engine, prefix: str = "FLOOR") -> None:
        self._engine = engine
        self._prefix = prefix
        self._written = 0
        self._since = datetime.now(UTC).replace(microsecond=0) - _SINCE
        self._term = new_term("", _KIND, quota_for(_KIND, Category.DRONE, True), self._since, region().time_zone)

    def take(self, count: int) -> list[str]:
        """Write `count` more; their serial numbers."""
        numbers = range(self._written, self._written + count)
        self._written += count
        serials = [f"{self._prefix}{number:06}" for number in numbers]
        with self._engine.begin() as connection:
            for table, row in (
                ("lineages", self._lineage),
                ("devices", self._device),
                ("bindings", self._binding),
                ("terms", self._plan),
            ):
                connection.execute(insert(METADATA.tables[table]), [row(serial) for serial in serials])
        databases.settle(self._engine)
        return serials

    def _lineage(self, serial: str) -> Row:
        email = f"{serial.lower()}@example.com"
        return {"id": lineage_of(serial), "owner_name": "Ada Marsh", "owner_email": email, "created_at": self._since}

    def _device(self, serial: str) -> Row:
        return {
            "serial_number": serial,
            "serial_text": serial,
            "lineage_id": lineage_of(serial),
            "generation": 0,
            "model": MODEL,
            "region": REGION,
            "status": DeviceStatus.CURRENT.value,
            "activated_at": self._since,
            "registered_at": self._since,
        }

    def _binding(self, serial: str) -> Row:
        return {"serial_number": serial, "remote_controller": f"RC-{serial}", "bound_at": self._since}

    def _plan(self, serial: str) -> Row:
        return {
            "id": f"trm_{serial.lower()}",
            "lineage_id": lineage_of(serial),
            "region": REGION,
            "kind": _KIND.value,
            "total": self._term.quota.total,
            "flyaway_cap": self._term.quota.flyaway_cap,
            "starts_at": self._term.starts_at,
            "ends_on": self._term.ends_on,
            "ends_at": self._term.ends_at,
            "purchased_at": self._since,
        }
