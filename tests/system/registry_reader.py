"""What a third party sees in etcd: all keys and values, read by the published etcd3 package.

    python registry_reader.py [http://]HOST:PORT [PREFIX]

Prints one JSON object, key to value, both as text; without a PREFIX, every key. Bytes that are not UTF-8 come out as
U+FFFD. Exit status 1 and a line on stderr when etcd cannot be read.

etcd3 needs a protobuf too old for this project, so the script runs itself again in a virtual environment of its own,
`.build/etcd3` in the repository, which it makes from reader-requirements.txt at first use.
"""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).with_name("reader-requirements.txt")
ENVIRONMENT = ROOT / ".build/etcd3"


def python() -> Path:
    """The interpreter that has etcd3; made when it is missing or the requirements have changed."""
    interpreter, done = ENVIRONMENT / "bin/python", ENVIRONMENT / "done"
    wanted = REQUIREMENTS.read_text() + sys.version
    if not done.exists() or done.read_text() != wanted:
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        pip = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", REQUIREMENTS], check=True, stdout=sys.stderr)
        done.write_text(wanted)
    return interpreter


def read(endpoint: str, prefix: str) -> dict[str, str]:
    """All keys below prefix, with their values."""
    import etcd3

    host, _, port = endpoint.removeprefix("http://").rstrip("/").rpartition(":")
    client = etcd3.client(host=host, port=int(port), timeout=10)
    found = client.get_prefix(prefix) if prefix else client.get_all()
    return {about.key.decode(errors="replace"): value.decode(errors="replace") for value, about in found}


def main() -> None:
    if len(sys.argv) not in {2, 3}:
        sys.exit(f"usage: {sys.argv[0]} [http://]HOST:PORT [PREFIX]")
    if Path(sys.prefix) != ENVIRONMENT:
        os.execv(interpreter := python(), [interpreter, __file__, *sys.argv[1:]])
    try:
        print(json.dumps(read(sys.argv[1], "".join(sys.argv[2:])), indent=1, sort_keys=True))
    except Exception as error:  # noqa: BLE001 - whatever etcd3 raises, the caller wants one line
        sys.exit(f"cannot read {sys.argv[1]}: {error!r}")


if __name__ == "__main__":
    main()
