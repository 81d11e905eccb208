"""The README's tables that the source knows better. `make docs` writes them; a test holds the README against them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import auth_server.people.settings
import auth_server.settings
import auth_server.signing_keys.settings
import auth_server.vending.settings
import authorizer.settings
import resource_server.settings
from latchkey import prices
from latchkey.prices import MILLION, Price

README = Path(__file__).parents[2] / "README.md"
DEPLOYABLES: tuple[tuple[str, Any], ...] = (
    ("The authorization server", auth_server.settings),
    ("Token vending", auth_server.vending.settings),
    ("Sign-up and log-in", auth_server.people.settings),
    ("The rotation of signing keys", auth_server.signing_keys.settings),
    ("The authorizer", authorizer.settings),
    ("The sample API", resource_server.settings),
)
# What a million tokens take behind a REST API, in units of the price. A warm token Lambda of 1 GB runs for 19 ms, of
# which 14 are spent waiting for DynamoDB and KMS, and the gate before it for 1 ms.
COSTS: tuple[tuple[str, str, float, Price], ...] = (
    ("API Gateway, REST", "1 request", MILLION, prices.REST_API_REQUEST),
    ("KMS", "1 RSA_2048 signature", MILLION, prices.KMS_REQUEST),
    ("Lambda", "2 invocations, arm64", 2 * MILLION, prices.LAMBDA_REQUEST),
    ("Lambda", "20 ms at 1 GB", 0.020 * MILLION, prices.LAMBDA_GB_SECOND["arm64"]),
    ("DynamoDB", "1 consistent read", MILLION, prices.DYNAMODB_READ_UNIT),
    ("CloudWatch Logs", "0.9 KB", 900 * MILLION, prices.LOG_BYTE),
)


def settings_table() -> str:
    """Give a table of every variable, by deployable."""
    lines = []
    for title, module in DEPLOYABLES:
        lines += [f"**{title}**", "", "| variable | default | unit | meaning |", "| --- | --- | --- | --- |"]
        for row in module.SETTINGS:
            default = "must be set" if row.default is None else f"`{row.default}`" if row.default else "none"
            lines.append(f"| `{row.name}` | {default} | {row.unit} | {row.meaning} |")
        lines.append("")
    return "\n".join(lines).rstrip()


def cost_table() -> str:
    """Give the cost of a million tokens, item by item."""
    lines = ["| service | for each token | dollars per million |", "| --- | --- | ---: |"]
    lines += [
        f"| [{service}]({price.source}) | {use} | {quantity * price.dollars:.2f} |"
        for service, use, quantity, price in COSTS
    ]
    total = sum(quantity * price.dollars for _, _, quantity, price in COSTS)
    saved = MILLION * (prices.REST_API_REQUEST.dollars - prices.HTTP_API_REQUEST.dollars)
    lines.append(f"| | **together** | **{total:.2f}** |")
    return "\n".join([*lines, "", f"Behind an HTTP API it is at least ${saved:.2f} less."])


TABLES: dict[str, Callable[[], str]] = {"settings": settings_table, "cost": cost_table}


def with_tables(text: str) -> str:
    """Give the text with each table between its marks written anew."""
    for name, table in TABLES.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text, found = marks.subn(lambda match, table=table: match[1] + table() + "\n" + match[2], text)  # type: ignore[misc] # mypy cannot type a default of a lambda
        assert found == 1, f"the marks of {name} are missing"
    return text


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
