"""Tests of what is deployed: the template, its documents, and what they let each function do."""
