"""What notices say: every kind, for every claim it is sent for, in three regions, currencies and time zones."""

import html
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from activities.mail.templates import MailTemplates, money
from domain.claim import Claim
from domain.kinds import Outcome
from domain.money import Money
from messages.mail import MailKind, SendMail
from tests.mail.claims import (
    AT,
    EU,
    JP,
    PLACES,
    POLICY,
    US,
    Place,
    closed,
    defaulted,
    flyaway,
    incomplete,
    premium,
    standard,
)
from tests.mail.occasions import a_mail, occasions
from tests.mail.rendering import TEMPLATES, assert_contains, flat, render

EVERY = [pytest.param(place, mail, id=f"{place.code}, {name}") for place in PLACES for name, mail in occasions(place)]


def test_every_kind_is_tried_below() -> None:
    assert {mail.kind for _, mail in occasions(US)} == set(MailKind)


@pytest.mark.parametrize(("place", "mail"), EVERY)
def test_every_notice_can_be_written(place: Place, mail: SendMail) -> None:
    rendered = render(mail, place)
    assert rendered.subject
    assert "\n" not in rendered.subject
    assert len(rendered.subject) < 110
    assert mail.claim.serial_number in rendered.text
    assert mail.claim.id in rendered.text
    assert "None" not in rendered.text
    assert max(map(len, rendered.text.splitlines())) <= 76
    assert rendered.html.startswith("<!doctype html>")
    assert html.escape(rendered.subject) in rendered.html


@pytest.mark.parametrize(("place", "mail"), EVERY)
def test_text_and_html_have_the_same_words(place: Place, mail: SendMail) -> None:
    rendered = render(mail, place)
    facts = re.compile(r"[\d.,]+|clm_\w+|SN\w+")
    plain = re.sub(r"[|+*-]", " ", rendered.text)
    body = rendered.html.partition("<body")[2].partition(">")[2]
    assert set(facts.findall(flat(body))) == set(facts.findall(flat(plain)))


@pytest.mark.parametrize(("place", "mail"), EVERY)
def test_money_and_time_are_the_regions(place: Place, mail: SendMail) -> None:
    signs = {"USD": "US$", "EUR": "€", "JPY": "JP¥"}
    zones = {"US": "Pacific", "EU": "Central European", "JP": "Japan"}
    text = render(mail, place).text
    for currency, sign in signs.items():
        assert (sign in text) <= (currency == place.currency)
    for code, zone in zones.items():
        assert (zone in flat(text)) <= (code == place.code)


def test_amounts_have_the_currencys_digits() -> None:
    assert money(Money(164_000, "USD")) == "US$1,640.00"
    assert money(Money(24_600, "JPY")) == "JP¥24,600"
    assert money(Money(1_500, "KWD")) == "KWD1.500"
    assert money(Money(5, "EUR")) == "€0.05"


def test_the_settlement_shows_fee_and_hold_apart_and_when_the_hold_is_charged() -> None:
    mail = dict(occasions(US))["settlement, premium"]
    assert_contains(
        mail,
        "US$159.00, charged",
        "US$1,640.00, reserved, not charged",
        "14 calendar days; the day the replacement leaves is day 0",
        "if it leaves on 23 November 2026, your unit must arrive by "
        "Monday, 7 December 2026, 23:59:59 Pacific Standard Time",
        "The whole hold, US$1,640.00, is charged once if SN1581F45 does not arrive in time",
        "no battery although a replacement battery was supplied",
    )


def test_the_settlement_mentions_a_battery_only_when_one_is_replaced() -> None:
    mail = dict(occasions(US))["settlement, premium"]
    without = a_mail(MailKind.SETTLEMENT, replace(mail.claim, replace_battery=False), mail.amount)
    assert "battery" not in render(without).text


def test_without_a_cure_window_none_is_promised() -> None:
    mail = dict(occasions(US))["settlement, premium"]
    batch_size = US.recipient(policy=replace(POLICY, cure_days=0))
    assert "put it right" in render(mail).text
    assert "put it right" not in flat(TEMPLATES.render(mail, batch_size).text)


def test_the_shipped_notice_carries_label_box_and_due_moment() -> None:
    mail = a_mail(MailKind.SHIPPED, premium(EU))
    assert render(mail, EU).subject == "Your replacement is on its way - send SN1581F45 back by 3 December"
    assert_contains(
        mail,
        "Thursday, 3 December 2026, 23:59:59 Central European Standard Time",
        "RMA clm_a7k2m4",
        "Beispielstraße 12, Tor 4",
        "gimbal camera",
        "the old battery has to come back too",
        place=EU,
    )


def test_the_due_moment_follows_the_clocks_of_its_own_day() -> None:
    summer = AT - timedelta(days=120)
    claim = premium(US)
    assert claim.returning is not None
    claim = replace(claim, returning=replace(claim.returning, due_at=summer))
    assert "Pacific Daylight Time" in flat(render(a_mail(MailKind.SHIPPED, claim)).text)


@pytest.mark.parametrize(
    ("days", "subject"),
    [
        (3, "3 days left to send SN1581F45 back: it must arrive by 7 December"),
        (2, "2 days left to send SN1581F45 back: it must arrive by 7 December"),
        (1, "Tomorrow is the last day to send SN1581F45 back: it must arrive by 7 December"),
        (0, "Today is the last day to send SN1581F45 back: it must arrive by midnight, 7 December"),
    ],
)
def test_a_reminder_counts_the_days_that_are_really_left(days: int, subject: str) -> None:
    claim = premium(US)
    assert claim.returning is not None
    late = SendMail(kind=MailKind.DUE_MINUS_3, claim=claim, at=claim.returning.due_at - timedelta(days=days, hours=12))
    assert render(late).subject == subject


def test_the_mail_of_a_release_has_the_text_of_the_rule() -> None:
    assert_contains(
        dict(occasions(US))["released, good"],
        "We received SN1581F45 complete on 29 November 2026. The hold of US$1,640.00 is released; your bank may need a "
        "few days to show it.",
    )


def test_the_mail_of_a_default_has_the_text_of_the_rule() -> None:
    assert_contains(
        dict(occasions(US))["charged, default"],
        "We did not receive SN1581F45 by Monday, 7 December 2026, 23:59:59 Pacific Standard Time. As agreed, "
        "US$1,640.00 was charged. If it reaches us by Thursday, 17 December 2026, 23:59:59 Pacific Standard Time you "
        "get it back.",
        "US$1,640.00 in full",
    )


def test_a_late_fee_is_announced() -> None:
    with_fee = US.recipient(policy=replace(POLICY, late_fee=2500))
    text = flat(TEMPLATES.render(a_mail(MailKind.CHARGED, defaulted(US), US.money(1640)), with_fee).text)
    assert "you get it back less US$25.00." in text
    assert "US$1,640.00 less US$25.00" in text


def test_what_was_never_charged_is_not_called_charged() -> None:
    mail = dict(occasions(US))["amount_owed, default"]
    assert "was charged" not in flat(render(mail).text)
    assert_contains(mail, "US$1,640.00 was to be charged, and your card declined it.")


def test_a_mismatch_names_each_reason_and_the_last_moment() -> None:
    assert_contains(
        dict(occasions(JP))["inspected_mismatch, standard"],
        "The serial number received is SN777, not SN1581F45.",
        "The battery was not sent back.",
        "Friday, 4 December 2026, 23:59:59 Japan Standard Time",
        place=JP,
    )


def test_the_new_unit_that_came_back_is_named_and_no_charge_is_announced() -> None:
    """Edge case 30."""
    text = flat(render(dict(occasions(US))["inspected_mismatch, the new unit"]).text)
    assert "What came is the new unit" in text
    assert "Nothing is charged for it before one of us has decided." in text
    assert "is charged, as agreed" not in text


def test_whoever_keeps_the_original_is_told_that_it_is_covered_and_that_the_fee_stays() -> None:
    """R-EXP-10."""
    text = flat(render(dict(occasions(US))["cancelled, the original is kept"]).text)
    assert "you keep your" in text
    assert "your plan covers it again, and the use of your plan is given back. The fee of US$159.00 stays" in text
    assert "Hold released: US$1,640.00" in text


def test_missing_parts_are_listed_with_each_difference_and_their_sum() -> None:
    text = flat(render(a_mail(MailKind.INSPECTED_PARTS, incomplete(premium(US), US))).text)
    assert "propellers: US$12.00 gimbal camera: US$820.00 Together: US$832.00" in text
    assert "only the difference is taken out of the hold of US$1,640.00" in text


def test_the_mail_of_a_standard_claim_mentions_no_hold() -> None:
    for mail in (
        a_mail(MailKind.ARRIVED, dict(occasions(US))["arrived, standard"].claim),
        a_mail(MailKind.INSPECTED_PARTS, incomplete(standard(US), US)),
        a_mail(MailKind.LAPSED, closed(standard(US), Outcome.LAPSED), US.money(159)),
    ):
        assert "hold" not in render(mail).text


@pytest.mark.parametrize("kind", [kind for kind in MailKind if kind.startswith("flyaway")])
def test_the_mail_of_a_flyaway_requests_no_return(kind: MailKind) -> None:
    text = render(a_mail(kind, flyaway(US), US.money(739))).text
    assert "RMA" not in text
    assert "hold" not in text


def test_html_escapes_what_people_typed_and_plain_text_does_not() -> None:
    claim: Claim = replace(premium(US), serial_number="SN<b>&1")
    owner = US.recipient(name="Ada <script>alert(1)</script>\nBcc: x")
    rendered = TEMPLATES.render(a_mail(MailKind.SHIPPED, claim), owner)
    assert "<script>" not in rendered.html
    assert "SN&lt;b&gt;&amp;1" in rendered.html
    assert "SN<b>&1" in rendered.text
    assert "Dear Ada <script>alert(1)</script> Bcc: x," in rendered.text


def test_a_region_without_a_return_address_names_whom_to_write_to() -> None:
    rendered = MailTemplates(return_addresses={}).render(a_mail(MailKind.SHIPPED, premium(US)), US.recipient())
    assert "Please ask us for the address" in rendered.text


def test_the_mail_of_a_rejected_flyaway_has_the_reason() -> None:
    """R-FLY-3."""
    (rejected,) = (mail for _, mail in occasions(US) if mail.kind is MailKind.FLYAWAY_REJECTED)
    assert "The record shows no flight." in render(rejected, US).text
