"""The protected sample API: products and messages."""
