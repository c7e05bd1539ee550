"""Loaded by Schemathesis: cases that exist, fresh keys, the signatures of webhooks, and which failures are none."""

import json
import os
import uuid
from datetime import UTC, datetime
from itertools import cycle
from typing import Any, Final

import requests
import schemathesis
from schemathesis import Case, HookContext
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.transport import Response
from schemathesis.openapi.checks import IgnoredAuth, MissingHeaderNotRejected, RejectedPositiveData

from api.webhook_auth import sender_of
from api.webhook_signatures import AFTERCARE_HEADER, sign
from tests.api.schema_bodies import unexplained

NAMES_VARIABLE: Final = "FUZZ_NAMES"
"""Values of path parameters that exist, JSON: name and list."""
SECRETS_VARIABLE: Final = "FUZZ_WEBHOOK_SECRETS"
"""The secrets of webhooks by sender, JSON."""
_WEBHOOKS: Final = "/v1/webhooks/"
_IDEMPOTENCY_KEY: Final = "Idempotency-Key"
_COUNTRIES: Final = {"AE", "GB", "IE", "JP", "US"}
"""A postal code in none, in several forms, where it may be left out, and with states."""
_NAMES: Final = {name: cycle(values) for name, values in json.loads(os.environ.get(NAMES_VARIABLE, "{}")).items()}


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    for name in case.path_parameters:
        if name in _NAMES and not _negative(case, ParameterLocation.PATH):
            case.path_parameters[name] = next(_NAMES[name])
    if _IDEMPOTENCY_KEY in case.headers and not _negative(case, ParameterLocation.HEADER):
        case.headers[_IDEMPOTENCY_KEY] = uuid.uuid4().hex
    if case.path.startswith(_WEBHOOKS):
        kwargs["auth"] = _Signature(sender_of(case.path_parameters).name)


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:
    """Whether it is sent. Some countries stand for all 250, which would be every fourth request."""
    described = case.meta is not None and getattr(case.meta.phase.data, "description", None)
    body = case.body if isinstance(case.body, dict) else {}
    countries = [place.get("country") for place in (body, *body.values()) if isinstance(place, dict)]
    return not (str(described).endswith("'country' value: Enum value") and not set(countries) & _COUNTRIES)


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Whether it counts. A valid request may be refused by a rule, but is not `invalid_request`."""
    match failure:
        case RejectedPositiveData():
            problem = response.json()
            return problem["code"] == "invalid_request" and bool(unexplained(problem["errors"]))
        case IgnoredAuth():  # many wrong keys from one address are answered 429
            return not case.path.startswith(_WEBHOOKS) and "429 Too Many" not in failure.message
        case MissingHeaderNotRejected() | AcceptedNegativeData() if case.path.startswith(_WEBHOOKS):
            return "Signature" not in failure.message  # each request to a webhook is signed
    return True


def _negative(case: Case[Any], location: ParameterLocation) -> bool:
    """Whether what stands there is meant to be invalid."""
    return case.meta is not None and case.meta.is_negative_at(location)


class _Signature:
    """Signs the body as it is sent."""

    def __init__(self, sender: str) -> None:
        self._secret: str = json.loads(os.environ[SECRETS_VARIABLE]).get(sender, "")

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        assert isinstance(body, str | bytes)
        raw = body.encode() if isinstance(body, str) else body
        request.headers[AFTERCARE_HEADER] = sign(raw, self._secret, datetime.now(UTC))
        return request
