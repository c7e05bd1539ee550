"""Store: seed data of a development database: the demonstration catalogue and a few devices with cover."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlmodel.ext.asyncio.session import AsyncSession

from domain.catalogue import Catalogue
from domain.inspection import normalise_serial
from domain.kinds import Category, TermKind
from messages.registry import BindController, Owner, RegisterDevice
from store.database import Database
from store.reads import catalogue
from store.reads.device_snapshot import load_snapshot
from store.writes.catalogue import load_catalogue, parse_catalogue
from store.writes.registry import bind_controller, register_device, unpaid_term

DEMO_CATALOGUE: Final = Path(__file__).with_name("demo_catalogue.json")

DEMO_DEVICES: Final = (
    ("DEMO-MAVIC3-001", "mavic-3", "US", TermKind.ONE_YEAR, "Ada Marsh"),
    ("DEMO-MAVIC3-002", "mavic-3", "EU", TermKind.TWO_YEARS, "Bruno Keller"),
    ("DEMO-MINISE-001", "mini-se", "US", TermKind.ONE_YEAR, "Cleo Ortega"),
    ("DEMO-AIR3-001", "air-3", "JP", TermKind.ONE_YEAR, "Daichi Mori"),
    ("DEMO-FPV-001", "dji-fpv", "US", TermKind.ONE_YEAR, "Edda Lund"),
    ("DEMO-ACTION4-001", "osmo-action-4", "US", TermKind.ONE_YEAR, "Finn Doyle"),
    ("DEMO-RS4PRO-001", "rs-4-pro", "AU", TermKind.TWO_YEARS, "Gwen Archer"),
    ("DEMO-MINI3-001", "mini-3", "US", None, "Hana Novak"),
)
"""Serial number, model, region, plan (None: not yet bought), owner. Drones are bound to a remote controller."""


def demo_catalogue() -> Catalogue:
    """The demonstration catalogue, validated."""
    return parse_catalogue(json.loads(DEMO_CATALOGUE.read_text(encoding="utf-8")))


async def seed_development(database_url: str) -> None:
    """Load the demonstration catalogue into a database that has none, and the demo devices that are missing.

    May run at every start. A catalogue that was loaded stays, and demo devices it does not offer are left out.
    """
    database = Database(database_url)
    try:
        async with database.transaction() as session:
            if await catalogue.release(session) == (0, ""):
                await load_catalogue(session, demo_catalogue())
            now = datetime.now(UTC).replace(microsecond=0)
            for serial, model, region, kind, owner in DEMO_DEVICES:
                known = await catalogue.model(session, model)
                offered = known is not None and region in known.offers
                if offered and await load_snapshot(session, serial) is None:
                    await _add_device(session, serial, model, region, kind, owner, now)
    finally:
        await database.close()


async def _add_device(
    session: AsyncSession, serial: str, model: str, region: str, kind: TermKind | None, owner: str, now: datetime
) -> None:
    activated_at = now - timedelta(days=30 if kind else 1)
    register = RegisterDevice(
        serial_number=serial,
        model=model,
        region=region,
        owner=Owner(name=owner, email=f"{owner.lower().replace(' ', '.')}@example.com"),
        activated_at=activated_at,
        at=now,
    )
    await register_device(session, register)
    snapshot = await load_snapshot(session, serial)
    assert snapshot is not None
    if kind is not None:
        session.add(unpaid_term(snapshot, f"plan_demo_{normalise_serial(serial).lower()}", kind, activated_at))
    if snapshot.model.category is Category.DRONE:
        controller = f"RC-{serial}"
        bind = BindController(serial_number=serial, remote_controller=controller, bound_at=activated_at, at=now)
        await bind_controller(session, bind)
