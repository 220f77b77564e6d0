"""``python -m millwright.cli``: the command line where no ``mw`` is on the path."""

from millwright.cli.main import main

if __name__ == "__main__":
    main()
