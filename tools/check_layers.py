#!/usr/bin/env python3
"""Fails when a file in src/ includes a room that src/LAYERS does not allow it to.

Usage: tools/check_layers.py [SRC_DIR]
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"/]+)/')


def read_layers(path):
    """Returns {room: rooms it may include}; a row may name only rows above it."""
    allowed = {}
    for line in path.read_text().splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        name, _, deps = line.partition(":")
        deps = deps.split()
        unknown = [d for d in deps if d not in allowed]
        if unknown:
            sys.exit(f"{path}: '{name}' leans on {unknown}, which no row above it names")
        allowed[name.strip()] = {name.strip(), *deps}
    return allowed


def problems_of(src):
    allowed = read_layers(src / "LAYERS")
    rooms = {p.name for p in src.iterdir() if p.is_dir()}
    for name in sorted(rooms - set(allowed)):
        yield f"{src}/{name}/: no row in {src}/LAYERS"
    for file in sorted(src.rglob("*")):
        if file.suffix not in {".h", ".cpp"}:
            continue
        home = file.relative_to(src).parts[0]
        for number, line in enumerate(file.read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            if found and found[1] in allowed and found[1] not in allowed.get(home, allowed):
                yield f"{file}:{number}: '{home}' may not include '{found[1]}' (see {src}/LAYERS)"


def main():
    found = list(problems_of(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "src")))
    print("\n".join(found) or "layers: ok")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
