"""Tests of the local stack, over real HTTP."""
