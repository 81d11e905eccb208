"""The documentation: what it says is generated, or run."""
