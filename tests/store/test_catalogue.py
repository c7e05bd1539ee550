"""The catalogue in the database: validated, loaded, cached."""

import json
from dataclasses import replace

import pytest

from domain.catalogue import problems
from store.reads.catalogue import CATALOGUES
from store.seed import DEMO_CATALOGUE, demo_catalogue
from store.writes.catalogue import CatalogueRefused, load_catalogue, parse_catalogue
from tests.store.programme import Programme


async def test_the_catalogue_is_cached_until_another_is_loaded(programme: Programme) -> None:
    before = await programme.queries.catalogue()
    assert before == demo_catalogue()
    assert await programme.queries.catalogue() is before
    fewer = replace(before, models=before.models[:3])
    async with programme.database.transaction() as session:
        assert not await load_catalogue(session, before)
        assert await load_catalogue(session, fewer)
    assert await programme.queries.catalogue() == fewer
    assert await programme.queries.product("mavic-3") is not None
    assert await programme.queries.product("osmo-360") is None


async def test_a_catalogue_that_lacks_a_registered_model_is_refused(programme: Programme) -> None:
    await programme.device("MINI-2001", model="mini-se")
    catalogue = await programme.queries.catalogue()
    with pytest.raises(CatalogueRefused, match="mini-se"):
        async with programme.database.transaction() as session:
            await load_catalogue(session, replace(catalogue, models=catalogue.models[:3]))


def test_an_invalid_catalogue_is_refused_with_all_its_problems() -> None:
    document = json.loads(DEMO_CATALOGUE.read_text())
    offer = document["models"][2]["offers"]["US"]
    offer["hold"]["amount"] = offer["product_value"]["amount"] + 1
    document["models"][-1]["flyaway"] = True
    with pytest.raises(CatalogueRefused) as caught:
        parse_catalogue(document)
    assert {"R-EXP-5", "R-CAT-2"} <= {problem.rule for problem in caught.value.problems}
    del document["regions"][0]["currency"]
    document["models"][0]["category"] = "toaster"
    with pytest.raises(CatalogueRefused) as caught:
        parse_catalogue(document)
    assert len(caught.value.problems) == 2


def test_the_demo_catalogue_is_valid_and_marks_estimated_amounts() -> None:
    catalogue = demo_catalogue()
    assert problems(catalogue) == []
    assert CATALOGUES.validate_json(CATALOGUES.dump_json(catalogue)) == catalogue
    assert [region.code for region in catalogue.regions] == ["US", "EU", "JP", "AU"]
    sourced = {
        (model.slug, code): {"prices.1y", "fees.1", "fees.2", "flyaway_fee", "hold"} - set(offer.estimated)
        for model in catalogue.models
        for code, offer in model.offers.items()
    }
    assert sourced["mavic-3", "US"] == {"prices.1y", "fees.1", "fees.2", "flyaway_fee"}
    assert sourced["mini-se", "US"] >= {"fees.1", "hold"}
    assert "fees.1" not in sourced["mavic-3", "JP"]
