"""API: Swagger UI. All its files are served from here, so it works offline."""

from typing import Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

PATH: Final = "/docs"
_FILES: Final = "/docs/files"
_CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; "
    "script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
)
"""The browser may load nothing from another host. FastAPI's page starts Swagger UI with an inline script."""

router = APIRouter()


@router.get(PATH, include_in_schema=False)
async def page(request: Request) -> HTMLResponse:
    root = request.scope.get("root_path", "").rstrip("/")
    app: FastAPI = request.app
    response = get_swagger_ui_html(
        openapi_url=f"{root}{app.openapi_url}",
        title=f"{app.title} API",
        swagger_js_url=f"{root}{_FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{root}{_FILES}/swagger-ui.css",
        swagger_favicon_url=f"{root}{_FILES}/favicon.png",
        # Without this Swagger UI sends the document to a validator on the internet.
        swagger_ui_parameters={"validatorUrl": None},
    )
    response.headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY
    return response


def install(app: FastAPI) -> None:
    """Add the page and its files to the application."""
    app.include_router(router)
    app.mount(_FILES, StaticFiles(packages=[("fastapi_offline", "static")]))
