"""Writes offline runs of W&B, with the library itself: ``python wandb_runs.py FOLDER``."""

import sys

import wandb


def main(folder: str) -> None:
    settings = wandb.Settings(
        mode="offline",
        silent=True,
        console="off",
        disable_git=True,
        x_disable_meta=True,
        x_disable_stats=True,
    )
    for number, exit_code in enumerate([0, 1]):
        run = wandb.init(
            dir=folder,
            project="ladder",
            id=f"run{number}",
            name=f"small {number}",
            group="ladder",
            tags=["a", "b"],
            config={"model": {"n_params": 1e8 * (number + 1), "heads": [4, 8]}, "lr": None},
            settings=settings,
        )
        run.config.update({"arm": "attn"})
        run.define_metric("best", summary="min")
        for step in range(3):
            run.log({"train/loss": 4.0 - step, "tokens": 1e9 * step, "best": [3, 1, 2][step]})
        run.log({"eval/loss": 3.25, "nan": float("nan"), "nested": {"a": 1}})
        run.log({"picture": wandb.Histogram([1, 2, 3]), "long": "x" * 100_000})
        run.summary["final"] = 1.5
        run.finish(exit_code=exit_code)


if __name__ == "__main__":
    main(sys.argv[1])
