"""``python -m facelm`` is the command ``facelm``."""

from facelm.cli import main

main()
