"""Runs the methods over labelled images, and shows what came of it."""
