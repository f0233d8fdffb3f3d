"""Factory productivity metrics from camera and sensor events."""

__version__ = "1.0.0"
