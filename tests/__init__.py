"""The tests: they mirror the source, and a test is a sentence of a specification."""
