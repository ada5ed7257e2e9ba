"""Containers through their life: made, started, attached to, stopped, ended, removed."""
