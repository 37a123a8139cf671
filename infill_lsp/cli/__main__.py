"""`python -m infill_lsp.cli`."""

import sys

from infill_lsp.cli.main import main

sys.exit(main())
