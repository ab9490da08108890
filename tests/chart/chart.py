"""Where the chart lies, and the types of what tests see of it."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "mltask-operator"

Objects = list[dict[str, Any]]
Ended = subprocess.CompletedProcess[str]
Helm = Callable[..., Ended]
Render = Callable[..., Objects]
