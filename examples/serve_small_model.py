"""Serve the small instruct model of the assets, as any endpoint is served: for trying things out.

    pip install xllamacpp
    gapless assets fetch smollm2-135m-gguf
    python examples/serve_small_model.py --port 8000

llama.cpp answers at http://localhost:8000/v1 until Ctrl-C. It is 135M parameters in 4 bits: fit to
see every part of a synthesis work, and to see most of its answers thrown away.
"""

import argparse
import threading

import xllamacpp

from gapless import assets

NAME = "smollm2-135m-instruct"


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve SmolLM2-135M-Instruct.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--slots", type=int, default=4, help="answers under way at once")
    parser.add_argument("--context", type=int, default=4096, help="tokens of each of them")
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    folder = assets.locate("smollm2-135m-gguf")
    if folder is None:
        raise SystemExit("Run: gapless assets fetch smollm2-135m-gguf")
    settings = xllamacpp.CommonParams()
    settings.model.path = str(next(folder.glob("*.gguf")))
    settings.model_alias = {NAME}
    settings.port, settings.n_parallel = asked.port, asked.slots
    settings.n_ctx = asked.slots * asked.context
    settings.cpuparams.n_threads = asked.threads
    settings.cache_ram_mib = 0  # its store of prompts, which seldom come twice, grows to gigabytes
    server = xllamacpp.Server(settings)
    print(f"{NAME} answers at {server.listening_address}/v1", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
