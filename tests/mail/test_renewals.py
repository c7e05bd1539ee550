"""What renewal reminders say, in plain text and in HTML."""

import re
from dataclasses import replace
from datetime import date

import pytest

from activities.mail.templates import MailTemplates, RenderedMail, RenewalNotice
from domain.money import Money
from domain.renewal import REMINDERS
from tests.mail.rendering import flat

ZONE = "America/Los_Angeles"
NOTICE = RenewalNotice(
    kind="renewal_30",
    serial_number="SN-1581 F45",
    owner_name="Ada <Moreau>",
    model_name="Mavic 3",
    ended_on=date(2026, 11, 3),
    last_day=date(2026, 11, 18),
    price=Money(23900, "USD"),
    starts_on=date(2026, 11, 4),
    ends_on=date(2027, 11, 4),
    gap=False,
)


def notice(kind: str) -> RenewalNotice:
    """The reminder of that kind as it is on its day."""
    if kind != "renewal_grace_10":
        return replace(NOTICE, kind=kind)
    return replace(NOTICE, kind=kind, starts_on=date(2026, 11, 13), ends_on=date(2027, 11, 13), gap=True)


def render(kind: str) -> RenderedMail:
    return MailTemplates().render_renewal(notice(kind), ZONE)


@pytest.mark.parametrize("kind", REMINDERS)
def test_every_reminder_says_what_ends_the_price_and_how_long(kind: str) -> None:
    rendered = render(kind)
    assert "Mavic 3 SN-1581 F45" in rendered.subject
    for half in (flat(rendered.text), flat(rendered.html)):
        assert "3 November 2026" in half
        assert "US$239.00" in half
        assert re.search("It can be renewed until:? 18 November 2026, included", half)
        assert "nothing is charged by itself" in half
        assert "because of your plan" in half
        assert "Case" not in half
    assert max(map(len, rendered.text.splitlines())) <= 76
    assert "<Moreau>" not in rendered.html


@pytest.mark.parametrize("kind", REMINDERS)
def test_both_halves_of_a_reminder_say_the_same(kind: str) -> None:
    rendered = render(kind)
    facts = re.compile(r"[\d.,]+|SN-\w+")
    body = rendered.html.partition("<body")[2].partition(">")[2]
    assert set(facts.findall(flat(body))) == set(facts.findall(flat(rendered.text)))


def test_each_kind_has_its_own_subject() -> None:
    assert [render(kind).subject for kind in REMINDERS] == [
        "Your cover for Mavic 3 SN-1581 F45 ends on 3 November 2026",
        "Your cover for Mavic 3 SN-1581 F45 ends on 3 November 2026",
        "3 November 2026 is the last covered day of your Mavic 3 SN-1581 F45",
        "Your cover for Mavic 3 SN-1581 F45 has ended: it can be renewed until 18 November",
    ]


def test_in_the_grace_the_gap_is_said_out_loud() -> None:
    """R-REN-3."""
    text = flat(render("renewal_grace_10").text)
    assert "There is a gap: a renewal bought now begins when you buy it." in text
    assert "What happened after 3 November 2026 and before that moment is not covered" in text
    assert "from 13 November 2026 to 13 November 2027" in text


def test_before_the_end_the_new_year_follows_at_once() -> None:
    text = flat(render("renewal_7").text)
    assert "There is a gap" not in text
    assert "Renewed by 3 November 2026, the new year follows without a gap." in text
    assert "from 4 November 2026 to 4 November 2027" in text
