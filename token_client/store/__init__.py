"""Stores that processes share tokens in."""
