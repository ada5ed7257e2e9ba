"""The formats ocipipe speaks: bytes in, values out.

Nothing in this package opens a file (its own schemas apart), reads the environment, or talks to a network or
another program, so every function here can be tested with a literal and used by anyone who has the bytes.
"""
