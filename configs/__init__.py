"""Configs; default.py has every field, the others override some of them."""
