"""What the commands do with images: from files to files."""
