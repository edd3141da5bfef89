"""Makes the samples anew: small captures of programs that every host has. As root:
`.venv/bin/python samples/make.py [NAME...]`.

MANIFEST.toml lists them, and says of each how and where it was made. Tests read the samples, so whoever makes them anew
also runs `.venv/bin/python tests/golden/update.py` and looks at what has changed.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
ELSEWHERE = Path("/tmp")
"""Where they are recorded: the folder is in the capture, and is to say nothing of this machine."""
MANIFEST = HERE / "MANIFEST.toml"
LINK = Path("/tmp/systape")
"""To our Python while it records: its path is in the capture, too."""
CAPTURE = [
    str(LINK / "bin" / "python"),
    "-c",
    "import sys; sys.argv[0] = 'capture'; import capture.cli; capture.cli.main()",
]
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/", "LC_ALL": "C.UTF-8"}
HEAD = """\
# Made by samples/make.py; edit `about` and `command` only, and run it again.
"""


def make(name: str, sample: dict[str, Any]) -> dict[str, Any]:
    """Record one sample into this folder; returns its entry in the manifest."""
    made, path = ELSEWHERE / f"{name}.parquet", HERE / f"{name}.parquet"
    options = ["--force", "-q", "-w", made.name, *map(str, sample.get("options", []))]
    words = [*CAPTURE, *options, "--", *sample["command"]]
    null = subprocess.DEVNULL
    subprocess.run(words, cwd=ELSEWHERE, env=ENVIRONMENT, stdin=null, stdout=null, stderr=null, check=False)
    path.write_bytes(made.read_bytes())
    made.unlink()
    file = pq.ParquetFile(path)
    metadata = {key.decode(): value.decode() for key, value in file.schema_arrow.metadata.items()}
    return {
        "about": sample["about"],
        "command": sample["command"],
        **({"options": sample["options"]} if "options" in sample else {}),
        "kernel": platform.release(),
        "backend": metadata["systape.backend"],
        "loader": metadata["systape.loader"],
        "schema_version": metadata["systape.schema_version"],
        "rows": file.metadata.num_rows,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def dump(samples: dict[str, dict[str, Any]]) -> str:
    """The manifest's text. (A JSON string, list or number is one of TOML.)"""
    parts = [HEAD]
    for name, sample in samples.items():
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in sample.items()]
        parts.append("\n".join([f"[{name}]", *lines]) + "\n")
    return "\n".join(parts)


def main() -> None:
    """Make every sample of the manifest, or those named."""
    if os.geteuid():
        sys.exit("samples/make.py needs root, as capture does")
    samples = tomllib.loads(MANIFEST.read_text())
    LINK.symlink_to(sys.prefix)
    try:
        for name in sys.argv[1:] or list(samples):
            samples[name] = make(name, samples[name])
            print(f"{name}: {samples[name]['rows']} rows")
    finally:
        LINK.unlink()
    MANIFEST.write_text(dump(samples))


if __name__ == "__main__":
    main()
