"""The adapters to AWS, over a real connection."""
