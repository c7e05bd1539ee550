"""The exact requests to Stripe for holds and charges, and the mapping of its responses. The HTTP client is a fake."""

import asyncio
from datetime import UTC, datetime

import pytest

from activities.payments.gateway import Declined, InvalidAmount, KeyReused, OutcomeUnknown, Payment
from activities.payments.stripe.errors import REQUEST_SECONDS, response_of
from domain.money import Money
from store.database import Database
from tests.fakes.stripe_http import METHOD, a_list, an_error, an_intent
from tests.stripe.fake_gateway import (
    CANCEL,
    CAPTURE,
    CARD,
    CREATE,
    HOLD,
    KEY,
    LIST,
    LOOK,
    MAKE_CUSTOMER,
    NOTHING,
    NOW,
    REFUND,
    RETRIEVE_METHOD,
    UNSUITABLE,
    held,
    stripe_with,
)


async def test_a_hold_requests_the_longest_authorization(database: Database) -> None:
    gateway, http = stripe_with(database, CARD | {CREATE: an_intent()})
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
    assert http.lines == [RETRIEVE_METHOD, MAKE_CUSTOMER, CREATE]
    assert [sent.key for sent in http.sent[1:]] == ["clm_a:customer", KEY]
    assert http.sent[2].form == {
        "amount": "164000",
        "currency": "usd",
        "customer": "cus_1",
        "payment_method": "pm_1",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        "capture_method": "manual",
        "confirm": "true",
        "metadata[claim_id]": "clm_a",
        "metadata[reference]": KEY,
        "expand[0]": "latest_charge.refunds",
        "payment_method_options[card][request_extended_authorization]": "if_available",
        "payment_method_options[card][setup_future_usage]": "off_session",
    }


async def test_a_renewal_is_requested_off_session_with_the_saved_card(database: Database) -> None:
    gateway, http = stripe_with(database, CARD | {CREATE: an_intent()})
    await held(gateway)
    await held(gateway, key="clm_a:authorize:1", off_session=True)
    assert http.lines == [RETRIEVE_METHOD, MAKE_CUSTOMER, CREATE, CREATE]
    renewal = http.sent[3].form
    assert renewal["off_session"] == "true"
    assert (renewal["customer"], renewal["payment_method"]) == ("cus_1", "pm_1")
    assert "payment_method_options[card][setup_future_usage]" not in renewal
    assert renewal["payment_method_options[card][request_extended_authorization]"] == "if_available"


async def test_a_charge_is_taken_at_once_and_saves_the_card(database: Database) -> None:
    charge = an_intent(status="succeeded", capture_method="automatic", amount=15_900, amount_received=15_900)
    gateway, http = stripe_with(database, CARD | {CREATE: charge})
    taken = await gateway.charge(Money(15_900, "USD"), "pm_1", subject="clm_a", key="clm_a:fee", at=NOW, sent_at=NOW)
    assert (taken.kind, taken.status, taken.captured, taken.capture_before) == (
        "charge",
        "captured",
        taken.amount,
        None,
    )
    form = http.sent[-1].form
    assert form["capture_method"] == "automatic"
    assert form["payment_method_options[card][setup_future_usage]"] == "off_session"
    assert "payment_method_options[card][request_extended_authorization]" not in form


async def test_a_charge_whose_customer_is_away_is_requested_off_session(database: Database) -> None:
    """A flyaway fee: the card was given with the report, and was never charged before."""
    charge = an_intent(status="succeeded", capture_method="automatic", amount=73_900, amount_received=73_900)
    gateway, http = stripe_with(database, CARD | {CREATE: charge})
    fee = Money(73_900, "USD")
    key = "clm_a:fee:0"
    taken = await gateway.charge(fee, "pm_1", subject="clm_a", key=key, at=NOW, sent_at=NOW, off_session=True)
    assert taken.captured == fee
    form = http.sent[-1].form
    assert (form["off_session"], form["customer"], form["payment_method"]) == ("true", "cus_1", "pm_1")
    assert "payment_method_options[card][setup_future_usage]" not in form


async def test_a_card_that_has_an_owner_keeps_it_and_another_card_shares_the_claims(database: Database) -> None:
    owned = METHOD | {"customer": "cus_9"}
    results = {RETRIEVE_METHOD: owned, "GET /v1/payment_methods/pm_2": METHOD | {"id": "pm_2"}, CREATE: an_intent()}
    gateway, http = stripe_with(database, results)
    await held(gateway)
    await gateway.authorize(HOLD, "pm_2", subject="clm_a", key="clm_a:authorize:1", at=NOW, sent_at=NOW)
    assert MAKE_CUSTOMER not in http.lines
    assert [sent.form["customer"] for sent in http.sent if sent.line == CREATE] == ["cus_9", "cus_9"]


async def test_an_amount_is_converted_both_ways(database: Database) -> None:
    gateway, http = stripe_with(database, CARD | {CREATE: an_intent(amount=5_000_000, currency="isk")})
    hold = await gateway.authorize(Money(50_000, "ISK"), "pm_1", subject="clm_a", key=KEY, at=NOW, sent_at=NOW)
    assert hold.amount == Money(50_000, "ISK")
    assert (http.sent[-1].form["amount"], http.sent[-1].form["currency"]) == ("5000000", "isk")


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
async def test_a_card_error_is_a_decline(
    sqlite_database: Database, error: dict[str, str], code: str, retryable: bool
) -> None:
    gateway, _ = stripe_with(sqlite_database, CARD | {CREATE: an_error(402, "card_error", **error)})
    with pytest.raises(Declined) as no:
        await held(gateway)
    assert (no.value.code, no.value.retryable) == (code, retryable)


async def test_an_off_session_payment_that_needs_confirmation_is_declined_and_cancelled(
    sqlite_database: Database,
) -> None:
    waiting = an_intent(status="requires_action", latest_charge=None)
    gateway, http = stripe_with(sqlite_database, CARD | {CREATE: waiting, CANCEL: waiting | {"status": "canceled"}})
    with pytest.raises(Declined) as no:
        await held(gateway)
    assert (no.value.code, no.value.retryable) == ("authentication_required", False)
    assert (http.sent[-1].line, http.sent[-1].key) == (CANCEL, f"{KEY}:abandon")


async def test_an_off_session_payment_that_needs_its_owner_leaves_nothing_behind(sqlite_database: Database) -> None:
    left = an_intent(status="requires_payment_method", latest_charge=None)
    no = an_error(
        402, "card_error", code="authentication_required", decline_code="authentication_required", payment_intent=left
    )
    gateway, http = stripe_with(sqlite_database, CARD | {CREATE: no, CANCEL: left | {"status": "canceled"}})
    with pytest.raises(Declined, match="authentication_required"):
        await held(gateway, off_session=True)
    assert http.lines[-1] == CANCEL


async def test_a_payment_that_succeeded_while_it_was_cancelled_is_not_a_decline(sqlite_database: Database) -> None:
    waiting = an_intent(status="requires_action", latest_charge=None)
    results = CARD | {CREATE: waiting, CANCEL: UNSUITABLE, LOOK: an_intent()}
    gateway, _ = stripe_with(sqlite_database, results)
    with pytest.raises(OutcomeUnknown):
        await held(gateway)


async def test_a_payment_in_processing_is_read_again(sqlite_database: Database) -> None:
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
        an_error(424),
    ],
    ids=lambda lost: str(lost[0]) if isinstance(lost, tuple) else type(lost).__name__,
)
async def test_an_uncertain_outcome_is_unknown(sqlite_database: Database, lost: object) -> None:
    taken = an_intent(status="succeeded", amount_received=164_000)
    looks = [an_intent(), taken]
    results = CARD | {CREATE: lost, LIST: a_list(), CAPTURE: lost, REFUND: lost, LOOK: looks}
    gateway, _ = stripe_with(sqlite_database, results)
    with pytest.raises(OutcomeUnknown):
        await held(gateway)
    with pytest.raises(OutcomeUnknown):
        await gateway.capture("pi_1", HOLD, key="clm_a:capture", at=NOW)
    with pytest.raises(OutcomeUnknown):
        await gateway.refund("pi_1", HOLD, key="clm_a:refund", at=NOW)


async def test_a_payment_made_before_stripe_failed_is_found(sqlite_database: Database) -> None:
    results = CARD | {CREATE: an_error(500, "api_error"), LIST: [a_list(), a_list(an_intent())]}
    gateway, _ = stripe_with(sqlite_database, results)
    with pytest.raises(OutcomeUnknown):
        await held(gateway)
    assert (await held(gateway)).status == "authorized"


async def test_a_slow_response_times_out() -> None:
    with pytest.raises(OutcomeUnknown, match="clm_a:fee"):
        await response_of(asyncio.sleep(60), "clm_a:fee", seconds=0.01)
    assert REQUEST_SECONDS == 15


async def test_a_reused_key_is_reported(sqlite_database: Database) -> None:
    gateway, _ = stripe_with(sqlite_database, CARD | {CREATE: an_error(400, "idempotency_error"), LIST: a_list()})
    with pytest.raises(KeyReused):
        await held(gateway)


async def test_a_payment_whose_response_another_release_lost_is_found(sqlite_database: Database) -> None:
    """A release that adds a parameter to its requests must not leave behind the holds of the one before."""
    made = a_list(an_intent())
    results = CARD | {CREATE: an_error(400, "idempotency_error"), LIST: made}
    gateway, _ = stripe_with(sqlite_database, results)
    assert (await held(gateway)).id == "pi_1"
    with pytest.raises(KeyReused):
        await gateway.authorize(Money(1_200, "USD"), "pm_1", subject="clm_a", key=KEY, at=NOW, sent_at=NOW)


async def test_a_payment_method_that_is_no_card_is_declined(sqlite_database: Database) -> None:
    debit = {name: value for name, value in METHOD.items() if name != "card"} | {"type": "sepa_debit"}
    gateway, http = stripe_with(sqlite_database, CARD | {RETRIEVE_METHOD: debit})
    with pytest.raises(Declined, match="invalid_payment_method"):
        await held(gateway)
    assert http.lines == [RETRIEVE_METHOD]


@pytest.mark.parametrize(
    "error",
    [
        an_error(400, code="resource_missing", param="payment_method"),
        an_error(404),
        an_error(400, param="payment_method"),
    ],
)
async def test_an_unknown_card_is_declined(sqlite_database: Database, error: object) -> None:
    gateway, _ = stripe_with(sqlite_database, CARD | {CREATE: error})
    with pytest.raises(Declined, match="invalid_payment_method"):
        await held(gateway)
    unknown, _ = stripe_with(sqlite_database, {RETRIEVE_METHOD: an_error(404)})
    with pytest.raises(Declined, match="invalid_payment_method"):
        await held(unknown, subject="clm_b")
    assert await unknown.look_up("pm_1") is None


async def test_an_amount_stripe_rejects_is_an_invalid_amount(sqlite_database: Database) -> None:
    gateway, http = stripe_with(
        sqlite_database, CARD | {CREATE: an_error(400, code="amount_too_small"), LOOK: an_intent()}
    )
    with pytest.raises(InvalidAmount):
        await held(gateway)
    sent = len(http.sent)
    with pytest.raises(InvalidAmount):
        await gateway.authorize(NOTHING, "pm_1", subject="clm_a", key=KEY, at=NOW, sent_at=NOW)
    with pytest.raises(InvalidAmount):
        await gateway.charge(Money(5_124, "KWD"), "pm_1", subject="clm_a", key=KEY, at=NOW, sent_at=NOW)
    assert len(http.sent) == sent
    with pytest.raises(InvalidAmount, match="is in USD, not in EUR"):
        await gateway.capture("pi_1", Money(1, "EUR"), key="clm_a:capture", at=NOW)
