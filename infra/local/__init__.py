"""The local stack: what is deployed to AWS, run on one machine from the same descriptions."""
