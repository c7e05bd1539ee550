"""Serial numbers of new units: their form, look-alikes and what is read instead (R-INS-5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.serials import form_problem, is_gtin, look_alike_key, misreading, pattern_problem

PATTERN = "1581F[0-9A-HJ-NP-Z]{9}"

ACCEPTED = [
    ("SN1234", None, False),
    ("sn - 1234", None, False),
    ("1581F45T7228D0", PATTERN, False),
    ("1581f-45t7-228d0", PATTERN, False),
    ("X1", "X[0-9]", False),  # shorter than without a pattern
    ("4006381333931", "[0-9]{13}", False),  # the model's own numbers look like a GTIN
    ("4006381333931", None, True),
    ("4006381333932", None, False),  # the check digit is another
]
REFUSED = [
    ("X", None, False, "at least 6"),
    ("SN123", None, True, "at least 6"),
    ("S-N-1-2", None, False, "at least 6"),
    ("ＳＮ１２３４", None, False, "full-width"),
    ("SN12\r34", None, False, "scanner"),
    ("SN1234\rSN1235", None, False, "scanner"),
    ("4006381333931", None, False, "GTIN"),
    ("036000291452", None, False, "GTIN"),
    ("10012345678902", None, False, "GTIN"),
    ("1581F45T7228DO", PATTERN, False, "1581F45T7228D0 would be"),
    ("I581F45T7228D0", PATTERN, True, "1581F45T7228D0 would be"),
    ("4006381333931", PATTERN, True, "form of this model"),
    ("1581F45T7228D", PATTERN, False, "form of this model"),
    ("A" * 65, None, False, "1 to 64"),
    (" - ", None, False, "1 to 64"),
]


@pytest.mark.parametrize(("text", "pattern", "confirmed"), ACCEPTED)
def test_a_serial_number_has_the_form_of_its_model(text: str, pattern: str | None, confirmed: bool) -> None:
    assert form_problem(text, pattern, confirmed=confirmed) is None


@pytest.mark.parametrize(("text", "pattern", "confirmed", "named"), REFUSED)
def test_what_is_no_serial_number_is_named(text: str, pattern: str | None, confirmed: bool, named: str) -> None:
    problem = form_problem(text, pattern, confirmed=confirmed)
    assert problem is not None
    assert named in problem


def test_serial_numbers_look_alike_by_o_and_0_and_by_i_and_1() -> None:
    assert look_alike_key("1581f-O0I1") == look_alike_key("I58 1FOOII") == "1581F0011"
    assert look_alike_key("SN8") != look_alike_key("SNB")


@given(st.text("0123456789", min_size=11, max_size=13))
def test_every_number_has_one_check_digit_that_makes_it_a_gtin(digits: str) -> None:
    assert sum(is_gtin(f"{digits}{check}") for check in range(10)) == 1


@pytest.mark.parametrize("text", ["12345670", "4006381333931X", "４００６３８１３３３９３１", ""])
def test_another_length_or_character_is_no_gtin(text: str) -> None:
    assert not is_gtin(text)


def test_a_scanners_line_break_at_the_end_is_no_misreading() -> None:
    assert misreading("SN1234\r\n") is None


def test_a_models_pattern_is_a_regular_expression() -> None:
    assert pattern_problem(PATTERN) is None
    assert pattern_problem("[") is not None
