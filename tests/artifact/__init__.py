"""Tests of what `sam build` makes, run by Lambda's own runtime client."""
