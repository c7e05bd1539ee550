"""Store: table of staff sessions: who signed in in a browser, and until when."""

from datetime import datetime

from sqlalchemy import JSON, Column, String
from sqlmodel import Field, SQLModel

from store.tables.types import Instant


class SessionRow(SQLModel, table=True):
    """A session. `digest` is the SHA-256 of its token in hexadecimal, `sign_in` that of the state it began with.

    `person_id` comes from issuer and subject at the provider, so a person keeps it. `seen_at` is the last use, at most
    a minute behind. A session that has ended stays for a day: its `sign_in` cannot be used again.
    """

    __tablename__ = "sessions"

    digest: str = Field(sa_column=Column(String(64), primary_key=True))
    sign_in: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    person_id: str = Field(index=True)
    name: str
    roles: list[str] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(sa_type=Instant)
    seen_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_column=Column(Instant, nullable=False, index=True))
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
