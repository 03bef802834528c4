"""Kill drivers, executors, Python workers, fits and clean-ups at random moments, a hundred times; count what is left.

    make chaos ARGS="--kills 20 --seed 1"

A small fleet is trained undisturbed. Then, round after round, the same fleet is trained in a folder of its own, with
some ten kills on the way, on a cluster of two workers where tasks speculate. A moment is drawn from the whole life of a
run: by the clock, or by how much is written, so that short steps (a commit, the results) are met as often as long ones.

Whatever is killed, no durable fit is made again, and of the open wave alone work is lost; at the end of a round every
scenario is there once, and results and champions are those of the undisturbed run, byte for byte.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.machines import Cluster, generations
from tests.faults.conftest import SPECULATING, Driver, Store

from distributed_automl.java import ensure_java

N_STORES, N_WAVES = 12, 3
WAVE = N_STORES // N_WAVES
KILLS_PER_ROUND = 10
KILLS_PER_RUN = 3
"""Fewer than the attempts that Spark grants a task: the fourth kill of the same one would end the run, rightly."""
GENERATIONS = {"executor": 1, "worker": 3, "child": 4}
"""How far below a machine's own process what is killed lives; between them is Python's daemon."""
KINDS = ("driver", "driver", "executor", "executor", "worker", "worker", "child", "clean")
OPTIONS = {"n_stores": N_STORES, "n_waves": N_WAVES, "seconds": 0.3}
BY_CLOCK = 0.4
"""Share of the runs whose moments are drawn by the clock; those of the others by how much is written."""
Fit = tuple[str, str]
"""Scenario and fingerprint."""
Attempt = tuple[str, str, int]
"""Scenario, fingerprint, and the process that makes it."""


@dataclass(frozen=True)
class Undisturbed:
    """What a run is like that nobody kills.

    Attributes:
        seconds: from the order to the answer.
        n_paths: files and folders that it makes.
        results: digest of its results.
        champions: digest of the models that predict after it.
    """

    seconds: float
    n_paths: int
    results: str
    champions: str


@dataclass
class Tally:
    """What happened so far; all but the first five must stay zero.

    Attributes:
        kills: by what was killed.
        moments: kills by the part of a run's life.
        rounds, runs: how many.
        refitted: fits that died with a kill, or were made twice in a wave.
        lost, doubled: scenarios without a result, or with two.
        refitted_though_durable: fits that were made again.
        beyond_the_open_wave: fits made again, or gone, of a wave that was not the open one.
        different: runs whose results or champions are not those of the undisturbed one.
        errors: runs that ended in an error though their driver was not killed.
    """

    kills: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    runs: int = 0
    refitted: int = 0
    lost: int = 0
    doubled: int = 0
    refitted_though_durable: int = 0
    beyond_the_open_wave: int = 0
    different: int = 0
    errors: int = 0

    @property
    def is_good(self) -> bool:
        refitted = self.refitted_though_durable + self.beyond_the_open_wave
        return self.lost + self.doubled + refitted + self.different + self.errors == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing after so long")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    ensure_java()
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    cluster = Cluster(folder / "machines")
    game = Game(cluster, random.Random(arguments.seed), time.monotonic() + arguments.seconds, arguments.kills)
    try:
        cluster.start(1)
        cluster.add_worker("worker-1", host="localhost")  # Spark speculates on another host alone
        game.play(folder)
    finally:
        cluster.stop()
    if game.tally.is_good:
        shutil.rmtree(folder)
    else:
        tell(f"what went wrong is in {folder}, with seed {arguments.seed}")
    return int(not game.tally.is_good)


@dataclass
class Game:
    """Rounds of kills on one cluster.

    Attributes:
        cluster: two machines.
        rng: draws what is killed, and when.
        deadline: nothing begins after it.
        n_kills: kills that are wanted.
        tally: what happened.
    """

    cluster: Cluster
    rng: random.Random
    deadline: float
    n_kills: int
    tally: Tally = field(default_factory=Tally)

    def play(self, folder: Path) -> None:
        """Play rounds until there were kills enough, or something went wrong."""
        usual = self.watch_one(new_store(folder / "undisturbed"))
        tell(f"undisturbed: {usual.seconds:.0f} s, {usual.n_paths} files and folders")
        while self.is_on() and self.tally.is_good:
            Round(self, new_store(folder / f"round-{self.tally.rounds}"), usual).play()

    def is_on(self) -> bool:
        """Return whether more kills are wanted, and there is time."""
        return self.tally.kills.total() < self.n_kills and time.monotonic() < self.deadline

    def watch_one(self, store: Store) -> Undisturbed:
        """Run without a kill."""
        driver = new_driver(self.cluster, store)
        run_id, started = self.next_run_id(), time.monotonic()
        driver.order(run_id, **OPTIONS)
        life = Life(store, run_id)
        while not driver.has_answer():
            life.look()
        answer = driver.answer()
        driver.kill()
        return Undisturbed(time.monotonic() - started, life.look(), answer["results"], answer["champions"])

    def next_run_id(self, end: str = "aaaaaa") -> str:
        """Return the id of another run."""
        self.tally.runs += 1
        return f"20260101T{self.tally.runs:06d}Z-{end}"


class Life:
    """How far a run is, seen from outside."""

    def __init__(self, store: Store, run_id: str, usual: Undisturbed | None = None, *, by_clock: bool = False) -> None:
        """Begin to look; progress is measured by the usual time, or by the usual number of files and folders."""
        self.store, self.run_id, self.usual, self.by_clock = store, run_id, usual, by_clock
        self.started = time.monotonic()
        self.paths: set[str] = set()

    def share(self) -> float:
        """Return how much of its life the run has lived."""
        assert self.usual is not None
        n_paths = self.look()
        if self.by_clock:
            return (time.monotonic() - self.started) / self.usual.seconds
        return n_paths / self.usual.n_paths

    def look(self) -> int:
        """Return how many files and folders the run has made so far."""
        time.sleep(0.01)
        for table in self.store.root.iterdir():
            for folder, inner, files in os.walk(table / self.run_id):
                self.paths.update(f"{folder}/{name}" for name in (*inner, *files))
        return len(self.paths)

    def part(self) -> str:
        """Return in which part of its life the run is."""
        root, mine = self.store.root, self.run_id
        if mine.endswith("cccccc"):
            return "clean-up"
        for table in ("champions", "training_results"):
            if (root / table / mine).exists():
                return table
        if not list(root.glob(f"plan/{mine}/*/_SUCCESS")):
            return "planning"
        folders = [path for path in root.glob(f"fits/{mine}/[!_]*") if not (path / "_SUCCESS").exists()]
        if not folders:
            return "between waves"
        return "commit of a wave" if any(list(path.glob("part-*")) for path in folders) else "wave"


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes:
        kind: what was killed.
        known: the attempts before it.
        open_wave: none before this one was open.
    """

    kind: str
    known: frozenset[Attempt]
    open_wave: int


@dataclass
class Round:
    """One fleet, trained to its end with some kills on the way."""

    game: Game
    store: Store
    usual: Undisturbed
    driver: Driver | None = None
    n_fitted: int = 0
    """How often the fleet was fitted to its end; then the settings become others, and all is to be done again."""

    def play(self) -> None:
        """Kill until it is enough, then let a run finish, and compare."""
        game, last = self.game, self.game.tally.kills.total() + KILLS_PER_ROUND
        try:
            while game.is_on() and game.tally.is_good and game.tally.kills.total() < last:
                self.disturb(self.draw_kinds())
                tell(str(game.tally))
            self.finish()
        finally:
            if self.driver is not None:
                self.driver.kill()
        tell(str(game.tally))

    def draw_kinds(self) -> list[str]:
        """Return what is killed in one run: several things, if the driver survives."""
        first = self.game.rng.choice(KINDS)
        if first not in GENERATIONS:
            return [first]
        return [first, *self.game.rng.choices(list(GENERATIONS), k=self.game.rng.randrange(KILLS_PER_RUN))]

    def draw_moments(self, n: int) -> list[float]:
        """Return moments of a run's life, earliest first, each a share of it."""
        return sorted(self.game.rng.random() for _ in range(n))

    def disturb(self, kinds: list[str]) -> None:
        """Run, or clean up, with kills at random moments; count what they did."""
        driver = self.driver = self.driver or new_driver(self.game.cluster, self.store)
        is_clean = kinds == ["clean"]
        run_id, durable = self.game.next_run_id("cccccc" if is_clean else "aaaaaa"), fits_of(self.store, "fitted")
        driver.order(run_id, **({"clean": True} if is_clean else self.options()))
        life = Life(self.store, run_id, self.usual, by_clock=self.game.rng.random() < BY_CLOCK)
        kills: list[Kill] = []
        for kind, share in zip(kinds, self.draw_moments(len(kinds)), strict=True):
            while not driver.has_answer():
                if life.share() >= share and self.strike(kind):
                    kills.append(self.noted(kind, run_id, life))
                    break
        is_dead = any(one.kind not in GENERATIONS for one in kills)
        self.driver = None if is_dead else driver
        answer = {} if is_dead else driver.answer()
        self.count(run_id, durable, kills, is_dead=is_dead)
        self.check(answer, is_like_undisturbed=not any(one.kind == "child" for one in kills))

    def options(self) -> dict[str, Any]:
        """Return what is asked of the next run."""
        return {**OPTIONS, "settings": f"settings {self.n_fitted}"}

    def strike(self, kind: str) -> bool:
        """Kill something; return whether it was there."""
        if kind not in GENERATIONS:
            assert self.driver is not None
            self.driver.kill()
            return True
        machines = [process for name, process in self.game.cluster.processes.items() if name != "master"]
        below = [generations(machine.pid) for machine in machines]
        there = [pid for each in below if len(each) > GENERATIONS[kind] for pid in each[GENERATIONS[kind]]]
        with suppress(ProcessLookupError, IndexError):
            os.kill(self.game.rng.choice(there), signal.SIGKILL)
            return True
        return False

    def noted(self, kind: str, run_id: str, life: "Life") -> Kill:
        """Note a kill that was just made; what was attempted meanwhile is of the open wave too."""
        self.game.tally.kills[kind] += 1
        self.game.tally.moments[life.part()] += 1
        attempts = self.attempts(run_id)
        return Kill(kind, frozenset(attempts), max(attempts.values(), default=0))

    def attempts(self, run_id: str) -> dict[Attempt, int]:
        """Return the attempts of a run, and the wave of each."""
        return {
            (call["scenario"], call["fingerprint"], call["pids"][0]): call["wave"]
            for call in self.store.calls()
            if call["run"] == run_id
        }

    def count(self, run_id: str, durable: set[Fit], kills: list[Kill], *, is_dead: bool) -> None:
        """Count the fits that a run made again, and those that died with it."""
        tally, attempts = self.game.tally, self.attempts(run_id)
        made = {(scenario, fingerprint) for scenario, fingerprint, _ in attempts}
        tally.refitted += len(attempts) - len(made)
        tally.refitted_though_durable += len(made & durable)
        for one in kills:
            later = [wave for attempt, wave in attempts.items() if attempt not in one.known]
            tally.beyond_the_open_wave += sum(wave < one.open_wave for wave in later)
        if is_dead:
            gone = made - fits_of(self.store, "fitted", "failed")
            tally.refitted += len(gone)
            tally.beyond_the_open_wave += max(0, len(gone) - WAVE)

    def check(self, answer: dict[str, Any], *, is_like_undisturbed: bool) -> None:
        """Check what a run left against what the undisturbed one left."""
        tally = self.game.tally
        if "error" in answer:
            tally.errors += 1
            tell(answer["traceback"])
        if "status" in answer:
            tally.lost += max(0, N_STORES - answer["n_results"])
            tally.doubled += max(0, answer["n_results"] - N_STORES) + answer["n_fits"] - answer["n_keys"]
            left = answer["results"], answer["champions"]
            tally.different += is_like_undisturbed and left != (self.usual.results, self.usual.champions)
            self.n_fitted += "failed" not in answer["status"]

    def finish(self) -> None:
        """Let a run end undisturbed, which must leave what there is in an undisturbed store."""
        self.driver = self.driver or new_driver(self.game.cluster, self.store)
        run_id, durable = self.game.next_run_id(), fits_of(self.store, "fitted")
        answer = self.driver.run(run_id, **self.options())
        self.count(run_id, durable, [], is_dead=False)
        self.check(answer, is_like_undisturbed=True)
        self.game.tally.lost += N_STORES - len({scenario for scenario, _ in fits_of(self.store, "fitted")})
        self.game.tally.rounds += 1


def new_store(folder: Path) -> Store:
    folder.mkdir()
    return Store(folder)


def new_driver(cluster: Cluster, store: Store) -> Driver:
    driver = Driver(store, {"spark.master": cluster.url, **SPECULATING})
    driver.answer()  # the word that Spark has started
    return driver


def fits_of(store: Store, *statuses: str) -> set[Fit]:
    """Return the durable fits of some statuses."""
    if not any(store.root.glob("fits/*/*/_SUCCESS")):
        return set()
    fits = store.fits()
    chosen = fits[fits["status"].isin(statuses)]
    return set(zip(chosen["scenario_id"], chosen["fingerprint"], strict=True))


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
