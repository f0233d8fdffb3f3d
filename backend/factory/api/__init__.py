"""HTTP to use cases and back: nothing that the command line would need too."""
