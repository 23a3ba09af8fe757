"""Settings of the experiments; default.py has every field."""
