"""What is asked of Stripe, word for word, and what its answers are read as. No server: the wire is a fake."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.gateway import Declined, InvalidAmount, KeyReused, OutcomeUnknown, Payment, Refused, SavedCard
from activities.stripe_errors import REQUEST_SECONDS, answered
from activities.stripe_gateway import StripeGateway, stripe_client
from domain.eligibility import Card
from domain.money import Money
from store.database import Database
from tests.fakes.stripe_wire import (
    CUSTOMER,
    METHOD,
    FakeWire,
    a_charge,
    a_list,
    a_refund_of,
    an_error,
    an_intent,
)

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
HOLD = Money(164_000, "USD")
NOTHING = HOLD.zero()
KEY = "clm_a:authorize:0"

RETRIEVE_METHOD = "GET /v1/payment_methods/pm_1"
MAKE_CUSTOMER = "POST /v1/customers"
CREATE = "POST /v1/payment_intents"
LIST = "GET /v1/payment_intents"
LOOK = "GET /v1/payment_intents/pi_1"
CAPTURE = "POST /v1/payment_intents/pi_1/capture"
CANCEL = "POST /v1/payment_intents/pi_1/cancel"
REFUND = "POST /v1/refunds"
CARD = {RETRIEVE_METHOD: METHOD, MAKE_CUSTOMER: CUSTOMER}
UNSUITABLE = an_error(400, code="payment_intent_unexpected_state")


def stripe_with(database: Database, answers: dict[str, Any], now: datetime = NOW) -> tuple[StripeGateway, FakeWire]:
    wire = FakeWire(answers)
    return StripeGateway(stripe_client("sk_test_1", http=wire), database, now=lambda: now), wire


async def held(gateway: StripeGateway, *, subject: str = "clm_a", key: str = KEY, off_session: bool = False) -> Payment:
    return await gateway.authorize(HOLD, "pm_1", subject=subject, key=key, at=NOW, off_session=off_session)


async def test_a_hold_is_asked_for_with_everything_that_keeps_it_alive(database: Database) -> None:
    gateway, wire = stripe_with(database, CARD | {CREATE: an_intent()})
    hold = await held(gateway)
    assert hold == Payment(
        id="pi_1",
        kind="hold",
        status="authorized",
        amount=HOLD,
        captured=NOTHING,
        refunded=NOTHING,
        capture_before=datetime(2026, 12, 18, 18, 40, tzinfo=UTC),
        subject="clm_a",
        reference=KEY,
    )
    assert wire.lines == [RETRIEVE_METHOD, MAKE_CUSTOMER, CREATE]
    assert [asked.key for asked in wire.asked[1:]] == ["clm_a:customer", KEY]
    assert wire.asked[2].form == {
        "amount": "164000",
        "currency": "usd",
        "customer": "cus_1",
        "payment_method": "pm_1",
        "allowed_payment_method_types[0]": "card",
        "capture_method": "manual",
        "confirm": "true",
        "metadata[claim_id]": "clm_a",
        "metadata[reference]": KEY,
        "expand[0]": "latest_charge.refunds",
        "payment_method_options[card][request_extended_authorization]": "if_available",
        "payment_method_options[card][setup_future_usage]": "off_session",
    }


async def test_a_renewal_is_asked_for_off_session_with_the_saved_card(database: Database) -> None:
    gateway, wire = stripe_with(database, CARD | {CREATE: an_intent()})
    await held(gateway)
    await held(gateway, key="clm_a:authorize:1", off_session=True)
    assert wire.lines == [RETRIEVE_METHOD, MAKE_CUSTOMER, CREATE, CREATE]
    renewal = wire.asked[3].form
    assert renewal["off_session"] == "true"
    assert (renewal["customer"], renewal["payment_method"]) == ("cus_1", "pm_1")
    assert "payment_method_options[card][setup_future_usage]" not in renewal
    assert renewal["payment_method_options[card][request_extended_authorization]"] == "if_available"


async def test_a_charge_is_taken_at_once_and_saves_the_card(database: Database) -> None:
    charge = an_intent(status="succeeded", capture_method="automatic", amount=15_900, amount_received=15_900)
    gateway, wire = stripe_with(database, CARD | {CREATE: charge})
    taken = await gateway.charge(Money(15_900, "USD"), "pm_1", subject="clm_a", key="clm_a:fee", at=NOW)
    assert (taken.kind, taken.status, taken.captured, taken.capture_before) == (
        "charge",
        "captured",
        taken.amount,
        None,
    )
    form = wire.asked[-1].form
    assert form["capture_method"] == "automatic"
    assert form["payment_method_options[card][setup_future_usage]"] == "off_session"
    assert "payment_method_options[card][request_extended_authorization]" not in form


async def test_a_card_that_has_an_owner_keeps_it_and_another_card_shares_the_claims(database: Database) -> None:
    owned = METHOD | {"customer": "cus_9"}
    answers = {RETRIEVE_METHOD: owned, "GET /v1/payment_methods/pm_2": METHOD | {"id": "pm_2"}, CREATE: an_intent()}
    gateway, wire = stripe_with(database, answers)
    await held(gateway)
    await gateway.authorize(HOLD, "pm_2", subject="clm_a", key="clm_a:authorize:1", at=NOW)
    assert MAKE_CUSTOMER not in wire.lines
    assert [asked.form["customer"] for asked in wire.asked if asked.line == CREATE] == ["cus_9", "cus_9"]


async def test_an_amount_is_converted_both_ways(database: Database) -> None:
    gateway, wire = stripe_with(database, CARD | {CREATE: an_intent(amount=5_000_000, currency="isk")})
    hold = await gateway.authorize(Money(50_000, "ISK"), "pm_1", subject="clm_a", key=KEY, at=NOW)
    assert hold.amount == Money(50_000, "ISK")
    assert (wire.asked[-1].form["amount"], wire.asked[-1].form["currency"]) == ("5000000", "isk")


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        ({"code": "card_declined", "decline_code": "generic_decline"}, "card_declined", False),
        ({"code": "card_declined", "decline_code": "stolen_card"}, "stolen_card", False),
        ({"code": "card_declined", "decline_code": "insufficient_funds"}, "insufficient_funds", True),
        ({"code": "card_declined", "decline_code": "try_again_later"}, "try_again_later", True),
        ({"code": "processing_error"}, "processing_error", True),
        ({"code": "expired_card"}, "expired_card", False),
        (
            {"code": "card_declined", "decline_code": "insufficient_funds", "advice_code": "do_not_try_again"},
            "insufficient_funds",
            False,
        ),
    ],
)
async def test_the_cards_no_is_a_decline(
    sqlite_database: Database, error: dict[str, str], code: str, retryable: bool
) -> None:
    gateway, _ = stripe_with(sqlite_database, CARD | {CREATE: an_error(402, "card_error", **error)})
    with pytest.raises(Declined) as no:
        await held(gateway)
    assert (no.value.code, no.value.retryable) == (code, retryable)


async def test_what_nobody_is_there_to_confirm_is_declined_and_cancelled(sqlite_database: Database) -> None:
    waiting = an_intent(status="requires_action", latest_charge=None)
    gateway, wire = stripe_with(sqlite_database, CARD | {CREATE: waiting, CANCEL: waiting | {"status": "canceled"}})
    with pytest.raises(Declined) as no:
        await held(gateway)
    assert (no.value.code, no.value.retryable) == ("authentication_required", False)
    assert (wire.asked[-1].line, wire.asked[-1].key) == (CANCEL, f"{KEY}:abandon")


async def test_an_off_session_payment_that_needs_its_owner_leaves_nothing_behind(sqlite_database: Database) -> None:
    left = an_intent(status="requires_payment_method", latest_charge=None)
    no = an_error(
        402, "card_error", code="authentication_required", decline_code="authentication_required", payment_intent=left
    )
    gateway, wire = stripe_with(sqlite_database, CARD | {CREATE: no, CANCEL: left | {"status": "canceled"}})
    with pytest.raises(Declined, match="authentication_required"):
        await held(gateway, off_session=True)
    assert wire.lines[-1] == CANCEL


async def test_what_came_true_while_it_was_cancelled_is_not_called_a_decline(sqlite_database: Database) -> None:
    waiting = an_intent(status="requires_action", latest_charge=None)
    answers = CARD | {CREATE: waiting, CANCEL: UNSUITABLE, LOOK: an_intent()}
    gateway, _ = stripe_with(sqlite_database, answers)
    with pytest.raises(OutcomeUnknown):
        await held(gateway)


async def test_what_stripe_still_works_on_is_looked_at_again(sqlite_database: Database) -> None:
    slow = an_intent(status="processing", latest_charge=None)
    gateway, _ = stripe_with(sqlite_database, CARD | {CREATE: slow, LOOK: [slow, an_intent()]})
    with pytest.raises(OutcomeUnknown):
        await held(gateway)
    assert (await held(gateway)).status == "authorized"


@pytest.mark.parametrize(
    "lost",
    [
        TimeoutError(),
        an_error(500, "api_error"),
        an_error(503, "api_error"),
        an_error(409, code="idempotency_key_in_use"),
        an_error(429, code="lock_timeout"),
        an_error(401),
        an_error(403),
        an_error(418),
    ],
    ids=lambda lost: str(lost[0]) if isinstance(lost, tuple) else type(lost).__name__,
)
async def test_what_nobody_can_be_sure_of_is_unknown(sqlite_database: Database, lost: object) -> None:
    taken = an_intent(status="succeeded", amount_received=164_000)
    looks = [an_intent(), taken]
    answers = CARD | {CREATE: lost, LIST: a_list(), CAPTURE: lost, REFUND: lost, LOOK: looks}
    gateway, _ = stripe_with(sqlite_database, answers)
    with pytest.raises(OutcomeUnknown):
        await held(gateway)
    with pytest.raises(OutcomeUnknown):
        await gateway.capture("pi_1", HOLD, key="clm_a:capture", at=NOW)
    with pytest.raises(OutcomeUnknown):
        await gateway.refund("pi_1", HOLD, key="clm_a:refund", at=NOW)


async def test_what_was_made_before_stripe_failed_is_found(sqlite_database: Database) -> None:
    answers = CARD | {CREATE: an_error(500, "api_error"), LIST: [a_list(), a_list(an_intent())]}
    gateway, _ = stripe_with(sqlite_database, answers)
    with pytest.raises(OutcomeUnknown):
        await held(gateway)
    assert (await held(gateway)).status == "authorized"


async def test_an_answer_that_comes_drop_by_drop_is_not_waited_for() -> None:
    with pytest.raises(OutcomeUnknown, match="clm_a:fee"):
        await answered(asyncio.sleep(60), "clm_a:fee", seconds=0.01)
    assert REQUEST_SECONDS == 15


async def test_a_key_used_for_something_else_is_said_so(sqlite_database: Database) -> None:
    gateway, _ = stripe_with(sqlite_database, CARD | {CREATE: an_error(400, "idempotency_error")})
    with pytest.raises(KeyReused):
        await held(gateway)


@pytest.mark.parametrize(
    "unfit",
    [an_error(400, code="resource_missing", param="payment_method"), an_error(404), an_error(400, param="customer")],
)
async def test_a_card_stripe_does_not_know_is_declined(sqlite_database: Database, unfit: object) -> None:
    gateway, _ = stripe_with(sqlite_database, CARD | {CREATE: unfit})
    with pytest.raises(Declined, match="invalid_payment_method"):
        await held(gateway)
    unknown, _ = stripe_with(sqlite_database, {RETRIEVE_METHOD: an_error(404)})
    with pytest.raises(Declined, match="invalid_payment_method"):
        await held(unknown, subject="clm_b")
    assert await unknown.look_up("pm_1") is None


async def test_an_amount_stripe_does_not_take_is_a_mistake_in_the_caller(sqlite_database: Database) -> None:
    gateway, wire = stripe_with(
        sqlite_database, CARD | {CREATE: an_error(400, code="amount_too_small"), LOOK: an_intent()}
    )
    with pytest.raises(InvalidAmount):
        await held(gateway)
    asked = len(wire.asked)
    with pytest.raises(InvalidAmount):
        await gateway.authorize(NOTHING, "pm_1", subject="clm_a", key=KEY, at=NOW)
    with pytest.raises(InvalidAmount):
        await gateway.charge(Money(5_124, "KWD"), "pm_1", subject="clm_a", key=KEY, at=NOW)
    assert len(wire.asked) == asked
    with pytest.raises(InvalidAmount, match="is in USD, not in EUR"):
        await gateway.capture("pi_1", Money(1, "EUR"), key="clm_a:capture", at=NOW)


async def test_a_capture_names_its_amount_and_leaves_its_key_on_the_intent(sqlite_database: Database) -> None:
    taken = an_intent(status="succeeded", amount_received=1_200, latest_charge=a_charge(a_refund_of(162_800)))
    gateway, wire = stripe_with(sqlite_database, {LOOK: an_intent(), CAPTURE: taken})
    hold = await gateway.capture("pi_1", Money(1_200, "USD"), key="clm_a:capture", at=NOW)
    assert (hold.status, hold.captured, hold.refunded) == ("captured", Money(1_200, "USD"), NOTHING)
    assert wire.asked[-1].key == "clm_a:capture"
    assert wire.asked[-1].form["amount_to_capture"] == "1200"
    assert wire.asked[-1].form["metadata[capture]"] == "clm_a:capture"


@pytest.mark.parametrize(
    ("noted", "received", "same"),
    [("clm_a:capture", 164_000, True), ("clm_a:capture", 1_200, False), ("clm_a:other", 164_000, False)],
)
async def test_a_capture_repeated_after_its_key_was_forgotten_is_known_again(
    sqlite_database: Database, noted: str, received: int, same: bool
) -> None:
    there = an_intent(
        status="succeeded", amount_received=received, metadata={"claim_id": "clm_a", "reference": KEY, "capture": noted}
    )
    gateway, _ = stripe_with(sqlite_database, {LOOK: there, CAPTURE: UNSUITABLE})
    if same:
        assert (await gateway.capture("pi_1", HOLD, key="clm_a:capture", at=NOW)).captured == HOLD
    else:
        with pytest.raises(Refused, match="captured"):
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
async def test_a_refused_capture_says_in_which_state(
    sqlite_database: Database, intent: dict[str, Any], refusal: object, state: str
) -> None:
    gateway, _ = stripe_with(sqlite_database, {LOOK: intent, CAPTURE: refusal})
    with pytest.raises(Refused, match=state):
        await gateway.capture("pi_1", HOLD, key="clm_a:capture", at=NOW)


async def test_a_hold_is_released_once(sqlite_database: Database) -> None:
    gone = an_intent(status="canceled")
    gateway, wire = stripe_with(sqlite_database, {CANCEL: [gone, UNSUITABLE], LOOK: gone})
    assert (await gateway.release("pi_1", key="clm_a:release:0", at=NOW)).status == "released"
    assert wire.asked[0].key == "clm_a:release:0"
    with pytest.raises(Refused, match="released"):
        await gateway.release("pi_1", key="clm_a:release:1", at=NOW)


async def test_a_refund_is_found_again_by_its_key_and_never_made_twice(sqlite_database: Database) -> None:
    paid = an_intent(status="succeeded", amount_received=164_000)
    half = Money(82_000, "USD")
    given = paid | {"latest_charge": a_charge(a_refund_of(82_000, "clm_a:refund"))}
    gateway, wire = stripe_with(sqlite_database, {LOOK: [paid, given], REFUND: a_refund_of(82_000, "clm_a:refund")})
    first = await gateway.refund("pi_1", half, key="clm_a:refund", at=NOW)
    assert first.refunded == half
    assert wire.asked[1].key == "clm_a:refund"
    assert wire.asked[1].form == {"payment_intent": "pi_1", "amount": "82000", "metadata[reference]": "clm_a:refund"}
    assert await gateway.refund("pi_1", half, key="clm_a:refund", at=NOW + timedelta(days=2)) == first
    assert wire.lines.count(REFUND) == 1


async def test_a_refund_is_found_however_many_there_are(sqlite_database: Database) -> None:
    newest = a_list(*(a_refund_of(n, f"clm_a:{n}") for n in range(1, 11)), has_more=True)
    paid = an_intent(status="succeeded", amount_received=164_000, latest_charge=a_charge() | {"refunds": newest})
    gateway, wire = stripe_with(
        sqlite_database, {LOOK: paid, "GET /v1/refunds": a_list(a_refund_of(82_000, "clm_a:refund"))}
    )
    await gateway.refund("pi_1", Money(82_000, "USD"), key="clm_a:refund", at=NOW)
    assert REFUND not in wire.lines
    listed = next(asked for asked in wire.asked if asked.line == "GET /v1/refunds")
    assert listed.form["starting_after"] == "re_clm_a:10"


@pytest.mark.parametrize("status", ["failed", "canceled"])
async def test_a_refund_that_failed_gave_nothing_back(sqlite_database: Database, status: str) -> None:
    paid = an_intent(
        status="succeeded",
        amount_received=164_000,
        latest_charge=a_charge(a_refund_of(82_000, "clm_a:refund", status=status)),
    )
    gateway, _ = stripe_with(sqlite_database, {LOOK: paid})
    assert (await gateway.get("pi_1", at=NOW)).refunded == NOTHING
    with pytest.raises(Refused, match="captured"):
        await gateway.refund("pi_1", Money(82_000, "USD"), key="clm_a:refund", at=NOW)


async def test_more_than_was_captured_is_never_refunded(sqlite_database: Database) -> None:
    paid = an_intent(status="succeeded", amount_received=1_200)
    gateway, wire = stripe_with(sqlite_database, {LOOK: paid, REFUND: an_error(400, code="charge_disputed")})
    with pytest.raises(Refused, match="captured"):
        await gateway.refund("pi_1", HOLD, key="clm_a:refund", at=NOW)
    assert REFUND not in wire.lines
    with pytest.raises(Refused, match="captured"):
        await gateway.refund("pi_1", Money(1_200, "USD"), key="clm_a:refund", at=NOW)
    assert REFUND in wire.lines


async def test_a_payment_nobody_made_is_unknown(sqlite_database: Database) -> None:
    gateway, _ = stripe_with(sqlite_database, {LOOK: [an_error(404), an_intent(status="requires_payment_method")]})
    for _ in range(2):
        with pytest.raises(Refused, match="unknown"):
            await gateway.get("pi_1", at=NOW)


async def test_a_claims_payments_are_listed_by_customer_oldest_first_without_what_never_held(
    database: Database,
) -> None:
    third = an_intent(id="pi_3", metadata={"claim_id": "clm_a", "reference": "clm_a:authorize:1"})
    failed = an_intent(id="pi_2", status="requires_payment_method", latest_charge=None)
    abandoned = an_intent(id="pi_4", status="canceled", latest_charge=None)
    others = an_intent(id="pi_5", metadata={"claim_id": "clm_b", "reference": "clm_b:authorize:0"})
    pages = [a_list(abandoned, others, third, has_more=True), a_list(failed, an_intent())]
    gateway, wire = stripe_with(database, CARD | {CREATE: an_intent(), LIST: pages})
    assert await gateway.find("clm_a", at=NOW) == ()
    await held(gateway)
    assert [payment.id for payment in await gateway.find("clm_a", at=NOW)] == ["pi_1", "pi_3"]
    assert wire.asked[-2].form == {
        "customer": "cus_1",
        "limit": "100",
        "expand[0]": "data.latest_charge.refunds",
    }
    assert wire.asked[-1].form["starting_after"] == "pi_3"


async def test_everything_is_paged_through_without_what_is_not_ours(sqlite_database: Database) -> None:
    strange = an_intent(id="pi_8", metadata={})
    pages = [a_list(an_intent(id="pi_9"), has_more=True), a_list(strange, has_more=True), a_list(an_intent(id="pi_7"))]
    gateway, wire = stripe_with(sqlite_database, {LIST: pages})
    assert [payment.id for payment in await gateway.page(None, limit=1)] == ["pi_9"]
    assert [payment.id for payment in await gateway.page("pi_9", limit=1)] == ["pi_7"]
    assert [asked.form.get("starting_after") for asked in wire.asked] == [None, "pi_9", "pi_8"]


async def test_a_request_older_than_its_key_is_looked_for_before_it_is_asked_again(sqlite_database: Database) -> None:
    answers = CARD | {CREATE: an_intent(), LIST: a_list(an_intent())}
    gateway, _ = stripe_with(sqlite_database, answers)
    first = await held(gateway)
    late, wire = stripe_with(sqlite_database, answers, NOW + timedelta(hours=23))
    assert await held(late) == first
    assert wire.lines == [LIST]
    again, wire = stripe_with(sqlite_database, answers, NOW + timedelta(hours=22))
    assert await held(again) == first
    assert wire.lines == [CREATE]


async def test_a_card_is_saved_for_its_owner_once(sqlite_database: Database) -> None:
    attach = "POST /v1/payment_methods/pm_1/attach"
    owned = METHOD | {"customer": "cus_1"}
    gateway, wire = stripe_with(sqlite_database, CARD | {RETRIEVE_METHOD: [METHOD, owned], attach: owned})
    saved = SavedCard("pm_1", Card("visa", "credit"))
    assert await gateway.save_card("pm_1", key="k") == saved
    assert [asked.key for asked in wire.asked[1:]] == ["k:customer", "k"]
    assert await gateway.save_card("pm_1", key="k") == saved
    assert wire.lines.count(attach) == 1
    assert await gateway.look_up("pm_1") == saved.card
