"""Store: the metadata of all tables, which the migrations are compared with."""

from typing import Final

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from store.tables import (
    api_keys,
    audit_entries,
    catalogue,
    claims,
    devices,
    http_requests,
    ledger,
    mails,
    outbox,
    payment_attempts,
    reconciliation,
    reported_events,
    saved_cards,
    sessions,
    simulated_gateway,
    warehouse,
    webhook_events,
)

METADATA: Final[MetaData] = SQLModel.metadata
"""Complete once the modules below are imported."""
TABLE_MODULES: Final = (
    api_keys,
    audit_entries,
    catalogue,
    claims,
    devices,
    http_requests,
    ledger,
    mails,
    outbox,
    payment_attempts,
    reconciliation,
    reported_events,
    saved_cards,
    sessions,
    simulated_gateway,
    warehouse,
    webhook_events,
)
