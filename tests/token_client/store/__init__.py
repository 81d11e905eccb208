"""Tests of the shared store."""
