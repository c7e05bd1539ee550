"""Store: the table of mails that are written with their claims' records and have not gone out yet."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Integer, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.instants import Instant

_WAITS = text("failed_at IS NULL")
_GIVEN_UP = text("failed_at IS NOT NULL")


class OutboxMailRow(SQLModel, table=True):
    """A mail to be sent: one per claim, kind and occurrence. When it has gone out its row moves to `mails`.

    `document` is a messages.mail.SendMail as JSON text: the claim as it stood. `at` is the moment on the claim's clock,
    every other instant is the wall clock's. `next_try_at` is `written_at` until a try has failed. `failed_at` is when
    it was given up, with the kind of the last `error`; `told` says whether its claim's workflow knows.
    """

    __tablename__ = "outbox_mails"
    __table_args__ = (
        UniqueConstraint("claim_id", "kind", "occurrence"),
        # In the order of delivery. The last two are counted without a look at the documents, of which many may wait.
        Index(
            "ix_outbox_mails_due",
            "next_try_at",
            "id",
            "attempts",
            "written_at",
            sqlite_where=_WAITS,
            postgresql_where=_WAITS,
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
