"""API: problem details (RFC 9457) and the table of their codes. Knows no route."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from domain.kinds import Action, ReasonCode
from domain.reasons import Reason

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5


class Code(StrEnum):
    INVALID_REQUEST = "invalid_request"
    CLAIM_REFUSED = "claim_refused"
    PLAN_REFUSED = "plan_refused"
    RENEWAL_REFUSED = "renewal_refused"
    REFUND_REFUSED = "refund_refused"
    MAINTENANCE_REFUSED = "maintenance_refused"
    COVER_FIXED = "cover_fixed"
    REFUSED = "refused"
    PAYMENT_DECLINED = "payment_declined"
    ACTION_NOT_ALLOWED = "action_not_allowed"
    HOLD_NOT_LIVE = "hold_not_live"
    PAYMENT_IN_PROGRESS = "payment_in_progress"
    CONFLICT = "conflict"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    REQUEST_TIMEOUT = "request_timeout"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    BAD_SIGNATURE = "bad_signature"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    TOO_MANY_REQUESTS = "too_many_requests"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """HTTP status and title of a code. `final`: the result of a decision, stored under the Idempotency-Key."""

    status: int
    title: str
    final: bool = False


PROBLEM_TYPES: dict[Code, ProblemType] = {
    Code.INVALID_REQUEST: ProblemType(422, "The request is not valid"),
    Code.CLAIM_REFUSED: ProblemType(422, "The claim cannot be made", final=True),
    Code.PLAN_REFUSED: ProblemType(422, "The plan cannot be bought", final=True),
    Code.RENEWAL_REFUSED: ProblemType(422, "The cover cannot be renewed", final=True),
    Code.REFUND_REFUSED: ProblemType(422, "The plan cannot be given back", final=True),
    Code.MAINTENANCE_REFUSED: ProblemType(422, "No maintenance code is issued", final=True),
    Code.COVER_FIXED: ProblemType(422, "Cover cannot be paused, moved or lengthened", final=True),
    Code.REFUSED: ProblemType(422, "A rule forbids it", final=True),
    Code.PAYMENT_DECLINED: ProblemType(402, "The card was declined", final=True),
    Code.ACTION_NOT_ALLOWED: ProblemType(409, "The claim does not take this now", final=True),
    Code.HOLD_NOT_LIVE: ProblemType(409, "Nothing secures the replacement", final=True),
    Code.PAYMENT_IN_PROGRESS: ProblemType(409, "A payment of the claim is in progress"),
    Code.CONFLICT: ProblemType(409, "It does not fit what is already there", final=True),
    Code.IDEMPOTENCY_KEY_REUSED: ProblemType(422, "The Idempotency-Key belongs to another request"),
    Code.NOT_FOUND: ProblemType(404, "There is no such thing"),
    Code.METHOD_NOT_ALLOWED: ProblemType(405, "The method is not allowed here"),
    Code.PAYLOAD_TOO_LARGE: ProblemType(413, "The body is too large"),
    Code.REQUEST_TIMEOUT: ProblemType(408, "The body did not arrive in time"),
    Code.UNSUPPORTED_MEDIA_TYPE: ProblemType(415, "The body must be JSON"),
    Code.BAD_SIGNATURE: ProblemType(400, "The webhook is not signed as it must be"),
    Code.UNAUTHORIZED: ProblemType(401, "A key is needed"),
    Code.FORBIDDEN: ProblemType(403, "The key does not allow this"),
    Code.TOO_MANY_REQUESTS: ProblemType(429, "Too many at once"),
    Code.RATE_LIMITED: ProblemType(429, "Too many requests in a minute"),
    Code.UNAVAILABLE: ProblemType(503, "Temporarily unavailable"),
    Code.INTERNAL_ERROR: ProblemType(500, "Something went wrong on our side"),
}


RETRIED = frozenset({Code.UNAVAILABLE, Code.PAYMENT_IN_PROGRESS, Code.TOO_MANY_REQUESTS, Code.RATE_LIMITED})
"""Codes that come with `Retry-After`."""


class FieldError(BaseModel):
    """`field` is the path in the body (`incident.occurred_at`), or the name of a parameter or header."""

    field: str
    message: str


class ReasonView(BaseModel):
    """Why, for programs (`code`), under which rule, and in words a customer can read."""

    model_config = ConfigDict(from_attributes=True)

    code: ReasonCode
    rule: str
    message: str


class ProblemView(BaseModel):
    """RFC 9457 problem details. Programs decide by `code`; the fields after `instance` come with the codes they fit."""

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int
    code: Code
    detail: str
    instance: str | None = None
    errors: list[FieldError] | None = None
    reasons: list[ReasonView] | None = None
    rule: str | None = None
    allowed_actions: list[Action] | None = None
    claim_id: str | None = None
    decline_code: str | None = None


@dataclass(slots=True)
class Problem(Exception):
    """Raised anywhere in the API; `api.error_handlers` sends it as the response.

    `provisional`: the situation may be repaired, so it is not stored under the Idempotency-Key although its code is
    final.
    """

    code: Code
    detail: str
    errors: Sequence[FieldError] = ()
    reasons: Sequence[Reason] = ()
    rule: str | None = None
    allowed_actions: Sequence[Action] | None = None
    claim_id: str | None = None
    decline_code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    provisional: bool = False

    @property
    def final(self) -> bool:
        return self.kind.final and not self.provisional

    @property
    def kind(self) -> ProblemType:
        return PROBLEM_TYPES[self.code]

    def view(self, instance: str | None = None) -> ProblemView:
        return ProblemView(
            type=f"urn:aftercare:problem:{self.code}",
            title=self.kind.title,
            status=self.kind.status,
            code=self.code,
            detail=self.detail,
            instance=instance,
            errors=list(self.errors) or None,
            reasons=self.reasons or None,
            rule=self.rule,
            allowed_actions=None if self.allowed_actions is None else list(self.allowed_actions),
            claim_id=self.claim_id,
            decline_code=self.decline_code,
        )

    def response(self, instance: str | None = None) -> JSONResponse:
        headers = dict(self.headers)
        if self.code in RETRIED:
            headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
        if self.code is Code.UNAUTHORIZED:
            headers.setdefault("WWW-Authenticate", "Bearer")
        body: dict[str, Any] = self.view(instance).model_dump(mode="json", exclude_none=True)
        return JSONResponse(body, self.kind.status, headers, MEDIA_TYPE)


def invalid(field_name: str, message: str) -> Problem:
    """422 invalid_request for one field."""
    return Problem(
        Code.INVALID_REQUEST, f"{field_name}: {message}", errors=[FieldError(field=field_name, message=message)]
    )


def declined(detail: str, code: str | None, *, rule: str | None = None, claim_id: str | None = None) -> Problem:
    """402. `code` is the gateway's reason: the issuer declined, or the gateway knows no such payment method."""
    reason = f" The gateway's reason: {code}." if code else ""
    return Problem(Code.PAYMENT_DECLINED, f"{detail}{reason}", rule=rule, claim_id=claim_id, decline_code=code)


def not_found(what: str) -> Problem:
    """404. `what` is part of the message: "device SN1"."""
    return Problem(Code.NOT_FOUND, f"There is no {what}.")


def unavailable(what: str) -> Problem:
    """503: `what` does not answer. A retry with the same Idempotency-Key finds what happened meanwhile."""
    return Problem(Code.UNAVAILABLE, f"{what} does not answer now. Try again with the same Idempotency-Key.")
