"""Schemathesis finds no response that the OpenAPI document does not have, and no invalid request that is accepted."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.app import create_app
from store.database import Database
from tests.api.conftest import KEYS, config
from tests.api.test_slow_clients import served
from tests.fakes.claim_commands import FakeClaimCommands
from tests.fuzz.runs import COVERAGE, Fuzzed, Names, cases, run
from tests.system.claims_api import ClaimsApi

SECRETS = {"simulated": "of the simulated gateway", "carrier-demo": "of the demo carrier"}
LIMITS = {"requests_per_key": 1_000_000, "requests_per_address": 1_000_000}
PLANTED = {
    "RejectedPositiveData POST /v1/claims/{claim_id}/extension",
    "AcceptedNegativeData POST /v1/unclaimed-parcels",
    "UndefinedStatusCode POST /v1/claims/{claim_id}/waiver",
    "JsonSchemaError GET /v1/claims/{claim_id}",
}
"""What is found in the document of `with_mistakes`."""


@dataclass
class Served:
    """The API on fakes at its address, and cases that it has."""

    url: str
    names: Names

    async def fuzzed(self, folder: Path, document: str, *options: str) -> Fuzzed:
        return await run(document, self.names, folder, SECRETS, (*COVERAGE, *options))


@pytest.fixture
async def api(sqlite_url: str, sqlite_database: Database) -> AsyncIterator[Served]:
    """Its time is now, as it is for what Schemathesis signs."""
    commands = FakeClaimCommands(sqlite_database, lambda: datetime.now(UTC))
    app = create_app(config(sqlite_url, webhook_secrets=SECRETS, **LIMITS), claim_commands=commands)
    async with app.router.lifespan_context(app), served(app, header_seconds=30) as port:
        url, headers = f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {next(iter(KEYS))}"}
        async with httpx2.AsyncClient(base_url=url, headers=headers, trust_env=False) as http:
            yield Served(url, await cases(ClaimsApi(http)))


async def test_every_response_is_in_the_document(api: Served, tmp_path: Path) -> None:
    fuzzed = await api.fuzzed(tmp_path, f"{api.url}/openapi.json")
    assert not fuzzed.failures, fuzzed.output
    assert fuzzed.requests > 3000


async def test_mistakes_in_the_document_are_found(api: Served, tmp_path: Path) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        document = (await http.get(f"{api.url}/openapi.json")).json()
    (tmp_path / "planted.json").write_text(json.dumps(with_mistakes(document)))
    paths = [option for planted in PLANTED for option in ("--include-path", planted.split(" ")[2])]
    fuzzed = await api.fuzzed(tmp_path, str(tmp_path / "planted.json"), "--url", api.url, *paths)
    assert fuzzed.failures >= PLANTED, fuzzed.output


def with_mistakes(document: dict[str, Any]) -> dict[str, Any]:
    """The document without some of its words, or with others."""
    schemas, paths = document["components"]["schemas"], document["paths"]
    schemas["ExtensionBody"]["properties"]["days"]["maximum"] += 1
    schemas["UnclaimedParcelBody"]["required"] = ["carrier"]
    del paths["/v1/claims/{claim_id}/waiver"]["post"]["responses"]["422"]
    schemas["ClaimView"]["required"].append("colour")
    return document
