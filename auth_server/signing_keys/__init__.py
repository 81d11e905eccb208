"""The keys that come after the first: records that KMS has endorsed, and when each of them signs.

See docs/signing-keys.md.
"""
