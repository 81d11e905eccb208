"""Tests of the protected sample API."""
