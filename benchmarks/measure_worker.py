"""Time calls for another process: ``python measure_worker.py ENGINE``, JSON lines in and out.

An engine is a file with ``prepare(task)``, which returns the call to time without arguments, and
``describe(result)``, which returns numbers by which the results of two sides can be compared.
This runs in the environments of peers too, so it imports NumPy and the standard library only.
"""

import contextlib
import ctypes
import gc
import importlib.util
import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path

import numpy as np


def load(path):
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def give_back():
    """Return freed memory to the system, that what is left is what is in use."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another system than Linux
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def start_peak():
    """Return the bytes resident now, from which the peak counts anew where Linux allows it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return peak()


def peak():
    """Return the highest number of resident bytes since then."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(engine, task):
    call = engine.prepare(task)
    give_back()
    before = start_peak()
    processor, wall = time.process_time(), time.perf_counter()
    result = call()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return {
        "seconds": wall,
        "cpu_seconds": processor,
        "peak_bytes": peak() - before,
        "numbers": np.ravel(engine.describe(result)).astype(float).tolist(),
    }


def main(path):
    # Whatever a library prints goes to stderr: stdout belongs to the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    engine = load(path)
    for line in sys.stdin:
        try:
            answer = measure(engine, json.loads(line))
        except Exception as error:
            answer = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
