"""Answers that get lost on the way: nothing is taken twice, and the same question finds out what happened."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import stripe

from activities.gateway import Gateway, OutcomeUnknown, Payment
from activities.stripe_gateway import StripeGateway, stripe_client
from store.database import Database
from tests.payments.asks import HOLD
from tests.stripe.bad_line import BadLine, Mishap
from tests.stripe.test_localstripe import NOW, SECRET, a_card, a_claim, held

SILENT = [Mishap.DROPPED, Mishap.RESET, Mishap.SLOW]
ACTED = [*SILENT, Mishap.GARBLED]


@pytest.fixture
async def line(localstripe: str) -> AsyncIterator[BadLine]:
    """A bad line to a server that keeps keys."""
    async with BadLine(localstripe, remembers=True) as bad:
        yield bad


@pytest.fixture
async def forgetful(localstripe: str) -> AsyncIterator[BadLine]:
    """A bad line to a server that has forgotten every key."""
    async with BadLine(localstripe) as bad:
        yield bad


@pytest.fixture
def over(http: stripe.HTTPClient, sqlite_database: Database) -> Callable[[BadLine], StripeGateway]:
    return lambda bad: StripeGateway(stripe_client(SECRET, api_base=bad.url, http=http), sqlite_database)


async def lost(bad: BadLine, mishap: Mishap, question: Callable[[], Awaitable[Payment]]) -> None:
    bad.mishaps = [mishap]
    with pytest.raises(OutcomeUnknown):
        await question()
    assert not bad.mishaps


@pytest.mark.parametrize("mishap", [*SILENT, Mishap.NOT_SENT])
async def test_a_lost_hold_is_one_hold(line: BadLine, over: Callable[[BadLine], StripeGateway], mishap: Mishap) -> None:
    gateway, claim, card = over(line), a_claim(), a_card(line.behind)
    await gateway.authorize(HOLD, card, subject=claim, key=f"{claim}:authorize:0", at=NOW, sent_at=NOW)
    acted = len(line.acted)
    await lost(line, mishap, lambda: held(gateway, claim, card, 1, off_session=True))
    assert len(line.acted) - acted == (mishap is not Mishap.NOT_SENT)
    hold = await held(gateway, claim, card, 1, off_session=True)
    found = await gateway.find(claim, at=NOW)
    assert len(found) == 2
    assert found[-1] == hold
    assert len(line.acted) - acted == 1


async def test_a_hold_that_was_made_before_the_server_failed_is_found_at_once(
    line: BadLine, over: Callable[[BadLine], StripeGateway]
) -> None:
    """Stripe repeats its own failure under the key: the same question alone would never hear of the hold."""
    gateway, claim, card = over(line), a_claim(), a_card(line.behind)
    await gateway.save_card(card, key=f"{claim}:save")
    line.mishaps = [Mishap.GARBLED]
    hold = await held(gateway, claim, card)
    assert not line.mishaps
    assert await gateway.find(claim, at=NOW) == (hold,)


@pytest.mark.parametrize("mishap", SILENT)
async def test_a_hold_lost_before_anything_was_heard_is_found_by_its_claim(
    line: BadLine, over: Callable[[BadLine], StripeGateway], mishap: Mishap
) -> None:
    """The customer was made, and then the very first hold was lost: whose it is was written down before."""
    gateway, claim, card = over(line), a_claim(), a_card(line.behind)
    await gateway.save_card(card, key=f"{claim}:save")
    await lost(line, mishap, lambda: held(gateway, claim, card))
    (found,) = await gateway.find(claim, at=NOW)
    assert (found.status, found.reference) == ("authorized", f"{claim}:authorize:0")
    assert await held(gateway, claim, card) == found


async def ended(gateway: Gateway, claim: str, hold: Payment, what: str) -> Payment:
    if what == "capture":
        return await gateway.capture(hold.id, HOLD, key=f"{claim}:capture", at=NOW)
    if what == "release":
        return await gateway.release(hold.id, key=f"{claim}:release:0", at=NOW)
    return await gateway.refund(hold.id, HOLD, key=f"{claim}:refund", at=NOW)


@pytest.mark.parametrize("mishap", ACTED)
@pytest.mark.parametrize("what", ["capture", "release", "refund"])
async def test_a_lost_end_is_one_end(
    line: BadLine, over: Callable[[BadLine], StripeGateway], mishap: Mishap, what: str
) -> None:
    gateway, claim = over(line), a_claim()
    hold = await held(gateway, claim, a_card(line.behind))
    if what == "refund":
        await ended(gateway, claim, hold, "capture")
    acted = len(line.acted)
    await lost(line, mishap, lambda: ended(gateway, claim, hold, what))
    truth = await gateway.get(hold.id, at=NOW)
    assert await ended(gateway, claim, hold, what) == truth
    assert truth.status == ("released" if what == "release" else "captured")
    assert truth.refunded == (HOLD if what == "refund" else HOLD.zero())
    assert len(line.acted) - acted == 1


@pytest.mark.parametrize("mishap", ACTED)
@pytest.mark.parametrize("what", ["capture", "refund"])
async def test_a_lost_end_whose_key_was_forgotten_is_known_again(
    forgetful: BadLine, over: Callable[[BadLine], StripeGateway], mishap: Mishap, what: str
) -> None:
    gateway, claim = over(forgetful), a_claim()
    hold = await held(gateway, claim, a_card(forgetful.behind))
    if what == "refund":
        await ended(gateway, claim, hold, "capture")
    acted = len(forgetful.acted)
    await lost(forgetful, mishap, lambda: ended(gateway, claim, hold, what))
    assert await ended(gateway, claim, hold, what) == await gateway.get(hold.id, at=NOW)
    assert len(forgetful.acted) - acted == 1
