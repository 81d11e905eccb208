"""The client SDK, against real servers."""
