"""Processes killed by SIGKILL at the worst times: nothing is lost, nothing is charged twice."""

import asyncio
import contextlib
import os
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflowservice.v1 import UpdateActivityOptionsRequest
from temporalio.service import RPCError

from devstack.commands import scratch_settings
from devstack.stack import PARTS, Part, Stack
from settings import Settings
from settings.constants import DEVELOPMENT_KEY
from tests.system import crashing_worker
from tests.system.claims_api import ALL_BACK, ClaimsApi, Json, new_serial

ROOT = Path(__file__).parents[2]
FEE, HOLD = 15900, 164000
_PATIENCE = 60.0
_CALLERS_PATIENCE = 3.0
_POLL = 0.01


@asynccontextmanager
async def running(settings: Settings, parts: tuple[Part, ...] = PARTS) -> AsyncIterator[tuple[Stack, ClaimsApi]]:
    headers = {"Authorization": f"Bearer {DEVELOPMENT_KEY}"}
    async with (
        Stack(settings, parts=parts) as stack,
        httpx2.AsyncClient(base_url=stack.api_url, headers=headers, timeout=60, trust_env=False) as http,
    ):
        yield stack, ClaimsApi(http)


async def insist(claims_api: ClaimsApi, path: str, body: Json, key: str) -> Json:
    """Repeat the request with the same key until there is a response, as a caller does."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            with contextlib.suppress(httpx2.TransportError):
                response = await claims_api.post(path, body, key, timeout=_CALLERS_PATIENCE)
                if response.status_code < 500:
                    assert response.is_success, response.text
                    done: Json = response.json()
                    return done
            await asyncio.sleep(0.1)


async def hurry(stack: Stack, claim_id: str) -> None:
    """Let the server notice a killed worker's activity at once and not after half a minute."""
    described = await stack.client.get_workflow_handle(claim_id).describe()
    for pending in described.raw_description.pending_activities:
        if pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED:
            with contextlib.suppress(RPCError):  # it is over by now
                await stack.client.workflow_service.update_activity_options(
                    UpdateActivityOptionsRequest(
                        namespace=stack.client.namespace,
                        execution=WorkflowExecution(workflow_id=claim_id),
                        id=pending.activity_id,
                        activity_options=ActivityOptions(start_to_close_timeout=Duration(seconds=1)),
                        update_mask=FieldMask(paths=["start_to_close_timeout"]),
                    )
                )


async def seen(settings: Settings, question: str) -> None:
    """Return as soon as the query returns a row."""
    async with asyncio.timeout(_PATIENCE):
        with contextlib.closing(sqlite3.connect(settings.home / "aftercare.db", timeout=30)) as database:
            while not database.execute(question).fetchall():
                await asyncio.sleep(_POLL)


def mails(settings: Settings, claim_id: str) -> Counter[str]:
    """How often each kind of mail was sent to the claim's customer."""
    return Counter(file.name.split(".")[1] for file in settings.mail_folder.glob(f"{claim_id}.*"))


async def once_each(claims_api: ClaimsApi, settings: Settings, claim: Json, kinds: set[str]) -> None:
    await claims_api.until(claim, lambda _: set(mails(settings, claim["id"])) >= kinds)
    assert mails(settings, claim["id"]) == Counter(kinds)


@pytest.fixture(scope="module")
async def workerless(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Stack, ClaimsApi]]:
    """Temporal and API as processes; each test starts its own worker."""
    async with running(scratch_settings(tmp_path_factory.mktemp("home")), ("temporal", "api")) as both:
        yield both


async def test_an_api_killed_in_the_middle_of_a_submission_makes_one_claim(
    workerless: tuple[Stack, ClaimsApi],
) -> None:
    stack, claims_api = workerless
    await stack.start("worker")
    serial = await claims_api.covered()
    await stack.kill("worker")  # so that the submission is still waiting when the API dies
    body = claims_api.claim_body(serial)
    waiting = asyncio.create_task(claims_api.post("/claims", body, "claim"))
    async with asyncio.timeout(_PATIENCE):
        while not [found async for found in stack.client.list_workflows("WorkflowType = 'CareExpressPremium'")]:
            await asyncio.sleep(_POLL)
    await stack.kill("api")
    assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], httpx2.TransportError)
    await asyncio.gather(stack.start("api"), stack.start("worker"))
    claim = await insist(claims_api, "/claims", body, "claim")
    now = await claims_api.until(claim, lambda now: now["state"] == "awaiting_dispatch")
    assert [item["id"] for item in (await claims_api.get(f"/claims?serial_number={serial}"))["items"]] == [now["id"]]
    assert (await claims_api.money(claim))["service_fees"] == FEE
    assert await claims_api.uses(serial) == {"total": 2, "used": 0, "reserved": 1, "left": 1}
    await stack.kill("worker")


async def test_a_worker_that_dies_after_every_effect_repeats_none_of_them(
    workerless: tuple[Stack, ClaimsApi], tmp_path: Path
) -> None:
    """Mainly between the capture and its record: the second attempt finds the first one's result."""
    stack, claims_api = workerless
    fatal = (
        "hold_and_charge",
        "authorize_hold",
        "capture_hold",
        "refund_payment",
        "save_claim",
        crashing_worker.POSTED,
    )
    async with dying_and_rising(stack, tmp_path, fatal):
        serial = await claims_api.covered()
        claim = await insist(claims_api, "/claims", claims_api.claim_body(serial), "last will")
        await claims_api.until(claim, lambda now: now["state"] == "awaiting_dispatch")
        claim_path = f"/claims/{claim['id']}"
        await insist(claims_api, f"{claim_path}/dispatch", {"replacement_serial_number": new_serial("RP")}, "dispatch")
        await claims_api.post(f"/dev{claim_path}/fast-forward", {"until": "due"})
        await claims_api.until(claim, lambda now: now["state"] == "defaulted")
        assert await claims_api.money(claim) == {"card": -FEE - HOLD, "service_fees": FEE, "default_charges": HOLD}
        assert at_the_gateway(stack.settings, claim["id"]) == (FEE + HOLD, 0)
        await insist(claims_api, f"{claim_path}/arrival", {}, "arrival")
        box = {"serial_number": serial, "genuine": True, "components": ALL_BACK}
        await insist(claims_api, f"{claim_path}/inspection", box, "inspection")
        now = await claims_api.until(claim, lambda now: now["state"] == "closed")
        assert now["outcome"] == "late_return_refunded"
        assert set(os.listdir(tmp_path)) == set(fatal)
        assert await claims_api.money(claim) == {"card": -FEE, "service_fees": FEE}
        assert at_the_gateway(stack.settings, claim["id"]) == (FEE, 0)
        assert await claims_api.uses(serial) == {"total": 2, "used": 1, "reserved": 0, "left": 1}
        sent = {"settlement", "shipped", "rebind", "charged", "arrived", "refund"}
        sent |= {"due_minus_3", "due_minus_1", "due_day"}
        await once_each(claims_api, stack.settings, claim, sent)


@asynccontextmanager
async def dying_and_rising(stack: Stack, graves: Path, fatal: tuple[str, ...]) -> AsyncIterator[None]:
    """A worker that exits once after each of `fatal`, restarted each time."""
    environment = os.environ | stack.settings.to_environment() | {"TEMPORAL_ADDRESS": stack.temporal_address}
    command = (sys.executable, "-m", crashing_worker.__name__, str(graves), *fatal)

    async def one_after_the_other() -> None:
        while True:
            worker = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)
            try:
                assert await worker.wait() == crashing_worker.CODE, "it died of something else"
                for claim_id in open_claims(stack.settings):
                    await hurry(stack, claim_id)
            finally:
                if worker.returncode is None:
                    worker.kill()
                    await worker.wait()

    workers = asyncio.create_task(one_after_the_other())
    try:
        yield
    finally:
        workers.cancel()
        results = await asyncio.gather(workers, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError), results


def at_the_gateway(settings: Settings, claim_id: str) -> tuple[int, int]:
    """The customer's card at the gateway: the net amount, and the number of live holds."""
    question = "SELECT sum(captured - refunded), sum(state = 'authorized') FROM gateway_payments WHERE subject = ?"
    with contextlib.closing(sqlite3.connect(settings.home / "aftercare.db", timeout=30)) as database:
        kept, live = database.execute(question, [claim_id]).fetchone()
    return kept, live


def open_claims(settings: Settings) -> list[str]:
    with contextlib.closing(sqlite3.connect(settings.home / "aftercare.db", timeout=30)) as database:
        return [row[0] for row in database.execute("SELECT id FROM claims WHERE state != 'closed'")]


async def test_a_claim_completes_on_a_stack_killed_at_every_step(tmp_path: Path) -> None:
    """All processes at once, as in a power cut, when an effect has happened and is not reported yet."""
    settings = scratch_settings(tmp_path)

    async def power_cut(stack: Stack, request: Coroutine[Any, Any, object], moment: str) -> None:
        """Kill all processes as soon as the query returns a row."""
        pending = asyncio.create_task(request)
        await seen(settings, moment)
        stack.kill_all_now()
        pending.cancel()
        await asyncio.gather(pending, return_exceptions=True)

    async with running(settings) as (stack, claims_api):
        serial = await claims_api.covered()
        submission = claims_api.claim_body(serial)
        await power_cut(stack, insist(claims_api, "/claims", submission, "/claims"), "SELECT 1 FROM gateway_payments")

    # Each step repeats the request that was interrupted before, and is interrupted as soon as it has its effect.
    unit = {"replacement_serial_number": new_serial("RP")}
    box = {"serial_number": serial, "genuine": True, "components": ALL_BACK}
    steps: list[tuple[str, Json, str, str]] = [
        ("dispatch", unit, "awaiting_return", "SELECT 1 FROM use_entries WHERE kind = 'consumed'"),
        ("inspection", box, "closed", "SELECT 1 FROM gateway_payments WHERE state = 'released'"),
    ]
    again, body, reached, claim = "/claims", submission, "awaiting_dispatch", Json()
    for name, decision, state, moment in steps:
        async with running(settings) as (stack, claims_api):
            claim = await brought_to(stack, claims_api, again, body, reached)
            again, body, reached = f"/claims/{claim['id']}/{name}", decision, state
            if name == "inspection":
                await claims_api.arrived(claim)
            await power_cut(stack, insist(claims_api, again, body, again), moment)

    async with running(settings) as (stack, claims_api):
        claim = await brought_to(stack, claims_api, again, body, reached)
        assert claim["outcome"] == "hold_released"
        assert await claims_api.money(claim) == {"card": -FEE, "service_fees": FEE}
        assert at_the_gateway(settings, claim["id"]) == (FEE, 0)
        assert await claims_api.uses(serial) == {"total": 2, "used": 1, "reserved": 0, "left": 1}
        kinds = Counter(await claims_api.kinds(claim))
        assert {kinds[kind] for kind in ("replacement_dispatched", "parcel_arrived", "inspected", "hold_released")} == {
            1
        }
        await once_each(claims_api, settings, claim, {"settlement", "shipped", "rebind", "arrived", "released"})


async def brought_to(stack: Stack, claims_api: ClaimsApi, path: str, body: Json, state: str) -> Json:
    """The claim in that state, after the interrupted request was repeated."""
    for each in open_claims(stack.settings):
        await hurry(stack, each)
    return await claims_api.until(await insist(claims_api, path, body, path), lambda now: now["state"] == state)
