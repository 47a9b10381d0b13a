"""`python -m libpod`: the program `podman` of this interpreter."""

from libpod.cli.main import main

main()
