"""Store: tables of API keys: whose key it is and what it may do, and the digests of its secrets."""

from datetime import datetime

from sqlalchemy import JSON, Column, ForeignKey, String
from sqlmodel import Field, SQLModel

from store.tables.types import Instant


class ApiKeyRow(SQLModel, table=True):
    """A key. `owner` names the person or system that uses it; `scopes` narrows its role, NULL when it does not.

    `last_used_at` is at most a minute behind. A revoked key stays, for the names in the audit trail.
    """

    __tablename__ = "api_keys"

    id: str = Field(primary_key=True)
    owner: str
    role: str
    scopes: list[str] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    created_at: datetime = Field(sa_type=Instant)
    created_by: str
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    last_used_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_by: str | None = None


class ApiKeySecretRow(SQLModel, table=True):
    """A secret of a key: the SHA-256 of it in hexadecimal. `ends_at` is set when another secret replaces it."""

    __tablename__ = "api_key_secrets"

    digest: str = Field(sa_column=Column(String(64), primary_key=True))
    key_id: str = Field(sa_column=Column(ForeignKey("api_keys.id"), nullable=False, index=True))
    created_at: datetime = Field(sa_type=Instant)
    ends_at: datetime | None = Field(default=None, sa_type=Instant)
