"""`python -m orion` is the command `orion`."""

from orion.cli import main

if __name__ == "__main__":
    main()
