"""Tests of the people function."""
