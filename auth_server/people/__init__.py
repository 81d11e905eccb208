"""People who sign up and log in with a password, for front ends that have no other identity provider."""
