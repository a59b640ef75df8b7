# SPDX-License-Identifier: BSD-3-Clause
"""Arrow files as polars reads them: a reader that nobody here wrote, run by polars_dump.mjs.

The npm packages are pinned in package.json and installed once, under build/e2e-node.
"""

import json
import shutil

import common

HOME = common.REPO / "build/e2e-node"
FILES = ("package.json", "polars_dump.mjs")


def install():
    """Makes polars usable. Returns None or why it is not."""
    HOME.mkdir(parents=True, exist_ok=True)
    # The packages must lie beside the script: ES modules know no NODE_PATH.
    for name in FILES:
        shutil.copy(common.E2E / name, HOME / name)
    wanted = json.loads((HOME / "package.json").read_text())["dependencies"]
    if all(installed_version(name) == version for name, version in wanted.items()):
        return None
    result = common.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"],
                        300, cwd=HOME)
    return None if result.rc == 0 else f"npm install failed: {result}"


def installed_version(name):
    try:
        return json.loads((HOME / "node_modules" / name / "package.json").read_text())["version"]
    except (OSError, ValueError):
        return None


def dump(arrow, *options, timeout=300):
    result = common.run(["node", HOME / "polars_dump.mjs", arrow, *options], timeout)
    if result.rc != 0:
        raise RuntimeError(str(result))
    return result.text


def rows(arrow):
    """Every row as a dictionary: numbers as int, times as int ns, null as None."""
    return [{name: number(value) for name, value in json.loads(line).items()}
            for line in dump(arrow, "--rows").splitlines()]


def columns(arrow):
    """(number of rows, name -> {"nulls", "sum" or "distinct"})."""
    told = json.loads(dump(arrow, "--json"))
    return told["rows"], {c["name"]: c for c in told["columns"]}


def number(value):
    """int64 comes as text, so that it passes no double."""
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return value
