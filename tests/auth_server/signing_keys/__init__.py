"""Tests of the signing keys that come after the first."""
