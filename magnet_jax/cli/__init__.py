"""The commands: flags, and one call each."""
