"""Tests of the latchkey command line."""
