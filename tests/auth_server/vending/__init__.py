"""Token vending."""
