"""Benchmarks: FastAPI with one route that returns a constant, served by uvicorn as the API is. `... constant PORT`."""

import logging
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI

from devstack.exit_with_parent import exit_when_stdin_closes

app = FastAPI(docs_url=None, redoc_url=None)
RESPONSE = {"serial_number": "1581F45T7228D00B", "status": "current", "left": 2}


@app.get("/constant")
async def constant() -> dict[str, Any]:
    return RESPONSE


if __name__ == "__main__":
    exit_when_stdin_closes()
    # The API writes a line for each request by its own settings; so does this.
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", stream=sys.stderr)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, server_header=False)
