"""Claims whose payloads are encrypted: begun before encryption, through a rotation of keys, and when one fails."""

import asyncio
from collections.abc import Callable

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from domain.kinds import Outcome, Tier
from messages.warehouse import DispatchRequested, RequestDispatch
from temporal_runtime.data_converter import converter_with
from temporal_runtime.payload_encryption import PayloadEncryption
from tests.fakes.external_services import FakeWarehouse
from tests.workflows.case import WITHOUT_BATTERY, Case
from tests.workflows.world import World

Worlds = Callable[..., World]
OLD, NEW = {"old": b"o" * 32}, {"new": b"n" * 32}


def with_keys(world: World, keys: dict[str, bytes]) -> World:
    """The same world through a client, and later a worker, with these keys."""
    config = world.client.config()
    config["data_converter"] = converter_with(PayloadEncryption(keys))
    other = World(Client(**config), world.policy, world.task_queue)
    for part in ("payments", "warehouse", "mail", "workshop", "record", "jobs"):
        setattr(other, part, getattr(world, part))
    return other


async def stored(world: World, claim_id: str) -> bytes:
    """The claim's history as Temporal has it."""
    history = await world.client.get_workflow_handle(claim_id).fetch_history()
    return b"".join(event.SerializeToString() for event in history.events)


async def test_a_claim_that_began_unencrypted_ends_encrypted(make_world: Worlds) -> None:
    plain = make_world()
    async with plain.worker():
        case = await plain.shipped()
    began = await stored(plain, case.id)
    assert b"Ada Flyer" in began
    world = with_keys(plain, OLD)
    async with world.worker():
        case = Case(world, case.id)
        await case.arrive()
        assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.HOLD_RELEASED
        assert await case.handle.result() == "hold_released"
    assert b"binary/encrypted" in (await stored(plain, case.id))[len(began) :]


async def test_a_claim_goes_on_while_the_key_is_rotated(make_world: Worlds) -> None:
    first = with_keys(make_world(), OLD)
    async with first.worker():
        case = await first.shipped()
    second = with_keys(first, NEW | OLD)
    async with second.worker():
        await Case(second, case.id).arrive()
    async with with_keys(first, OLD | NEW).worker():  # a process that has the new key and still writes with the old one
        await Case(second, case.id).inspect(components=WITHOUT_BATTERY)
    history = await stored(first, case.id)
    assert b"Ada Flyer" not in history
    assert {name for name in (b"old", b"new") if b"encryption-key-id\x12\x03" + name in history} == {b"old", b"new"}


class QuotingWarehouse(FakeWarehouse):
    """A warehouse whose errors quote the customer."""

    @activity.defn
    async def request_dispatch(self, request: RequestDispatch) -> DispatchRequested:
        raise ApplicationError(f"no label for {request.ship_to.name}", request.ship_to.line1, non_retryable=True)


async def test_an_error_that_quotes_the_customer_is_unreadable(make_world: Worlds) -> None:
    world = with_keys(make_world(), OLD)
    world.warehouse = QuotingWarehouse()
    async with world.worker():
        await world.open(world.care_express(Tier.PREMIUM, claim_id="clm_quoting"))
        async with asyncio.timeout(20):
            while b"Encoded failure" not in (history := await stored(world, "clm_quoting")):
                await asyncio.sleep(0.05)
    assert b"Ada Flyer" not in history
    assert b"1 Sky Road" not in history
