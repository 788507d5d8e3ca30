"""The command line, with a fold that crashes natively over one video: `python -m tests.deadly_fold_command rebuild`."""

from __future__ import annotations

from ops.cli.main import main
from tests.deadly_fold_worker import break_folds

if __name__ == "__main__":
    break_folds()
    main()
