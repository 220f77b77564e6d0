"""``mw-dvc``: DVC's data commands on DVC's own files, fast enough not to be waited for."""
