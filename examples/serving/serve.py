"""Start the service of ``app.py`` with several worker processes.

Save a fitted classifier with ``joblib.dump(cascade, "cascade.joblib")``, then::

    pip install "skwillump[serve]"
    python examples/serving/serve.py cascade.joblib --workers 2

    curl -X POST localhost:8000/predict -H 'content-type: application/json' \
        -d '{"row": "import os.path"}'
"""

import argparse
import os
import socket
from pathlib import Path

import uvicorn


def listening_socket(host, port):
    """Make the socket that all workers accept connections from.

    uvicorn makes one itself if it is given a host and a port, but where there are several workers,
    without ``TCP_NODELAY`` (its issue 3149, open with 0.54): on Linux every answer on a connection
    that is kept open then comes 40 ms late. Accepted connections inherit the option from here.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.bind((host, port))
    made.set_inheritable(True)
    return made


def main():
    """Serve until the process is told to end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="the joblib file of a fitted classifier")
    parser.add_argument("--warm-up", help="a row, in JSON, that each worker answers first")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument(
        "--grace", type=int, default=10, help="seconds to finish requests at the end"
    )
    options = parser.parse_args()
    os.environ["SKWILLUMP_MODEL"] = str(options.model.resolve(strict=True))
    if options.warm_up is not None:
        os.environ["SKWILLUMP_WARM_UP"] = options.warm_up
    # Processes share the work; within each, one thread does it.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with listening_socket(options.host, options.port) as listening:
        host, port = listening.getsockname()
        print(f"http://{host}:{port}", flush=True)
        uvicorn.run(
            "app:app",
            app_dir=str(Path(__file__).parent),
            fd=listening.fileno(),
            workers=options.workers,
            access_log=False,
            # What is being answered when the process is told to end is answered still.
            timeout_graceful_shutdown=options.grace,
            log_level="warning",
        )


if __name__ == "__main__":
    main()
