"""Benchmarks: which reminders are due, found the plain way: every term is read, no window, no index, no page.

It shares the rules with what it checks (domain.renewal), and none of the queries.
"""

from collections.abc import Iterator
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, select

from domain.catalogue import Catalogue, Model, Region
from domain.coverage import Quota, Term
from domain.dates import morning_of
from domain.device_snapshot import DeviceSnapshot
from domain.kinds import DeviceStatus, Service, TermKind
from domain.renewal import REMINDERS, latest_term, reminder_due, renewal
from store.tables.metadata import METADATA

KINDS = tuple(REMINDERS)


def due_names(connection: Connection, catalogue: Catalogue, as_of: date) -> set[str]:
    """The names of the reminders that a run as on `as_of` has to send now, in every region."""
    models = {model.slug: model for model in catalogue.models}
    regions = {region.code: region for region in catalogue.regions}
    mornings = {code: morning_of(as_of, region.time_zone) for code, region in regions.items()}
    sent, open_flyaways = _sent_kinds(connection), _open_flyaways(connection)
    due = set()
    for rows in _lineages(connection):
        terms = tuple(_term(row) for row in rows)
        latest = latest_term(terms)
        if latest is None or latest.ends_on is None or rows[0].lineage_id in open_flyaways:
            continue
        kind = reminder_due(latest.ends_on, as_of)
        if kind is None or sent.get(latest.id, -1) >= KINDS.index(kind):
            continue
        code = next(row.region for row in rows if row.id == latest.id)
        if _may_renew(rows[0], terms, models[rows[0].model], regions[code], mornings[code]):
            due.add(f"{latest.id}.{kind}.1")
    return due


def _lineages(connection: Connection) -> Iterator[list[Row[Any]]]:
    """The terms of each lineage that were not given back, with its current unit."""
    terms, devices = METADATA.tables["terms"], METADATA.tables["devices"]
    query = (
        select(terms, devices.c.serial_text, devices.c.status, devices.c.model, devices.c.replaced_on)
        .join(devices, devices.c.lineage_id == terms.c.lineage_id)
        .where(terms.c.ended_at.is_(None), devices.c.replaced_by.is_(None))
        .order_by(terms.c.lineage_id, terms.c.id)
    )
    rows = connection.execution_options(yield_per=5000).execute(query)
    for _, group in groupby(rows, key=lambda row: row.lineage_id):
        yield list(group)


def _may_renew(unit: Row[Any], terms: tuple[Term, ...], model: Model, region: Region, moment: datetime) -> bool:
    snapshot = DeviceSnapshot(
        serial_number=unit.serial_text,
        status=DeviceStatus(unit.status),
        lineage_id=unit.lineage_id,
        current_serial_number=unit.serial_text,
        replaced_on=unit.replaced_on,
        activated_at=None,
        model=model,
        region=region,
        terms=terms,
        uses=(),
        bindings=(),
        open_claim_id=None,
        amount_owed=None,
    )
    return renewal(snapshot, moment).eligible


def _term(row: Row[Any]) -> Term:
    quota = Quota(row.total, row.flyaway_cap)
    return Term(row.id, TermKind(row.kind), quota, row.starts_at, row.ends_on, row.ends_at)


def _sent_kinds(connection: Connection) -> dict[str, int]:
    """The latest kind each term's owner was sent, as its place in KINDS."""
    mails = METADATA.tables["mails"]
    query = select(mails.c.claim_id, mails.c.kind).where(mails.c.kind.in_(KINDS))
    sent: dict[str, int] = {}
    for term_id, kind in connection.execute(query):
        sent[term_id] = max(sent.get(term_id, -1), KINDS.index(kind))
    return sent


def _open_flyaways(connection: Connection) -> set[str]:
    claims = METADATA.tables["claims"]
    query = select(claims.c.open_lineage).where(
        claims.c.open_lineage.is_not(None), claims.c.service == Service.FLYAWAY.value
    )
    return set(connection.execute(query).scalars())
