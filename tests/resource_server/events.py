"""Good events of both payload formats, as API Gateway sends them; a test changes one thing in one."""

from typing import Any

Event = dict[str, Any]

READ_AND_WRITE = "products:read products:write"
EVERYTHING = f"{READ_AND_WRITE} messages:write"
GOOD_BODY = '{"name": "Kettle", "price": "24.90"}'
GOOD_MESSAGE = '{"text": "Tea at four?"}'


def rest_event(
    method: str, path: str, *, permissions: str | None = READ_AND_WRITE, body: str | None = None, **query: str
) -> Event:
    """Return a REST API's proxy event; `permissions=None` leaves out the authorizer's context."""
    authorizer = {"principalId": "shop", "client_id": "shop", "permissions": permissions, "exp": "4102444800"}
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": {"Host": "evil.example", "Authorization": "Bearer not-for-the-log"},
        "multiValueHeaders": {"Host": ["evil.example"], "Authorization": ["Bearer not-for-the-log"]},
        "queryStringParameters": query or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
        "pathParameters": None,
        "requestContext": {
            "requestId": "request-1",
            "stage": "prod",
            "path": f"/prod{path}",
            "httpMethod": method,
            **({"authorizer": authorizer} if permissions is not None else {}),
        },
        "body": body,
        "isBase64Encoded": False,
    }


def http_event(
    method: str, path: str, *, permissions: str | None = READ_AND_WRITE, body: str | None = None, raw_query: str = ""
) -> Event:
    """Return an HTTP API's event in payload format 2.0; `permissions=None` leaves out the authorizer's context."""
    context = {"client_id": "shop", "permissions": permissions, "exp": 4102444800}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": raw_query,
        "headers": {"host": "evil.example", "authorization": "Bearer not-for-the-log"},
        "requestContext": {
            "requestId": "request-1",
            "stage": "$default",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            **({"authorizer": {"lambda": context}} if permissions is not None else {}),
        },
        **({"body": body} if body is not None else {}),
        "isBase64Encoded": False,
    }


BUILDERS = (rest_event, http_event)
