"""The test cards of the simulated gateway: what each is, and what it declines."""

import pytest

from domain.eligibility import Card
from messages.payments import (
    LookUpCard,
    PaymentDeclined,
)
from store.database import Database
from tests.payments.requests import (
    a_charge,
    a_hold,
    hold_placed,
    parties,
)


@pytest.mark.parametrize(
    ("token", "card"),
    [
        ("pm_card_visa", Card("visa", "credit")),
        ("pm_card_mastercard", Card("mastercard", "credit")),
        ("pm_card_amex", Card("amex", "credit")),
        ("pm_card_visa_debit", Card("visa", "debit")),
        ("pm_card_chargeDeclined", Card("visa", "credit")),
        ("pm_card_chargeDeclinedInsufficientFunds", Card("visa", "credit")),
        ("pm_card_chargeCustomerFail", Card("visa", "credit")),
        ("pm_card_authenticationRequired", Card("visa", "credit")),
        ("pm_card_nobody", None),
        ("", None),
    ],
)
async def test_a_card_is_looked_up(sqlite_database: Database, token: str, card: Card | None) -> None:
    payments, _ = parties(sqlite_database)
    assert (await payments.look_up_card(LookUpCard(payment_method=token))).card == card


WORKS = None


HARD = PaymentDeclined(code="card_declined", retryable=False)


SOFT = PaymentDeclined(code="insufficient_funds", retryable=True)


AUTHENTICATION_REQUIRED = PaymentDeclined(code="authentication_required", retryable=False)


UNKNOWN = PaymentDeclined(code="invalid_payment_method", retryable=False)


@pytest.mark.parametrize(
    ("token", "hold", "fee", "renewal", "default"),
    [
        ("pm_card_visa", WORKS, WORKS, WORKS, WORKS),
        ("pm_card_visa_debit", WORKS, WORKS, WORKS, WORKS),
        ("pm_card_amex", WORKS, WORKS, WORKS, WORKS),
        ("pm_card_chargeDeclined", HARD, HARD, HARD, HARD),
        ("pm_card_chargeDeclinedInsufficientFunds", SOFT, SOFT, SOFT, SOFT),
        ("pm_card_chargeCustomerFail", WORKS, WORKS, HARD, HARD),
        ("pm_card_authenticationRequired", *[AUTHENTICATION_REQUIRED] * 4),
        ("pm_card_nobody", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
async def test_each_test_card_has_its_documented_result(
    sqlite_database: Database,
    token: str,
    hold: PaymentDeclined | None,
    fee: PaymentDeclined | None,
    renewal: PaymentDeclined | None,
    default: PaymentDeclined | None,
) -> None:
    payments, _ = parties(sqlite_database)
    results = [
        await payments.authorize_hold(a_hold(payment_method=token)),
        await payments.charge_card(a_charge(payment_method=token)),
        await payments.authorize_hold(
            a_hold(payment_method=token, key="clm_a:authorize:1", ordinal=1, off_session=True)
        ),
        await payments.charge_card(
            a_charge(payment_method=token, key="clm_a:default", account="default_charges", off_session=True)
        ),
    ]
    declines = [result if isinstance(result, PaymentDeclined) else None for result in results]
    assert declines == [hold, fee, renewal, default]


async def test_a_second_hold_on_the_same_card_fails_even_on_session(sqlite_database: Database) -> None:
    payments, _ = parties(sqlite_database)
    failing = {"payment_method": "pm_card_chargeCustomerFail"}
    await hold_placed(payments, **failing)
    assert await payments.authorize_hold(a_hold(key="clm_a:authorize:x", **failing)) == HARD
    await hold_placed(payments, subject="clm_b", key="clm_b:authorize:0", **failing)
