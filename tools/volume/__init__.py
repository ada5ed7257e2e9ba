"""Volumes as commands and containers use them: made, filled, mounted, removed. Where they lie is store/volumes.py."""
