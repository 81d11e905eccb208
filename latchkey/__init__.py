"""The latchkey command line."""
