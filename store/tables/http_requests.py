"""Store: table of POST requests by Idempotency-Key, with the first response."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, String, Text
from sqlmodel import Field, SQLModel

from store.tables.types import Instant


class HttpRequestRow(SQLModel, table=True):
    """A POST with its Idempotency-Key. `scope` is the caller; `status` is NULL until the response is stored.

    `fingerprint` is a digest of path, query and body, so that the key cannot be used for another request. `body` is
    NULL again a day later: responses name people. Rows of release 0.2.0 have the path in `scope`.
    """

    __tablename__ = "http_requests"

    scope: str = Field(sa_column=Column(String(255), primary_key=True))
    key: str = Field(sa_column=Column(String(200), primary_key=True))
    fingerprint: str = Field(sa_column=Column(String(64), nullable=False))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False, index=True))
    status: int | None = None
    headers: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    body: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
