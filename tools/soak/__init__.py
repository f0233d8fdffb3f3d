"""`make soak`: half an hour of events while one thing after the other breaks."""
