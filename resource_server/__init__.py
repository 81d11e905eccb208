"""The protected sample API: products."""
