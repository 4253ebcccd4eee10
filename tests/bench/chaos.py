"""2,000 letters in 20 storms (tests/chaos/storm.py): nothing is lost, nothing goes out twice."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from tests.chaos.storm import WINDOW, storm


def main() -> None:
    letters, seeds = (200, 1) if "--quick" in sys.argv else (2000, 20)
    told = []
    for verdict in storm(letters, range(1, seeds + 1)):
        told.append(verdict)
        print(json.dumps(asdict(verdict)), flush=True)
    total = {name: sum(getattr(verdict, name) for verdict in told) for name in ("lost", "doubled", "in_the_window")}
    figures = {
        "letters": letters * seeds,
        "seeds": seeds,
        "kills": sum(verdict.kills for verdict in told),
        "refused, hung or dropped": sum(sum(verdict.refused.values()) for verdict in told),
        "seconds a seed": round(sum(verdict.seconds for verdict in told) / seeds, 1),
        f"taken within {WINDOW:.0f} s before a worker was killed, and sent again": total["in_the_window"],
    }
    goals = [
        {"name": "lost", "goal": "= 0", "value": total["lost"], "met": total["lost"] == 0},
        {
            "name": "doubled by broker, beat, web, database",
            "goal": "= 0",
            "value": total["doubled"],
            "met": not total["doubled"],
        },
    ]
    print(json.dumps({"bench": "chaos", "figures": figures, "goals": goals}, ensure_ascii=False))


if __name__ == "__main__":
    main()
