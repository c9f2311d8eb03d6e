"""``python -m facelm`` is the command ``facelm``."""

from facelm.cli.app import main

main()
