"""Run `python -m infill_model.cli`."""

import sys

from infill_model.cli.main import main

sys.exit(main())
