"""Who asks: HTTP and pages. Knows no activity and none of the writes."""
