"""`make soak`: half an hour of events while one part after another breaks."""
