"""AWS's public prices in US dollars, on demand, first tier, without free tiers: us-east-1."""

from dataclasses import dataclass
from typing import Final

AS_OF: Final = "2026-07"  # year and month in which the pages were read
MILLION: Final = 1_000_000
GB: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for one unit of something, and the page that says so."""

    dollars: float
    source: str


REST_API_REQUEST = Price(3.50 / MILLION, "https://aws.amazon.com/api-gateway/pricing/")
HTTP_API_REQUEST = Price(1.00 / MILLION, "https://aws.amazon.com/api-gateway/pricing/")
LAMBDA_REQUEST = Price(0.20 / MILLION, "https://aws.amazon.com/lambda/pricing/")
# A GB-second of a warm function: from the handler's start to its end, by the millisecond.
LAMBDA_GB_SECOND = {
    "arm64": Price(0.0000133334, "https://aws.amazon.com/lambda/pricing/"),
    "x86_64": Price(0.0000166667, "https://aws.amazon.com/lambda/pricing/"),
}
# RSA_2048 is priced as a symmetric key is; other asymmetric keys cost five times as much.
KMS_REQUEST = Price(0.03 / 10_000, "https://aws.amazon.com/kms/pricing/")
KMS_KEY_MONTH = Price(1.00, "https://aws.amazon.com/kms/pricing/")
# A strongly consistent read of an item of up to 4 KB is one read request unit.
DYNAMODB_READ_UNIT = Price(0.125 / MILLION, "https://aws.amazon.com/dynamodb/pricing/on-demand/")
LOG_BYTE = Price(0.50 / GB, "https://aws.amazon.com/cloudwatch/pricing/")
# The first tier of each; there are cheaper ones for larger numbers.
COGNITO_CLIENT_MONTH = Price(6.00, "https://aws.amazon.com/cognito/pricing/")
COGNITO_TOKEN = Price(2.25 / 1_000, "https://aws.amazon.com/cognito/pricing/")

# A Lambda has one vCPU for each so many MB of memory: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MB_PER_VCPU = 1_769
# What Lambda itself writes for an invocation, besides the function's own lines.
PLATFORM_LOG_BYTES = len(
    "START RequestId: 00000000-0000-0000-0000-000000000000 Version: $LATEST\n"
    "END RequestId: 00000000-0000-0000-0000-000000000000\n"
    "REPORT RequestId: 00000000-0000-0000-0000-000000000000\tDuration: 20.00 ms\tBilled Duration: 20 ms\t"
    "Memory Size: 1024 MB\tMax Memory Used: 100 MB\t\n"
)
# Assumed, as there is no AWS here to measure it: what a warm function waits for one answer, in seconds.
WAIT_S = {
    "GetItem": 0.004,
    "Scan": 0.004,
    "UpdateItem": 0.006,
    "Sign": 0.010,
    "GetPublicKey": 0.010,
    "Decrypt": 0.010,
}
