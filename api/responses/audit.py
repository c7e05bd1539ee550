"""API: the audit trail."""

from typing import Self

from pydantic import Field

from api.openapi_examples import with_example
from api.responses.base import Moment, Page, View
from api.responses.claims import CLAIM_ID
from store.audit_trail import AuditEntry

_EXAMPLE = {
    "id": 4711,
    "at": "2026-11-30T09:15:00Z",
    "actor_id": "key_nb2wk3dpmf2gk4tt",
    "actor": "Depot Portland",
    "role": "warehouse",
    "action": "report_dispatch",
    "claim_id": CLAIM_ID,
    "serial_number": None,
    "subject": None,
    "request_id": "5f0c2f6f7f0e4b559a3c2f9f2a3c9f11",
    "status": 200,
}


class AuditEntryView(View):
    """One command, reported event or read of personal data."""

    model_config = with_example(_EXAMPLE)

    id: int
    at: Moment
    actor_id: str = Field(
        description="A key's id, `environment:` and a digest for a key of the environment, `webhook:` and the sender, "
        "or `command line:` and the operator."
    )
    actor: str = Field(description="The name of the key's owner then; the role for a key of the environment.")
    role: str | None = Field(description="The role of the key; null for a webhook and the command line.")
    action: str = Field(description="The operation's id in this document, for example `report_dispatch`.")
    claim_id: str | None = Field(description="The claim it is about; null without one.")
    serial_number: str | None = Field(description="The device it is about, by the number used; null without one.")
    subject: str | None = Field(description="The plan, parcel or key it is about; null without one.")
    request_id: str | None = Field(description="The request's `X-Request-Id`; null for the command line.")
    status: int = Field(description="The HTTP status of the response: 200 to 299 when it was done.")

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        return cls.model_validate(entry)


class AuditList(Page[AuditEntryView]):
    model_config = with_example({"items": [_EXAMPLE], "next_cursor": None})
