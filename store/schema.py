"""Store: every table there is, whoever's room asked for it. What migrations are held against."""

from typing import Final

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from store import attempt_table, outbox_table, payment_tables, reconciliation_tables, requests, tables, webhooks

METADATA: Final[MetaData] = SQLModel.metadata
"""Complete once these modules are imported, which naming them here makes sure of."""
TABLE_MODULES: Final = (tables, payment_tables, attempt_table, outbox_table, reconciliation_tables, requests, webhooks)
