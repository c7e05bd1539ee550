"""Store: the outbox table: mails that are written in the transaction that saves their claim, until they are sent."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Integer, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.tables.types import Instant

_PENDING = text("failed_at IS NULL")
_GIVEN_UP = text("failed_at IS NOT NULL")


class OutboxMailRow(SQLModel, table=True):
    """A mail to be sent: one per claim, kind and occurrence. When it is sent its row moves to `mails`.

    `document` is a messages.mail.SendMail as JSON text, with the claim as it was then. `at` is an instant of the
    claim's clock, the others are the wall clock's. `next_try_at` is `written_at` until an attempt has failed.
    `failed_at` is when it was given up, with the kind of the last `error`; `told` is whether this was reported to the
    claim's workflow.
    """

    __tablename__ = "outbox_mails"
    __table_args__ = (
        UniqueConstraint("claim_id", "kind", "occurrence"),
        # In the order of delivery. The last two columns make the index cover the counts of pending mails.
        Index(
            "ix_outbox_mails_due",
            "next_try_at",
            "id",
            "attempts",
            "written_at",
            sqlite_where=_PENDING,
            postgresql_where=_PENDING,
        ),
        Index("ix_outbox_mails_given_up", "told", "id", sqlite_where=_GIVEN_UP, postgresql_where=_GIVEN_UP),
    )

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    claim_id: str
    kind: str
    occurrence: int
    at: datetime = Field(sa_type=Instant)
    document: str = Field(sa_type=Text)
    written_at: datetime = Field(sa_type=Instant)
    attempts: int = 0
    first_tried_at: datetime | None = Field(default=None, sa_type=Instant)
    next_try_at: datetime = Field(sa_type=Instant)
    failed_at: datetime | None = Field(default=None, sa_type=Instant)
    error: str | None = None
    told: bool = False
