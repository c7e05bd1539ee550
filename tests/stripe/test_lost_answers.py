"""Lost responses: nothing is taken twice, and a retry of the same request gets the result."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import stripe

from activities.payments.gateway import Gateway, OutcomeUnknown, Payment
from activities.payments.stripe.cards import StripeCards
from activities.payments.stripe.gateway import StripeGateway, stripe_client
from store.database import Database
from tests.payments.requests import HOLD
from tests.stripe.faulty_proxy import Fault, FaultyProxy
from tests.stripe.test_localstripe import NOW, SECRET, a_card, a_claim, held

SILENT = [Fault.DROPPED, Fault.RESET, Fault.SLOW]
ACTED = [*SILENT, Fault.GARBLED]


@pytest.fixture
async def proxy(localstripe: str) -> AsyncIterator[FaultyProxy]:
    """A bad line to a server that keeps keys."""
    async with FaultyProxy(localstripe, keeps_keys=True) as proxy:
        yield proxy


@pytest.fixture
async def forgetful_proxy(localstripe: str) -> AsyncIterator[FaultyProxy]:
    """A bad line to a server that has forgotten every key."""
    async with FaultyProxy(localstripe) as proxy:
        yield proxy


@pytest.fixture
def over(http: stripe.HTTPClient, sqlite_database: Database) -> Callable[[FaultyProxy], StripeGateway]:
    return lambda proxy: StripeGateway(stripe_client(SECRET, api_base=proxy.url, http=http), sqlite_database)


@pytest.fixture
def cards(http: stripe.HTTPClient, sqlite_database: Database) -> Callable[[FaultyProxy], StripeCards]:
    return lambda proxy: StripeCards(stripe_client(SECRET, api_base=proxy.url, http=http), sqlite_database)


async def lost(proxy: FaultyProxy, fault: Fault, question: Callable[[], Awaitable[Payment]]) -> None:
    proxy.faults = [fault]
    with pytest.raises(OutcomeUnknown):
        await question()
    assert not proxy.faults


@pytest.mark.parametrize("fault", [*SILENT, Fault.NOT_SENT])
async def test_a_hold_with_a_lost_response_is_one_hold(
    proxy: FaultyProxy, over: Callable[[FaultyProxy], StripeGateway], fault: Fault
) -> None:
    gateway, claim, card = over(proxy), a_claim(), a_card(proxy.upstream)
    await gateway.authorize(HOLD, card, subject=claim, key=f"{claim}:authorize:0", at=NOW, sent_at=NOW)
    acted = len(proxy.processed)
    await lost(proxy, fault, lambda: held(gateway, claim, card, 1, off_session=True))
    assert len(proxy.processed) - acted == (fault is not Fault.NOT_SENT)
    hold = await held(gateway, claim, card, 1, off_session=True)
    found = await gateway.find(claim, at=NOW)
    assert len(found) == 2
    assert found[-1] == hold
    assert len(proxy.processed) - acted == 1


async def test_a_hold_that_was_made_before_the_server_failed_is_found_at_once(
    proxy: FaultyProxy, over: Callable[[FaultyProxy], StripeGateway], cards: Callable[[FaultyProxy], StripeCards]
) -> None:
    """Stripe repeats its own failure under the key: a retry alone would never find the hold."""
    gateway, claim, card = over(proxy), a_claim(), a_card(proxy.upstream)
    await cards(proxy).saved(claim, card)
    proxy.faults = [Fault.GARBLED]
    hold = await held(gateway, claim, card)
    assert not proxy.faults
    assert await gateway.find(claim, at=NOW) == (hold,)


@pytest.mark.parametrize("fault", SILENT)
async def test_a_hold_without_any_response_is_found_by_its_claim(
    proxy: FaultyProxy,
    over: Callable[[FaultyProxy], StripeGateway],
    cards: Callable[[FaultyProxy], StripeCards],
    fault: Fault,
) -> None:
    """The customer was made, and then the very first hold was lost: whose it is was written down before."""
    gateway, claim, card = over(proxy), a_claim(), a_card(proxy.upstream)
    await cards(proxy).saved(claim, card)
    await lost(proxy, fault, lambda: held(gateway, claim, card))
    (found,) = await gateway.find(claim, at=NOW)
    assert (found.status, found.reference) == ("authorized", f"{claim}:authorize:0")
    assert await held(gateway, claim, card) == found


async def ended(gateway: Gateway, claim: str, hold: Payment, what: str) -> Payment:
    if what == "capture":
        return await gateway.capture(hold.id, HOLD, key=f"{claim}:capture", at=NOW)
    if what == "release":
        return await gateway.release(hold.id, key=f"{claim}:release:0", at=NOW)
    return await gateway.refund(hold.id, HOLD, key=f"{claim}:refund", at=NOW)


@pytest.mark.parametrize("fault", ACTED)
@pytest.mark.parametrize("what", ["capture", "release", "refund"])
async def test_a_hold_end_with_a_lost_response_is_one_end(
    proxy: FaultyProxy, over: Callable[[FaultyProxy], StripeGateway], fault: Fault, what: str
) -> None:
    gateway, claim = over(proxy), a_claim()
    hold = await held(gateway, claim, a_card(proxy.upstream))
    if what == "refund":
        await ended(gateway, claim, hold, "capture")
    acted = len(proxy.processed)
    await lost(proxy, fault, lambda: ended(gateway, claim, hold, what))
    actual = await gateway.get(hold.id, at=NOW)
    assert await ended(gateway, claim, hold, what) == actual
    assert actual.status == ("released" if what == "release" else "captured")
    assert actual.refunded == (HOLD if what == "refund" else HOLD.zero())
    assert len(proxy.processed) - acted == 1


@pytest.mark.parametrize("fault", ACTED)
@pytest.mark.parametrize("what", ["capture", "refund"])
async def test_a_lost_end_is_found_after_its_key_expired(
    forgetful_proxy: FaultyProxy, over: Callable[[FaultyProxy], StripeGateway], fault: Fault, what: str
) -> None:
    gateway, claim = over(forgetful_proxy), a_claim()
    hold = await held(gateway, claim, a_card(forgetful_proxy.upstream))
    if what == "refund":
        await ended(gateway, claim, hold, "capture")
    acted = len(forgetful_proxy.processed)
    await lost(forgetful_proxy, fault, lambda: ended(gateway, claim, hold, what))
    assert await ended(gateway, claim, hold, what) == await gateway.get(hold.id, at=NOW)
    assert len(forgetful_proxy.processed) - acted == 1
