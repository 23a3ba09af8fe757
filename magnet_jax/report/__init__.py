"""Charts and the HTML page that show what was measured."""
