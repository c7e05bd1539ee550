"""How holds and charges end at Stripe, and how they are found again, however late. The http is a fake."""

from datetime import timedelta
from typing import Any

import pytest

from activities.payments.gateway import GatewayRefused, OutcomeUnknown
from domain.money import Money
from store.database import Database
from tests.fakes.stripe_http import a_charge, a_list, a_refund_of, an_error, an_intent
from tests.stripe.fake_gateway import (
    CANCEL,
    CAPTURE,
    CARD,
    CREATE,
    HOLD,
    KEY,
    LIST,
    LOOK,
    NOTHING,
    NOW,
    REFUND,
    UNSUITABLE,
    held,
    stripe_with,
)


async def test_a_capture_names_its_amount_and_leaves_its_key_on_the_intent(sqlite_database: Database) -> None:
    taken = an_intent(status="succeeded", amount_received=1_200, latest_charge=a_charge(a_refund_of(162_800)))
    gateway, http = stripe_with(sqlite_database, {LOOK: an_intent(), CAPTURE: taken})
    hold = await gateway.capture("pi_1", Money(1_200, "USD"), key="clm_a:capture", at=NOW)
    assert (hold.status, hold.captured, hold.refunded) == ("captured", Money(1_200, "USD"), NOTHING)
    assert http.sent[-1].key == "clm_a:capture"
    assert http.sent[-1].form["amount_to_capture"] == "1200"
    assert http.sent[-1].form["metadata[capture]"] == "clm_a:capture"


@pytest.mark.parametrize(
    ("noted", "received", "same"),
    [("clm_a:capture", 164_000, True), ("clm_a:capture", 1_200, False), ("clm_a:other", 164_000, False)],
)
async def test_a_capture_repeated_after_its_key_expired_is_recognised(
    sqlite_database: Database, noted: str, received: int, same: bool
) -> None:
    there = an_intent(
        status="succeeded", amount_received=received, metadata={"claim_id": "clm_a", "reference": KEY, "capture": noted}
    )
    gateway, _ = stripe_with(sqlite_database, {LOOK: there, CAPTURE: UNSUITABLE})
    if same:
        assert (await gateway.capture("pi_1", HOLD, key="clm_a:capture", at=NOW)).captured == HOLD
    else:
        with pytest.raises(GatewayRefused, match="captured"):
            await gateway.capture("pi_1", HOLD, key="clm_a:capture", at=NOW)


@pytest.mark.parametrize(
    ("intent", "refusal", "state"),
    [
        (an_intent(status="canceled", cancellation_reason="automatic"), UNSUITABLE, "expired"),
        (an_intent(status="canceled"), UNSUITABLE, "released"),
        (an_intent(), an_error(400, code="charge_expired_for_capture"), "expired"),
        (an_intent(), an_error(400, code="amount_too_big"), "authorized"),
    ],
)
async def test_a_refused_capture_names_the_state(
    sqlite_database: Database, intent: dict[str, Any], refusal: object, state: str
) -> None:
    gateway, _ = stripe_with(sqlite_database, {LOOK: intent, CAPTURE: refusal})
    with pytest.raises(GatewayRefused, match=state):
        await gateway.capture("pi_1", HOLD, key="clm_a:capture", at=NOW)


async def test_a_hold_is_released_once(sqlite_database: Database) -> None:
    gone = an_intent(status="canceled")
    gateway, http = stripe_with(sqlite_database, {CANCEL: [gone, UNSUITABLE], LOOK: gone})
    assert (await gateway.release("pi_1", key="clm_a:release:0", at=NOW)).status == "released"
    assert http.sent[0].key == "clm_a:release:0"
    with pytest.raises(GatewayRefused, match="released"):
        await gateway.release("pi_1", key="clm_a:release:1", at=NOW)


async def test_a_refund_is_found_again_by_its_key_and_never_made_twice(sqlite_database: Database) -> None:
    paid = an_intent(status="succeeded", amount_received=164_000)
    half = Money(82_000, "USD")
    given = paid | {"latest_charge": a_charge(a_refund_of(82_000, "clm_a:refund"))}
    gateway, http = stripe_with(sqlite_database, {LOOK: [paid, given], REFUND: a_refund_of(82_000, "clm_a:refund")})
    first = await gateway.refund("pi_1", half, key="clm_a:refund", at=NOW)
    assert first.refunded == half
    assert http.sent[1].key == "clm_a:refund"
    assert http.sent[1].form == {
        "payment_intent": "pi_1",
        "amount": "82000",
        "metadata[claim_id]": "clm_a",
        "metadata[reference]": "clm_a:refund",
    }
    assert await gateway.refund("pi_1", half, key="clm_a:refund", at=NOW + timedelta(days=2)) == first
    assert http.lines.count(REFUND) == 1


async def test_a_refund_is_found_however_many_there_are(sqlite_database: Database) -> None:
    newest = a_list(*(a_refund_of(n, f"clm_a:{n}") for n in range(1, 11)), has_more=True)
    paid = an_intent(status="succeeded", amount_received=164_000, latest_charge=a_charge() | {"refunds": newest})
    gateway, http = stripe_with(
        sqlite_database, {LOOK: paid, "GET /v1/refunds": a_list(a_refund_of(82_000, "clm_a:refund"))}
    )
    await gateway.refund("pi_1", Money(82_000, "USD"), key="clm_a:refund", at=NOW)
    assert REFUND not in http.lines
    listed = next(sent for sent in http.sent if sent.line == "GET /v1/refunds")
    assert listed.form["starting_after"] == "re_clm_a:10"


@pytest.mark.parametrize("status", ["failed", "canceled"])
async def test_a_failed_refund_counts_nothing(sqlite_database: Database, status: str) -> None:
    paid = an_intent(
        status="succeeded",
        amount_received=164_000,
        latest_charge=a_charge(a_refund_of(82_000, "clm_a:refund", status=status)),
    )
    gateway, _ = stripe_with(sqlite_database, {LOOK: paid})
    assert (await gateway.get("pi_1", at=NOW)).refunded == NOTHING
    with pytest.raises(GatewayRefused, match="captured"):
        await gateway.refund("pi_1", Money(82_000, "USD"), key="clm_a:refund", at=NOW)


async def test_more_than_was_captured_is_never_refunded(sqlite_database: Database) -> None:
    paid = an_intent(status="succeeded", amount_received=1_200)
    gateway, http = stripe_with(sqlite_database, {LOOK: paid, REFUND: an_error(400, code="charge_disputed")})
    with pytest.raises(GatewayRefused, match="captured"):
        await gateway.refund("pi_1", HOLD, key="clm_a:refund", at=NOW)
    assert REFUND not in http.lines
    with pytest.raises(GatewayRefused, match="captured"):
        await gateway.refund("pi_1", Money(1_200, "USD"), key="clm_a:refund", at=NOW)
    assert REFUND in http.lines


async def test_an_unmade_payment_is_unknown(sqlite_database: Database) -> None:
    gateway, _ = stripe_with(sqlite_database, {LOOK: [an_error(404), an_intent(status="requires_payment_method")]})
    for _ in range(2):
        with pytest.raises(GatewayRefused, match="unknown"):
            await gateway.get("pi_1", at=NOW)


async def test_a_payment_in_processing_makes_the_claims_payments_unknown(sqlite_database: Database) -> None:
    """Neither made a second time once Stripe has forgotten the key, nor missed when other holds are released."""
    slow = an_intent(status="processing", latest_charge=None)
    gateway, http = stripe_with(sqlite_database, CARD | {CREATE: slow, LOOK: slow, LIST: a_list(slow)})
    with pytest.raises(OutcomeUnknown, match=KEY):
        await held(gateway)
    with pytest.raises(OutcomeUnknown, match=KEY):
        await gateway.find("clm_a", at=NOW)
    long_ago = NOW - timedelta(days=2)
    with pytest.raises(OutcomeUnknown, match=KEY):
        await gateway.authorize(HOLD, "pm_1", subject="clm_a", key=KEY, at=NOW, sent_at=long_ago)
    assert http.lines.count(CREATE) == 1


async def test_a_claims_payments_are_listed_by_customer_oldest_first_without_what_never_held(
    database: Database,
) -> None:
    third = an_intent(id="pi_3", metadata={"claim_id": "clm_a", "reference": "clm_a:authorize:1"})
    failed = an_intent(id="pi_2", status="requires_payment_method", latest_charge=None)
    abandoned = an_intent(id="pi_4", status="canceled", latest_charge=None)
    others = an_intent(id="pi_5", metadata={"claim_id": "clm_b", "reference": "clm_b:authorize:0"})
    pages = [a_list(abandoned, others, third, has_more=True), a_list(failed, an_intent())]
    gateway, http = stripe_with(database, CARD | {CREATE: an_intent(), LIST: pages})
    assert await gateway.find("clm_a", at=NOW) == ()
    await held(gateway)
    assert [payment.id for payment in await gateway.find("clm_a", at=NOW)] == ["pi_1", "pi_3"]
    assert http.sent[-2].form == {
        "customer": "cus_1",
        "limit": "100",
        "expand[0]": "data.latest_charge.refunds",
    }
    assert http.sent[-1].form["starting_after"] == "pi_3"


async def test_everything_is_paged_through_without_what_is_not_ours(sqlite_database: Database) -> None:
    strange = an_intent(id="pi_8", metadata={})
    pages = [a_list(an_intent(id="pi_9"), has_more=True), a_list(strange, has_more=True), a_list(an_intent(id="pi_7"))]
    gateway, http = stripe_with(sqlite_database, {LIST: pages})
    assert [payment.id for payment in await gateway.page(None, limit=1)] == ["pi_9"]
    assert [payment.id for payment in await gateway.page("pi_9", limit=1)] == ["pi_7"]
    assert [sent.form.get("starting_after") for sent in http.sent] == [None, "pi_9", "pi_8"]


async def test_a_request_older_than_its_key_is_looked_up_before_it_is_repeated(sqlite_database: Database) -> None:
    results = CARD | {CREATE: an_intent(), LIST: a_list(an_intent())}
    gateway, _ = stripe_with(sqlite_database, results)
    first = await held(gateway)
    late, http = stripe_with(sqlite_database, results, NOW + timedelta(hours=23))
    assert await held(late) == first
    assert http.lines == [LIST]
    again, http = stripe_with(sqlite_database, results, NOW + timedelta(hours=22))
    assert await held(again) == first
    assert http.lines == [CREATE]
