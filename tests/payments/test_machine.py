"""Invariants 1 to 6 and 13 of the payments specification, and that the machine which holds them is no decoration."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test

from activities.payments import GatewayPayments
from activities.simulated_bank import SimulatedBank
from store.database import Database
from tests.payments.machine import PaymentsMachine, World
from tests.payments.planted import (
    AnswersAReusedKey,
    CapturesAfterRelease,
    CapturesTooMuch,
    ForgetsItsAnswers,
    ForgetsToExpire,
    KeepsHoldingTheRemainder,
    RefundsEachUpToTheWhole,
    TakesAFreshKeyPerRetry,
)
from tests.payments.tables import empty_database

Open = tuple[Database, asyncio.AbstractEventLoop]
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of our own: the machine's rules are plain functions."""
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
    """Without the checks of its own: the machine must find the bug, not the database."""
    folder: Path = tmp_path_factory.mktemp("trusting")
    database = empty_database(folder, checks=False)
    yield database
    loop.run_until_complete(database.close())


def machine(world: World) -> type[PaymentsMachine]:
    return type("Machine", (PaymentsMachine,), {"world": world})


def test_every_invariant_holds_whatever_is_asked(strict: Database, loop: asyncio.AbstractEventLoop) -> None:
    run_state_machine_as_test(
        machine(World(strict, loop)),
        settings=settings(max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=SLOW),
    )


@pytest.mark.parametrize(
    "bug",
    [
        CapturesAfterRelease,
        CapturesTooMuch,
        RefundsEachUpToTheWhole,
        KeepsHoldingTheRemainder,
        ForgetsItsAnswers,
        AnswersAReusedKey,
        ForgetsToExpire,
        TakesAFreshKeyPerRetry,
    ],
)
def test_each_planted_bug_is_caught(
    bug: type[SimulatedBank] | type[GatewayPayments], trusting: Database, loop: asyncio.AbstractEventLoop
) -> None:
    world = World(trusting, loop, bank=bug) if issubclass(bug, SimulatedBank) else World(trusting, loop, payments=bug)
    hunt = settings(
        max_examples=300,
        stateful_step_count=25,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate,),  # found is enough, nobody reads the shortest example
        verbosity=Verbosity.quiet,
        suppress_health_check=SLOW,
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine(world), settings=hunt)
