"""What a render in a room costs against one in the caller's process, in seconds of processor of every process.

``python -m bench.room --rounds 2``; the pass line is at most 1.02 times, by the least of each. Rooms go without
bubblewrap here: its children's time is not told to who waits for it. A round of 20 s of 1280x720 takes some two minutes
of one core.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tasks.attempt import StepContext
from tasks.config import read_worker_settings
from tasks.contracts import Claim, RenderOutput
from tasks.storage.memory import MemoryStorage

HERE = Path(__file__).parent
WORK = HERE.parent / "out" / "bench"
MOST = 1.02
KEYS = {
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
    "REELYARD_CALLBACK_SECRET": "c" * 32,
}
OUTPUT = RenderOutput(encoder="libx264", preset="medium", crf=18)


def render(where: str, clip: Path, scenario: Path) -> None:
    """Render once, ``here`` or in a ``room``."""
    document = json.loads(scenario.read_text())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if where == "here":
            from render_node.render import render_file

            settings = read_worker_settings({**KEYS, "REELYARD_SANDBOX": "auto"})
            render_file(clip, document, folder / "out.mp4", output=OUTPUT, settings=settings)
            return
        from render_node.workroom import open_workroom

        settings = read_worker_settings({**KEYS, "REELYARD_SANDBOX": "off"})
        claim = Claim.from_json({"claimed": True, "input": {}, "output_prefix": "out/"})
        with open_workroom(StepContext(claim, folder, MemoryStorage(), settings), clip) as room:
            room.call("render", scenario=document, outputs=[OUTPUT.to_json()], names=["out.mp4"], posters={})


def main() -> int:
    """Compare in turns, print; 0 when the room costs no more than the pass line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--once", nargs=3, help="used by itself: where, clip, scenario")
    asked = parser.parse_args()
    if asked.once:
        render(asked.once[0], Path(asked.once[1]), Path(asked.once[2]))
        return 0
    sys.path.insert(0, str(HERE))
    from measure import measure
    from render_inputs import BASE_S, prepare

    clip, scenario = prepare(WORK, width=1280, height=720, duration_s=BASE_S, style="pop")
    spent: dict[str, list[float]] = {"here": [], "room": []}
    for _ in range(asked.rounds):
        for where, seconds in spent.items():
            command = [sys.executable, "-m", "bench.room", "--once", where, str(clip), str(scenario)]
            done = measure(command, cwd=HERE.parent)
            if done.returncode:
                print(done.output[-2000:], file=sys.stderr)
                return 1
            seconds.append(done.cpu_s)
    ratio = min(spent["room"]) / min(spent["here"])
    told = {where: [round(each, 2) for each in seconds] for where, seconds in spent.items()}
    print("PASS" if ratio <= MOST else "FAIL", json.dumps({**told, "ratio": round(ratio, 3), "most": MOST}))
    return 0 if ratio <= MOST else 1


if __name__ == "__main__":
    raise SystemExit(main())
