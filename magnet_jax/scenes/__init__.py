"""Generated aerial scenes with exact labels."""
