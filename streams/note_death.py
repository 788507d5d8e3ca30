"""The former name of `streams.worker.note_death`, which parent processes of the previous release call; kept for one
release.

An upgrade in place changes the files of a running worker. Its parent process then finds this module.
"""

from __future__ import annotations

from streams.worker.note_death import main

if __name__ == "__main__":
    main()
