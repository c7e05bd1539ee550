"""Invariants 1 to 6 and 13 of the payments specification; the state machine that checks them catches planted bugs."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test

from activities.payments.activities import GatewayPayments
from activities.payments.simulated.gateway import SimulatedGateway
from store.database import Database
from tests.payments.empty_database import empty_database
from tests.payments.payments_state_machine import PaymentsStateMachine
from tests.payments.payments_under_test import PaymentsUnderTest
from tests.payments.planted_bugs import (
    AcceptsAReusedKey,
    CapturesAfterRelease,
    CapturesTooMuch,
    ForgetsItsResults,
    ForgetsToExpire,
    KeepsHoldingTheRemainder,
    RefundsEachUpToTheWhole,
    TakesAFreshKeyPerRetry,
)

Open = tuple[Database, asyncio.AbstractEventLoop]
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop of its own: the rules are plain functions."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(scope="module")
def strict(loop: asyncio.AbstractEventLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = empty_database(tmp_path_factory.mktemp("strict"))
    yield database
    loop.run_until_complete(database.close())


@pytest.fixture(scope="module")
def trusting(loop: asyncio.AbstractEventLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Without CHECK constraints: the state machine must find the bug, not the database."""
    folder: Path = tmp_path_factory.mktemp("trusting")
    database = empty_database(folder, checks=False)
    yield database
    loop.run_until_complete(database.close())


def state_machine(under_test: PaymentsUnderTest) -> type[PaymentsStateMachine]:
    return type("Machine", (PaymentsStateMachine,), {"under_test": under_test})


def test_every_invariant_holds_for_every_request(strict: Database, loop: asyncio.AbstractEventLoop) -> None:
    run_state_machine_as_test(
        state_machine(PaymentsUnderTest(strict, loop)),
        settings=settings(max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=SLOW),
    )


@pytest.mark.parametrize(
    "bug",
    [
        CapturesAfterRelease,
        CapturesTooMuch,
        RefundsEachUpToTheWhole,
        KeepsHoldingTheRemainder,
        ForgetsItsResults,
        AcceptsAReusedKey,
        ForgetsToExpire,
        TakesAFreshKeyPerRetry,
    ],
)
def test_each_planted_bug_is_caught(
    bug: type[SimulatedGateway] | type[GatewayPayments], trusting: Database, loop: asyncio.AbstractEventLoop
) -> None:
    under_test = (
        PaymentsUnderTest(trusting, loop, gateway_type=bug)
        if issubclass(bug, SimulatedGateway)
        else PaymentsUnderTest(trusting, loop, payments=bug)
    )
    hunt = settings(
        max_examples=300,
        stateful_step_count=25,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate,),  # finding is enough, the example need not be shrunk
        verbosity=Verbosity.quiet,
        suppress_health_check=SLOW,
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(state_machine(under_test), settings=hunt)
