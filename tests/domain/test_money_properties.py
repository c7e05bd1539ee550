"""What holds for every amount and every serial number."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import fee_for_use
from domain.claim import MissingPart
from domain.inspection import SerialMatch, assess, compare_serials, normalise_serial
from domain.kinds import Component
from domain.money import Money, minor_digits, total
from domain.settlement import differences, late_refund, parts_capture
from tests.domain.samples import DRONE, inspection, usd
from tests.domain.test_properties import quick

cents = st.integers(-(10**9), 10**9)
amounts = st.integers(0, 10**7).map(usd)
currencies = st.sampled_from(["USD", "EUR", "JPY", "KWD", "UGX", "BHD"])
missing = st.lists(st.builds(MissingPart, st.sampled_from(Component), amounts), max_size=4).map(tuple)


@quick
@given(st.lists(amounts, min_size=1, max_size=5).map(tuple), st.integers(0, 12))
def test_the_last_fee_repeats(fees: tuple[Money, ...], used: int) -> None:
    """R-CAT-3."""
    offer = replace(DRONE.offers["US"], fees=fees)
    assert fee_for_use(offer, used) == (fees[used] if used < len(fees) else fees[-1])


@quick
@given(missing, amounts)
def test_parts_never_cost_more_than_the_hold(parts: tuple[MissingPart, ...], hold: Money) -> None:
    """R-CMP-2, R-RET-8, edge case 19."""
    captured = parts_capture(parts, hold)
    assert 0 <= captured.amount <= hold.amount
    assert captured in (hold, differences(parts, "USD"))


@quick
@given(amounts, st.booleans(), amounts, missing)
def test_a_refund_lies_between_nothing_and_what_was_captured(
    captured: Money, punctual: bool, fee: Money, parts: tuple[MissingPart, ...]
) -> None:
    """R-RET-8, R-RET-10."""
    refund = late_refund(captured, in_time=punctual, late_fee=fee, missing=parts)
    assert 0 <= refund.amount <= captured.amount
    assert refund.amount <= late_refund(captured, in_time=True, late_fee=fee, missing=parts).amount
    assert captured - refund == (captured - refund).least(differences(parts, "USD") + fee)


@quick
@given(currencies, cents, cents, cents)
def test_money_obeys_arithmetic(currency: str, x: int, y: int, z: int) -> None:
    a, b, c = (Money(amount, currency) for amount in (x, y, z))
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + a.zero() == a
    assert a - b == a + -b
    assert not a - a
    assert a.least(b) == b.least(a)
    assert a.least(b) in (a, b)
    assert total([a, b, c], currency) == a + b + c


@quick
@given(currencies, cents)
def test_an_amount_is_written_exactly(currency: str, amount: int) -> None:
    """Edge case 55."""
    sign, _, rest = str(Money(amount, currency)).partition(currency)
    assert Decimal(sign + rest.strip()) == Decimal(amount).scaleb(-minor_digits(currency))


@quick
@given(st.text(max_size=20))
def test_a_normal_serial_stays_as_it_is(text: str) -> None:
    """R-INS-5, edge case 63."""
    assert normalise_serial(normalise_serial(text)) == normalise_serial(text)


serials = st.text("ABCIO0123456789", min_size=1, max_size=14)


@quick
@given(serials, st.lists(st.sampled_from([" ", "-", "", "\t"]), min_size=14, max_size=14))
def test_typing_makes_no_other_serial(serial: str, between: list[str]) -> None:
    """R-INS-5."""
    typed = "".join(ch + gap for ch, gap in zip(serial.lower(), between, strict=False))
    assert compare_serials(serial, typed) is SerialMatch.SAME


@quick
@given(serials, serials)
def test_comparing_serials_is_even_handed(left: str, right: str) -> None:
    """R-INS-5: look-alikes are never a mismatch."""
    assert compare_serials(left, right) is compare_serials(right, left)
    assert compare_serials(left, left.replace("O", "0").replace("1", "I")) is not SerialMatch.DIFFERENT
    assert (compare_serials(left, right) is SerialMatch.SAME) is (left == right)


@quick
@given(st.sets(st.sampled_from(Component)), st.booleans(), st.sampled_from(["SN100", "SNIOO", "", "SN200", "X"]))
def test_what_was_not_expected_changes_no_verdict(present: set[Component], genuine: bool, read: str) -> None:
    """R-CMP-3, R-CMP-4."""
    expected = DRONE.components[:3]

    def verdict(parts: set[Component]) -> object:
        seen = inspection(components=tuple(sorted(parts)), genuine=genuine, serial_number=read)
        return assess(seen, serial_number="SN100", expected=expected, replacement_serial="SN200")

    assert verdict(present) == verdict(present & set(expected))
