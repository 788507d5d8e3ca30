"""`python -m ops.evaluate.documents`: write the figures of saved results into cards, documents and default policy."""

from __future__ import annotations

from ops.evaluate.documents.generating import REPOSITORY, generated


def main() -> None:
    """Write what differs, and name it."""
    for path, content in generated():
        if path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")
            print(path.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
