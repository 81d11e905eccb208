"""The command `python -m infra.lint`."""

import logging
import sys

from infra.cloudformation import TEMPLATE
from infra.lint import findings


def main() -> int:
    """Print the findings; return how the process ends."""
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    found = list(findings())
    for finding in found:
        sys.stdout.write(f"{finding}\n")
    sys.stdout.write(f"{TEMPLATE.parent.name}: {len(found) or 'no'} finding{'' if len(found) == 1 else 's'}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
