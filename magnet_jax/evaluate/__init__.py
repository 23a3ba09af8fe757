"""Methods measured on labelled images: records, statistics, times."""
