"""All measures, each with what it is to reach and what others need.

The references were measured on one machine of two cores; a run adds those that it can measure beside the thing itself.
"""

from auth_server.signing_keys.key_record import DATA_KEY
from bench import cold_start, cost, growth, issue, issue_in_kms, issue_over_http, verify
from bench.artifacts import artifact_size
from bench.row import Row

SIGNATURES = "RSA-2048 signatures"
VERIFICATIONS = "RSA-2048 verifications"

ROWS = (
    Row(
        "issue_in_process",
        SIGNATURES,
        1.15,
        "RS256 text and signature alone 1.02; PyJWT encode alone 1.11",
        issue.issue_in_process,
    ),
    Row(
        "issue_http",
        SIGNATURES,
        1.4,
        "node-oidc-provider 1.6 to 1.8; Authlib on Flask 2.3 to 2.5; bare WSGI 1.4 to 1.7; bare Node 1.2; "
        "django-oauth-toolkit 5.4",
        issue_over_http.issue_http,
    ),
    Row("issue_kms", SIGNATURES, 2.5, "a plain boto3 handler 6.1 to 6.6", issue_in_kms.issue_kms),
    Row(
        "aws_calls",
        "calls a token",
        {**dict.fromkeys(map(issue_in_kms.name_of, issue_in_kms.CLIENTS), 2), DATA_KEY: 1},
        "the plain design: 1 DynamoDB read and 1 KMS signature",
        issue_in_kms.aws_calls,
    ),
    Row(
        "verify_new",
        VERIFICATIONS,
        4.0,
        "PyJWT with full claims 3.5, with its key look-up 5.8; aws-jwt-verify 2.0; by hand 1.7",
        verify.verify_new,
    ),
    Row("verify_repeat", VERIFICATIONS, 0.4, "none of them caches", verify.verify_repeat),
    Row("routes_growth", "times 5 routes, with 500", 1.2, "", verify.routes_growth),
    Row("cold_authorizer", "times PyJWT + cryptography", 1.15, "362 ms", cold_start.cold_authorizer),
    Row("cold_token", "times boto3 with two clients", 0.6, "1,080 ms, no bytecode", cold_start.cold_token),
    Row(
        "artifact_size",
        "MB zipped",
        {"authorizer": 5.5, "token": 22},
        "PyJWT + cryptography 4.8; + boto3 21.4",
        artifact_size,
    ),
    Row(
        "clients_growth",
        "times few clients",
        {"CPU": 1.05, "reads": 1, "AWS calls": 1},
        "",
        growth.clients_growth,
    ),
    Row(
        "cost",
        "USD per million tokens",
        {"HTTP API": 4.53, "REST API": 7.03, "HTTP API, data_key": 2.00, "REST API, data_key": 4.50},
        "Cognito 2,250; by the price list 4.53 (HTTP API) and 7.03 (REST API)",
        cost.cost,
    ),
    Row("growth", "times the first point of its curve", 1.05, "constant", growth.growth),
)
BY_KEY: dict[str, Row] = {row.key: row for row in ROWS}
