"""Runs the methods over labelled images and keeps a record of each."""
