"""A local page that segments the images which a person drops into it."""
