"""Tests of the API Gateway authorizer."""
