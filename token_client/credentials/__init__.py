"""Where a client's credentials come from, and how it proves itself with them."""
