"""A service that calls another API for each of its own requests, with one token for all of them.

ISSUER=... API=... CLIENT_ID=... CLIENT_SECRET=... uvicorn token_fastapi_service:app
"""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from token_client import AsyncTokenClient, EnvironmentSecret, TokenClientError

log = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Make the client once; it and its connections are there for as long as the process is."""
    async with (
        AsyncTokenClient(os.environ["ISSUER"], credentials=EnvironmentSecret(), scope="products:read") as client,
        httpx.AsyncClient(base_url=os.environ["API"], auth=client.auth()) as api,
    ):
        yield {"api": api}


app = FastAPI(lifespan=lifespan)


@app.exception_handler(TokenClientError)
async def without_token(_: Request, error: TokenClientError) -> JSONResponse:
    """Say that it is not the caller's fault; the reason is for the log."""
    log.error("no token: %s", error)
    return JSONResponse({"error": "temporarily_unavailable"}, 503)


@app.get("/prices")
async def prices(request: Request) -> dict[str, str]:
    """Give the price of each product."""
    answer = await request.state.api.get("/products")
    return {product["name"]: product["price"] for product in answer.raise_for_status().json()["products"]}
