"""DVC's formats, read and written: the way in for teams that come from DVC, and the way back."""
