"""Chooses on labelled images how a trained model is run."""
