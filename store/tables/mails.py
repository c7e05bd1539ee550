"""Store: table of the mails that were sent."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from store.tables.types import Instant


class MailRow(SQLModel, table=True):
    """A mail that was sent: once per claim, kind and occurrence (R-NOT-1). `at` is an instant of the claim's clock.

    A renewal reminder is about a term, not a claim: `claim_id` is then the term's.
    """

    __tablename__ = "mails"

    claim_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    occurrence: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    message_id: str = Field(unique=True)
    recipient: str
    subject: str
    at: datetime = Field(sa_type=Instant)
