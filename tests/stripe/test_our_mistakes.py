"""Requests that Stripe never accepts as they stand: our mistake, told once, not sent again. The http is a fake."""

import pytest

from activities.payments.gateway import INVALID_REQUEST, GatewayRefused, OutcomeUnknown
from store.database import Database
from tests.fakes.stripe_http import an_error, an_intent
from tests.stripe.fake_gateway import (
    CAPTURE,
    CARD,
    CREATE,
    HOLD,
    LOOK,
    MAKE_CUSTOMER,
    NOW,
    REFUND,
    RETRIEVE_METHOD,
    held,
    stripe_with,
)


@pytest.mark.parametrize(
    "mistake",
    [
        an_error(401),
        an_error(403),
        an_error(418),
        an_error(400, code="resource_missing", param="customer"),
        an_error(400, param="currency"),
        an_error(400, param="payment_method_options[card][request_extended_authorization]", code="parameter_unknown"),
    ],
    ids=str,
)
async def test_a_request_to_create_a_payment_that_is_never_accepted_ends_with_one_alert(
    sqlite_database: Database, mistake: object, caplog: pytest.LogCaptureFixture
) -> None:
    """A restricted key, a deleted customer, a currency that is not enabled: no decline, and not to be retried."""
    gateway, _ = stripe_with(sqlite_database, CARD | {CREATE: mistake})
    with pytest.raises(GatewayRefused) as refused:
        await held(gateway)
    assert refused.value.state == INVALID_REQUEST
    assert [record.message for record in caplog.records].count(caplog.records[-1].message) == 1
    assert "it is not sent again" in caplog.text


@pytest.mark.parametrize("first", [RETRIEVE_METHOD, MAKE_CUSTOMER])
async def test_a_key_that_may_not_read_cards_or_make_customers_is_our_mistake(
    sqlite_database: Database, first: str
) -> None:
    gateway, _ = stripe_with(sqlite_database, CARD | {first: an_error(403)})
    with pytest.raises(GatewayRefused) as refused:
        await held(gateway)
    assert refused.value.state == INVALID_REQUEST


async def test_a_payment_that_exists_waits_for_a_valid_key_and_not_for_a_permission(sqlite_database: Database) -> None:
    taken = an_intent(status="succeeded", amount_received=164_000)
    for status, error in ((401, OutcomeUnknown), (418, OutcomeUnknown), (403, GatewayRefused)):
        lost = an_error(status)
        gateway, _ = stripe_with(sqlite_database, CARD | {CAPTURE: lost, REFUND: lost, LOOK: [an_intent(), taken]})
        with pytest.raises(error):
            await gateway.capture("pi_1", HOLD, key="clm_a:capture", at=NOW)
        with pytest.raises(error):
            await gateway.refund("pi_1", HOLD, key="clm_a:refund", at=NOW)
