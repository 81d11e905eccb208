"""What is deployed, and the local stack that runs the same descriptions on a laptop."""
