"""ocipipe: containers as Unix pipes. Every command is a file in `cmd/`; start reading there."""

__version__ = "0.1.0"
