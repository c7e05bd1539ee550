"""The mails of repairs and maintenance."""

from datetime import timedelta

import pytest

from messages.mail import MailKind, SendMail
from tests.mail.claims import (
    US,
    quoted,
)
from tests.mail.occasions import occasions
from tests.mail.rendering import assert_contains, render


def test_a_quote_shows_findings_and_every_option_with_its_price() -> None:
    """R-REP-1, R-REP-2."""
    assert_contains(
        dict(occasions(US))["repair_quote, every option"],
        "main board wet.",
        "Repair under warranty",
        "US$159.00",
        "US$310.00",
        "Return unrepaired",
        "free of charge",
        "Wednesday, 23 December 2026, 23:59:59 Pacific Standard Time",
        "the unit goes back to you unrepaired",
    )


def test_an_unavailable_option_is_not_shown() -> None:
    text = render(dict(occasions(US))["repair_quote, paid repair alone"]).text
    assert "warranty" not in text
    assert "replacement" not in text
    assert "Paid repair: US$310.00" in text


def test_the_repair_label_can_be_cut_out() -> None:
    for what in ("repair", "maintenance"):
        mail = dict(occasions(US))[f"repair_label, {what}"]
        assert_contains(mail, "RMA clm_a7k2m4", "500 Example Avenue, Dock 4", "Send in", "23 December 2026, 23:59:59")


@pytest.mark.parametrize(
    ("days", "subject"),
    [
        (23, "23 days left to choose what happens to your Mavic 3 SN1581F45"),
        (1, "Tomorrow is the last day to choose what happens to your Mavic 3 SN1581F45"),
        (0, "Today is the last day to choose what happens to your Mavic 3 SN1581F45"),
    ],
)
def test_a_quotes_reminder_counts_the_days_that_are_really_left(days: int, subject: str) -> None:
    claim = quoted(US)
    assert claim.repair_quote is not None
    at = claim.repair_quote.pay_until - timedelta(days=days, hours=12)
    assert render(SendMail(kind=MailKind.REPAIR_REMINDER_7, claim=claim, at=at)).subject == subject


def test_a_changed_serial_number_is_explained() -> None:
    """R-REP-4."""
    assert_contains(
        dict(occasions(US))["repaired, board swap"],
        "The repair changed the serial number from SN1581F45 to SN-SWAPPED.",
        "bind a drone to its remote controller again",
    )


@pytest.mark.parametrize(
    "what", ["lapsed, repair", "lapsed, maintenance", "cancelled, repair", "serviced, maintenance"]
)
def test_the_mail_of_a_job_mentions_no_returned_use(what: str) -> None:
    assert "given back" not in render(dict(occasions(US))[what]).text
