"""A catalogue as a file: validated, compared, shown before it is applied, exported (R-CAT-1, -2, -4)."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from domain.kinds import Category
from store.catalogue_file import differences, read_file, write_file
from store.database import Database
from store.reads.queries import Queries
from store.seed import DEMO_CATALOGUE, demo_catalogue
from store.writes.catalogue import CatalogueRefused, load_catalogue
from tests.store.programme import Programme

Edit = Callable[[dict[str, Any]], Any]


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """The demo catalogue's file after some edits."""

    def write(*edits: Edit) -> Path:
        document = json.loads(DEMO_CATALOGUE.read_text())
        for edit in edits:
            edit(document)
        file = tmp_path / "catalogue.json"
        file.write_text(json.dumps(document))
        return file

    return write


@pytest.fixture
def aftercare(aftercare: Callable[..., tuple[int, str]]) -> Callable[..., tuple[int, str]]:
    """The command `aftercare catalog ...`."""
    return partial(aftercare, "catalog")


def model(slug: str, change: Edit) -> Edit:
    """An edit of one model."""
    return lambda document: change(next(entry for entry in document["models"] if entry["slug"] == slug))


def region(code: str, **values: Any) -> Edit:
    return lambda document: next(entry for entry in document["regions"] if entry["code"] == code).update(values)


def price(amount: int) -> Edit:
    return model("mavic-3", lambda entry: entry["offers"]["US"]["prices"]["1y"].update(amount=amount))


@pytest.mark.parametrize(
    ("edit", "where", "character"),
    [
        (model("mavic-3", lambda entry: entry.update(name="Mavic\u202e 3")), "models.mavic-3.name", "U+202E"),
        (model("mavic-3", lambda entry: entry.update(name="Mavic\u200b3")), "models.mavic-3.name", "U+200B"),
        (model("mavic-3", lambda entry: entry.update(name="Mavic\x07")), "models.mavic-3.name", "U+0007"),
        (model("mavic-3", lambda entry: entry.update(name="Mavic\x9b")), "models.mavic-3.name", "U+009B"),
        (model("mavic-3", lambda entry: entry.update(name="Mavic\n3")), "models.mavic-3.name", "single line"),
        (model("mavic-3", lambda entry: entry.update(slug="mavic\u2060-3")), "models.3.slug", "U+2060"),
        (
            model("mavic-3", lambda entry: entry["offers"]["US"]["estimated"].append("hold\u200f")),
            "models.mavic-3.offers.US.estimated.",
            "U+200F",
        ),
        (region("EU", name="European\u00adUnion"), "regions.EU.name", "U+00AD"),
        (lambda document: document.update(about="A\u2066 file"), "about", "U+2066"),
        (
            model("mavic-3", lambda entry: entry["offers"].update({"U\u200bS": entry["offers"]["US"]})),
            "models.mavic-3.offers.'U\\u200bS'",
            "U+200B",
        ),
    ],
)
def test_text_that_deceives_is_refused_with_the_path_of_its_field(
    edited: Callable[..., Path], edit: Edit, where: str, character: str
) -> None:
    with pytest.raises(CatalogueRefused) as refused:
        read_file(edited(edit))
    assert [p for p in refused.value.problems if p.where.startswith(where) and character in p.message]


def test_text_is_read_in_the_form_nfc(edited: Callable[..., Path]) -> None:
    found = read_file(edited(region("EU", name="Europa\u0308")))
    assert [r.name for r in found.regions if r.code == "EU"] == ["Europ\u00e4"]


def problems_of(file: Path) -> list[tuple[str, str]]:
    with pytest.raises(CatalogueRefused) as refused:
        read_file(file)
    return [(problem.where, problem.rule) for problem in refused.value.problems]


def test_the_demo_file_is_valid_and_round_trips(tmp_path: Path) -> None:
    catalogue = read_file(DEMO_CATALOGUE)
    assert catalogue == demo_catalogue()
    copy = tmp_path / "copy.json"
    copy.write_text(write_file(catalogue))
    assert read_file(copy) == catalogue
    assert differences(catalogue, read_file(copy)) == []


def test_every_problem_has_its_path_and_rule(edited: Callable[..., Path]) -> None:
    """R-CAT-1, R-CAT-2, edge cases 55 and 65."""
    file = edited(
        region("US", window_days=15),
        model("osmo-action-4", lambda entry: entry.update(flyaway=True)),
        model("mavic-3", lambda entry: entry["offers"]["US"]["hold"].update(amount=99_999_999)),
        model("mini-3", lambda entry: entry["offers"]["EU"]["prices"]["1y"].update(currency="JPY")),
    )
    found = problems_of(file)
    for expected in (
        ("regions.US.window_days", "R-RET-1"),
        ("models.osmo-action-4.flyaway", "R-CAT-2"),
        ("models.mavic-3.offers.US.hold", "R-EXP-5"),
        ("models.mini-3.offers.EU.prices.1y", "R-CAT-1"),
    ):
        assert expected in found


def test_misspelt_fields_are_problems(edited: Callable[..., Path]) -> None:
    file = edited(
        lambda document: document.update(modles=[]),
        region("US", windowdays=10),
        model("mavic-3", lambda entry: entry["offers"]["US"].update(estimate=[])),
    )
    assert problems_of(file) == [
        ("modles", "R-CAT-1"),
        ("regions.US.windowdays", "R-CAT-1"),
        ("models.mavic-3.offers.US.estimate", "R-CAT-1"),
    ]


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "null", "[]", '{"regions": 1, "models": {}}', "\ufeff{}"])
def test_a_file_that_is_no_catalogue_is_refused_with_a_reason(tmp_path: Path, text: str) -> None:
    file = tmp_path / "catalogue.json"
    file.write_text(text, encoding="utf-8")
    assert problems_of(file)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    file.write_bytes(b"\xff\xfe{}")
    assert problems_of(file) == [("catalogue.json", "R-CAT-1")]


def test_a_duplicate_field_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    text = DEMO_CATALOGUE.read_text().replace('"premium": true', '"premium": true, "premium": false', 1)
    file.write_text(text)
    assert problems_of(file) == [("premium", "R-CAT-1")]


def test_differences_name_what_was_added_removed_and_changed(edited: Callable[..., Path]) -> None:
    file = edited(
        price(24_900),
        region("US", window_days=12, purchase_hours={"camera_drone": 72, "handheld": 720}),
        model("mini-3", lambda entry: entry["offers"].pop("JP")),
        model("mini-se", lambda entry: entry.update(slug="mini-se-2", name="Mini SE 2")),
        model("air-3", lambda entry: entry.update(maintenance=True)),
    )
    output = [str(change) for change in differences(demo_catalogue(), read_file(file))]
    assert "~ regions.US.window_days: 14 -> 12" in output
    assert f"~ regions.US.purchase_hours.{Category.DRONE}: 48 -> 72" in output
    assert "~ models.mavic-3.offers.US.prices.1y: USD 239.00 -> USD 249.00" in output
    assert "~ models.air-3.maintenance: no -> yes" in output
    assert "+ models.mini-se-2: Mini SE 2" in output
    assert "- models.mini-se: Mini SE" in output
    assert any(line.startswith("- models.mini-3.offers.JP: JPY ") for line in output)
    assert len(output) == 7


def test_another_order_is_a_difference(edited: Callable[..., Path]) -> None:
    (change,) = differences(demo_catalogue(), read_file(edited(lambda document: document["regions"].reverse())))
    assert str(change) == "~ regions: US, EU, JP, AU -> AU, JP, EU, US"


def test_check_returns_an_exit_code_and_changes_nothing(
    aftercare: Callable[..., tuple[int, str]], edited: Callable[..., Path], tmp_path: Path
) -> None:
    assert aftercare("check", DEMO_CATALOGUE) == (0, f"{DEMO_CATALOGUE} is sound: 15 models in 4 regions\n")
    code, output = aftercare("check", edited(region("US", window_days=15)))
    assert code == 1
    assert "regions.US.window_days: The return window must be 7 to 14 days. (R-RET-1)" in output
    assert "1 problem." in output
    assert aftercare("check", tmp_path / "none.json")[0] == 2


def test_a_difference_is_shown_and_applied_when_confirmed(
    aftercare: Callable[..., tuple[int, str]], edited: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = edited(price(24_900))
    line = "~ models.mavic-3.offers.US.prices.1y: USD 239.00 -> USD 249.00"
    monkeypatch.setattr("typer.confirm", refuse)
    code, output = aftercare("load", file)
    assert (code, line in output) == (1, True)
    assert line in aftercare("load", file)[1]  # not applied yet
    code, output = aftercare("load", file, "--yes")
    assert (code, line in output, "Loaded 1 change. " in output) == (0, True, True)
    code, output = aftercare("load", file)
    assert (code, output) == (0, "Nothing changes: this catalogue is in force already\n")


def refuse(question: str, abort: bool) -> None:
    import typer

    raise typer.Abort


async def test_offers_of_registered_devices_stay_and_open_claims_keep_their_terms(
    programme: Programme,
    database: Database,
    aftercare: Callable[..., tuple[int, str]],
    edited: Callable[..., Path],
) -> None:
    """R-CAT-4."""
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    code, output = aftercare("load", edited(model("mavic-3", lambda entry: entry["offers"].pop("US"))), "--yes")
    assert code == 1
    assert "models.mavic-3.offers.US: 1 registered devices still need this offer. (R-CAT-1)" in output
    dearer = model("mavic-3", lambda entry: entry["offers"]["US"]["fees"][0].update(amount=99_900))
    assert aftercare("load", edited(dearer), "--yes")[0] == 0
    assert await programme.reserve(programme.reservation(claim_id=reserved.claim.id)) == reserved
    product = await Queries(database).product("mavic-3")
    assert product is not None
    assert product.offers["US"].fees[0].amount == 99_900


def test_an_exported_catalogue_can_be_loaded(aftercare: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    assert aftercare("export", file) == (0, f"Written to {file}\n")
    assert aftercare("export") == (0, file.read_text())
    assert read_file(file) == demo_catalogue()
    assert aftercare("load", file)[0] == 0
    assert aftercare("export", tmp_path)[0] == 2


def test_a_database_without_tables_is_reported(
    aftercare: Callable[..., tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTERCARE_DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")
    code, output = aftercare("load", DEMO_CATALOGUE, "--yes")
    assert (code, "run `aftercare db upgrade`" in output) == (2, True)


async def test_a_models_pattern_judges_the_serial_numbers_of_new_units(programme: Programme) -> None:
    """R-INS-5."""
    catalogue = await programme.queries.catalogue()
    models = tuple(
        replace(model, serial_pattern="M3[0-9]{4}") if model.slug == "mavic-3" else model for model in catalogue.models
    )
    async with programme.database.transaction() as session:
        await load_catalogue(session, replace(catalogue, models=models))
    await programme.device("M3-2001")
    with pytest.raises(ApplicationError, match="M32001 would be"):
        await programme.device("M3-2OO1")
    with pytest.raises(ApplicationError, match="form of this model"):
        await programme.device("M3-200X")
