"""The engine that Canon chooses, the engines used by hand, and the peers: in one race.

    python -m benchmarks.engines [--goal latency|throughput] [--budget 60] [--out FILE] [NAME ...]

Every engine has a process of its own; all are timed in turns. By hand means: the network exported
as it is and opened with the defaults of the engine; torch.compile with its defaults. The peer is
the network of torchvision or timm in eager torch; where they lack it, Canon's own in eager torch.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from canon.deploy.candidates import cores
from canon.deploy.files import FORMATS
from canon.deploy.program import export_program
from canon.deploy.race import Entrant, race, ratio_interval
from canon.deploy.worker import WARM, EngineError, Spec, Worker
from canon.models import build, model_info
from canon.runs.chosen_engine import versions
from canon.utils.devices import hardware
from canon.workflows.optimize import AsTuple, choose

NETWORKS = {
    "alexnet-tv": "torchvision:alexnet",
    "vgg16": "torchvision:vgg16",
    "googlenet-tv": "torchvision:googlenet",
    "inception-v3-tv": "torchvision:inception_v3",
    "resnet18": "torchvision:resnet18",
    "resnet50-tv": "torchvision:resnet50",
    "resnet152-tv": "torchvision:resnet152",
    "xception": "timm:legacy_xception",
    "se-resnet50": "timm:legacy_seresnet50",
    "wide-resnet50-2": "torchvision:wide_resnet50_2",
    "fcn8s": None,
    "unet": None,
}
BY_HAND = {
    "torch": ("torch", {"layout": "contiguous_format"}),
    "torch.compile": ("torch", {"layout": "contiguous_format", "compile": True}),
    "ONNX Runtime": ("onnx", {}),
    "OpenVINO": ("openvino", {}),
    "ncnn": ("ncnn", {}),
}
ROUNDS, LAUNCHES = 5, 3


def measure(name, goal, budget, folder):
    """The medians of all engines for one network: a record."""
    net = build(name).eval()
    published = model_info(name).published
    source = torch.Generator().manual_seed(0)
    x = torch.randn(2, published.channels, *published.size, generator=source)
    begun = time.monotonic()
    choice, _ = choose(net, x, goal, budget, folder, lambda _: None)
    took = time.monotonic() - begun
    plain = export_program(AsTuple(net).eval(), x, ("output0",), name="images", folded=False)
    batch = 1 if goal == "latency" else 8
    image = folder / f"by-hand-{batch}.npy"
    np.save(image, torch.cat([x] * batch)[:batch].numpy())
    entrants = [_chosen(choice)]
    for kind, (format, options) in BY_HAND.items():
        path = folder / f"hand{FORMATS[format].suffix}"
        try:
            if not path.exists():
                FORMATS[format].write(plain, path, {"input": ""})
        except Exception as reason:
            print(f"  {kind}: {str(reason)[:100]}")
            continue
        entrants.append(
            Entrant(kind, kind, Spec(format, str(path), cores(), 1, options), batch, image)
        )
    if NETWORKS.get(name):
        spec = Spec("peer", NETWORKS[name], cores())
        entrants.append(Entrant("peer", NETWORKS[name], spec, batch, image))
    for _ in range(LAUNCHES):  # where its memory lies makes a process up to 8 % faster or slower
        race(entrants, _opened, end=time.monotonic() + 3600, rounds=ROUNDS)
    return _record(name, choice, took, entrants, published.macs)


def _chosen(choice):
    path = Path(choice.spec.path).parent / f"input-{choice.batch}.npy"
    return Entrant("Canon", f"Canon: {choice.name}", choice.spec, choice.batch, path)


def _opened(entrant):
    peer = entrant.spec.engine == "peer"
    worker = Worker(entrant.spec, "benchmarks.peer_worker" if peer else "canon.deploy.worker")
    if entrant.kind == "Canon":
        worker.settle(entrant.input)  # as Canon does after 50 runs
    else:
        worker.time(entrant.input, 0.0, WARM)
    return worker


def _record(name, choice, took, entrants, macs):
    ours, measured = entrants[0], [one for one in entrants if one.runs and one.fault is None]
    hand = [one for one in measured if one.kind in BY_HAND]
    best = min(hand, key=lambda one: one.median)
    peer = next((one for one in measured if one.kind == "peer"), None)
    eager = next(one for one in measured if one.kind == "torch")
    return {
        "network": name,
        "chosen": choice.name,
        "seconds to choose": round(took, 1),
        "ms": {one.kind: round(1e3 * one.median, 3) for one in measured},
        "quartiles": {one.kind: [round(1e3 * end, 3) for end in one.spread] for one in measured},
        "left out": {one.kind: one.fault for one in entrants if one.fault},
        "best by hand": best.kind,
        "over best by hand": _ratio(ours, best),
        "times the peer": _ratio(peer or eager, ours),
        "peer": peer.name if peer else "Canon's network in eager torch",
        "GFLOP/s": round(2 * macs / ours.median / 1e9, 1),
    }


def _ratio(one, other):
    low, high = ratio_interval(one, other)
    return [round(one.median / other.median, 3), round(low, 3), round(high, 3)]


def sgemm_rate(side=2048, seconds=3.0):
    """GFLOP/s of torch's matrix product on all cores, the median."""
    torch.set_num_threads(cores())
    a, b = torch.randn(side, side), torch.randn(side, side)
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        torch.mm(a, b)
        times.append(time.perf_counter() - start)
    return 2 * side**3 / float(np.median(times)) / 1e9


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*", default=[*NETWORKS])
    parser.add_argument("--goal", default="latency")
    parser.add_argument("--budget", type=float, default=60.0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    os.environ.pop("OMP_NUM_THREADS", None)
    rate = sgemm_rate()
    found = {"machine": hardware(), "versions": versions(), "goal": args.goal,
             "sgemm GFLOP/s": round(rate, 1), "networks": []}  # fmt: skip
    print(json.dumps({k: v for k, v in found.items() if k != "networks"}), flush=True)
    for name in args.networks or NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                found["networks"].append(measure(name, args.goal, args.budget, Path(folder)))
            except EngineError as reason:
                print(name, reason)
                continue
        print(json.dumps(found["networks"][-1]), flush=True)
        if args.out:
            args.out.write_text(json.dumps(found, indent=1) + "\n")
    ratios = [one["times the peer"][0] for one in found["networks"]]
    worst = max(one["over best by hand"][0] for one in found["networks"])
    print(f"geometric mean of times the peer: {float(np.exp(np.mean(np.log(ratios)))):.3f}")
    print(f"most over the best by hand: {worst:.3f}")


if __name__ == "__main__":
    main()
