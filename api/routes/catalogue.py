"""API: products and prices."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.answers.catalogue import ProductList, ProductView
from api.problems import Code, not_found
from api.reference import reads
from api.services import HereForAll

router = APIRouter(tags=["Catalogue"])


@router.get("/products", summary="List the products", responses=reads())
async def products(here: HereForAll) -> ProductList:
    """Every product on one page; `next_cursor` is always null."""
    catalogue = await here.views.catalogue()
    return ProductList(items=[ProductView.of(model, catalogue) for model in catalogue.models], next_cursor=None)


@router.get("/products/{model}", summary="Show a product", responses=reads(Code.NOT_FOUND))
async def product(
    here: HereForAll, model: Annotated[str, Path(description="The model's slug.", examples=["mavic-3"])]
) -> ProductView:
    """Category, cover and, per region, every price."""
    known = await here.views.product(model)
    if known is None:
        raise not_found("such product")
    return ProductView.of(known, await here.views.catalogue())
