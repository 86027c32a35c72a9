"Values of the attribute resource_set."

# Bazel takes only functions that are named at the top level of a file.

def _cpu_2(_os, _inputs):
    return {"cpu": 2}

def _cpu_4(_os, _inputs):
    return {"cpu": 4}

def _mem_512m(_os, _inputs):
    return {"memory": 512}

def _mem_1g(_os, _inputs):
    return {"memory": 1 << 10}

def _mem_2g(_os, _inputs):
    return {"memory": 2 << 10}

def _mem_4g(_os, _inputs):
    return {"memory": 4 << 10}

def _mem_8g(_os, _inputs):
    return {"memory": 8 << 10}

def _mem_16g(_os, _inputs):
    return {"memory": 16 << 10}

def _mem_32g(_os, _inputs):
    return {"memory": 32 << 10}

# Memory is in MiB.
RESOURCE_SETS = {
    "cpu_2": _cpu_2,
    "cpu_4": _cpu_4,
    "default": None,
    "mem_512m": _mem_512m,
    "mem_1g": _mem_1g,
    "mem_2g": _mem_2g,
    "mem_4g": _mem_4g,
    "mem_8g": _mem_8g,
    "mem_16g": _mem_16g,
    "mem_32g": _mem_32g,
}
