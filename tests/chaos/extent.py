"""How much is tried: all of it by `make chaos`, a part drawn by lot in `make test`."""

import os

IS_WHOLE = "CHAOS_WHOLE" in os.environ
SEED = os.environ.get("CHAOS_SEED", "1")
