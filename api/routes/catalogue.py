"""API: products and prices."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.openapi import read_problems
from api.problems import Code, not_found
from api.responses.catalogue import ProductList, ProductView
from api.services import AuthenticatedServices

router = APIRouter(tags=["Catalogue"])


@router.get("/products", summary="List the products", responses=read_problems())
async def products(services: AuthenticatedServices) -> ProductList:
    """Every product on one page; `next_cursor` is always null."""
    catalogue = await services.queries.catalogue()
    return ProductList(items=[ProductView.of(model, catalogue) for model in catalogue.models], next_cursor=None)


@router.get("/products/{model}", summary="Show a product", responses=read_problems(Code.NOT_FOUND))
async def product(
    services: AuthenticatedServices, model: Annotated[str, Path(description="The model's slug.", examples=["mavic-3"])]
) -> ProductView:
    """Category, cover and, per region, every price."""
    known = await services.queries.product(model)
    if known is None:
        raise not_found("such product")
    return ProductView.of(known, await services.queries.catalogue())
