"""`latchkey cost`: what a month costs, service by service, beside what Amazon Cognito would ask."""

from typing import Annotated, Any

import typer

from latchkey import bill, prices
from latchkey.bill import Item, Month
from latchkey.options import Json, help_end
from latchkey.output import emit, print_line, table

app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)

WAYS = ("kms", "data_key", "reuse")
NOTES = (
    f"us-east-1, on demand, without free tiers; prices of {prices.AS_OF}, see latchkey/prices.py for the pages.",
    "kms: KMS signs each token. data_key: a key endorsed by KMS does. reuse: an unexpired token is given again.",
    "Of API calls the authorizer is counted, once for each token and cache time at most, and not the API's own price.",
    "Not counted: access logs, alarms, data transfer, and a web application firewall.",
)


def _count(about: str, *, least: int = 0) -> Any:
    return typer.Option(min=least, metavar="N", help=about)


@app.command(
    epilog=help_end(
        "latchkey cost --tokens-per-month 1000000",
        "latchkey cost --tokens-per-month 1000000 --api-calls-per-month 50000000 --http-api --json",
    )
)
def cost(  # noqa: PLR0913 - each is an option of the command
    *,
    tokens_per_month: Annotated[int, _count("Token requests in a month.")],
    api_calls_per_month: Annotated[int, _count("Calls of protected APIs in a month.")] = 0,
    clients: Annotated[int, _count("Clients that share the requests evenly.", least=1)] = 100,
    token_lifetime: Annotated[int, _count("Seconds that a token lives.", least=60)] = 3600,
    authorizer_cache: Annotated[int, _count("Seconds that API Gateway keeps an authorizer's answer.")] = 300,
    http_api: Annotated[bool, typer.Option("--http-api", help="The token endpoint is behind an HTTP API.")] = False,
    as_json: Json = False,
) -> None:
    """Estimate what a month costs: by service, for each way of signing, beside Amazon Cognito's price."""
    month = Month(tokens_per_month, api_calls_per_month, clients, token_lifetime, authorizer_cache, rest=not http_api)
    bills = {way: bill.bill(month, way) for way in WAYS} | {"cognito": bill.cognito(month)}
    emit(_document(bills), as_json=as_json, show=lambda: table(_COLUMNS, _rows(bills)))
    if not as_json:
        print_line("\n" + "\n".join(NOTES))


_COLUMNS = ("service", "what", *WAYS, "cognito")


def _document(bills: dict[str, list[Item]]) -> dict[str, Any]:
    return {
        "currency": "USD",
        "region": "us-east-1",
        "prices_as_of": prices.AS_OF,
        "bills": {way: {"items": list(map(_item, items)), "total": _round(items)} for way, items in bills.items()},
    }


def _item(item: Item) -> dict[str, Any]:
    return {
        "service": item.service,
        "unit": item.unit,
        "quantity": round(item.quantity, 3),
        "dollars": round(item.dollars, 4),
        "source": item.price.source,
    }


def _round(items: list[Item]) -> float:
    return round(bill.total(items), 4)


def _rows(bills: dict[str, list[Item]]) -> list[list[str]]:
    lines = dict.fromkeys((item.service, item.unit) for items in bills.values() for item in items)
    found = {way: {(item.service, item.unit): item.dollars for item in items} for way, items in bills.items()}
    rows = [[*line, *(_money(found[way].get(line)) for way in found)] for line in lines]
    return [*rows, ["together", "", *(_money(bill.total(items)) for items in bills.values())]]


def _money(dollars: float | None) -> str:
    return "" if dollars is None else f"{dollars:,.2f}"
