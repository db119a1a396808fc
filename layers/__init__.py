"""The layers of Lambda and what builds them. With this package, `voucher_selection` is on the path, as in Lambda."""

import sys
from pathlib import Path

_SHARED = str(Path(__file__).resolve().parent / "shared/python")
if _SHARED not in sys.path:
    sys.path.append(_SHARED)
