"""The options of the server and the command line, each declared once, one module per group.

An option is a field of its group: its environment variable is the field's name in capitals, its default is the text
of that variable, and its description is printed in `.env.example`.
"""

from factory.settings.load import SettingsError, declared_options, load_settings
from factory.settings.settings import GROUPS, Settings
from factory.settings.types import Option

__all__ = ["GROUPS", "Option", "Settings", "SettingsError", "declared_options", "load_settings"]
