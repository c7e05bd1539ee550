"""Store: table of the double-entry ledger. Triggers refuse to change or delete a line."""

from datetime import datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

from store.tables.append_only import append_only_triggers, create_with_table
from store.tables.types import Instant


class LedgerEntryRow(SQLModel, table=True):
    """One line of the double-entry ledger. The lines of one `key` sum to zero per currency; none is ever changed."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("key", "account", name="ledger_entries_once_per_key_and_account"),
        CheckConstraint("amount <> 0", name="ledger_entries_amount_not_zero"),
        Index("ix_ledger_entries_at", "at", "id"),
    )

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    at: datetime = Field(sa_type=Instant)
    subject: str = Field(index=True)
    account: str
    amount: int = Field(sa_type=BigInteger)
    currency: str
    key: str


LEDGER_TRIGGERS: Final = append_only_triggers(
    "ledger_entries", "id = NEW.id OR (key = NEW.key AND account = NEW.account)"
)
create_with_table("ledger_entries", LEDGER_TRIGGERS)
