"""The two units: one RSA-2048 signature, one RSA-2048 verification (RSASSA-PKCS1-v1_5 with SHA-256).

A unit is no constant of nature: with the AVX-512 IFMA instructions a signature takes a third of the time that it takes
without, and everything beside it then counts three times as much. So each run tells what its units were.
"""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from bench.measure import Meter, Work, in_process
from tests.simulator import PRIVATE_KEY

SIGNATURES, VERIFICATIONS = 100, 1_000
MESSAGE = b"x" * 400  # about what is signed of a token


def signature() -> bytes:
    """Make the unit of issuing."""
    return PRIVATE_KEY.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256())


def signature_meter() -> Meter:
    """Meter the unit of issuing in this process."""
    return in_process(signature)


def verification() -> Work:
    """Give the unit of verifying."""
    public_key, signed = PRIVATE_KEY.public_key(), signature()
    return lambda: public_key.verify(signed, MESSAGE, padding.PKCS1v15(), hashes.SHA256())


def description() -> str:
    """Tell what the units are on this machine, now."""
    milliseconds = 1000 * _each(signature, SIGNATURES)
    microseconds = 1_000_000 * _each(verification(), VERIFICATIONS)
    return f"units here: one signature {milliseconds:.3f} ms, one verification {microseconds:.1f} us of CPU"


def _each(work: Work, times: int) -> float:
    return in_process(work)(times) / times
