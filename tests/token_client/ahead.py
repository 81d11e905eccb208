"""Runs a module in a process whose clock is off, from before anything else is imported.

python -m tests.token_client.ahead SECONDS MODULE ARGUMENT...
"""

import runpy
import sys
import time

if __name__ == "__main__":
    real, seconds = time.time, float(sys.argv[1])
    time.time = lambda: real() + seconds
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
