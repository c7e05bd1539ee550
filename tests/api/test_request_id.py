"""Each request has an id: the caller's, or one of ours."""

import uuid

import pytest

from api.request_id import HEADER
from tests.api.conftest import ApiHarness


@pytest.mark.parametrize(
    ("given", "kept"), [("web-shop.7_A", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("", False)]
)
async def test_a_response_has_the_callers_request_id_or_a_new_one(harness: ApiHarness, given: str, kept: bool) -> None:
    response = await harness.http.get("/healthz", headers={HEADER: given})
    answered = response.headers[HEADER]
    assert answered == given if kept else uuid.UUID(hex=answered)
