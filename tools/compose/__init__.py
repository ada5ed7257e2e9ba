"""Compose files: the model of an application, what is to be done for it, and doing it."""
