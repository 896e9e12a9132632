"""The lab is started for real, and broken, ended and killed."""
