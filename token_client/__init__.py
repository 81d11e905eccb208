"""A token in every call, fetched once: the client of Latchkey, and of any other OAuth 2.0 server."""
