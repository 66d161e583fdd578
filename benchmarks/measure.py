"""Runs a program and measures what it and its children take: seconds, and the most memory that they hold together."""

import os
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

# What is asked how often, in seconds. Proportional memory costs a walk through the page tables, a list of children one through
# all processes.
RESIDENT, CHILDREN, PROPORTIONAL = 0.02, 0.25, 0.5
LAST_LINES = 12


class Failed(Exception):
    """A program did not end well; says which, how, and its last lines."""


@dataclass
class Run:
    out: str
    err: str
    seconds: float
    # Resident memory of all processes together; pages that they share count for each.
    peak_mb: float
    # The same with shared pages counted once (Linux), 0 where it is not known.
    proportional_mb: float


class Memory(threading.Thread):
    """Follows the memory of a process and its children until `stop`."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.members, self.ended = process, [process], threading.Event()
        self.peak = self.proportional = self.highest = 0

    def run(self):
        due = {self.find_children: (0, CHILDREN), self.ask_proportional: (0, PROPORTIONAL), self.ask_resident: (0, RESIDENT)}
        while not self.ended.wait(RESIDENT):
            for ask, (when, every) in due.items():
                if time.perf_counter() >= when:
                    due[ask] = (time.perf_counter() + every, every)
                    ask()

    def stop(self):
        self.ended.set()
        self.join()
        # A peak between two looks: the kernel's own mark of the largest process is below the sum and never missed.
        return max(self.peak, self.highest) / 2**20, self.proportional / 2**20

    def find_children(self):
        self.members = [self.process, *self.asked(lambda: self.process.children(recursive=True), [])]

    def ask_resident(self):
        self.peak = max(self.peak, sum(self.asked(lambda: member.memory_info().rss, 0) for member in self.members))

    def ask_proportional(self):
        if not os.path.exists("/proc/self/smaps_rollup"):
            return
        self.proportional = max(self.proportional, sum(kilobytes(member, "smaps_rollup", "Pss:") for member in self.members) * 1024)
        self.highest = max([self.highest, *(kilobytes(member, "status", "VmHWM:") * 1024 for member in self.members)])

    @staticmethod
    def asked(question, otherwise):
        try:
            return question()
        except psutil.Error:
            return otherwise  # it has just ended


def kilobytes(process, file, name):
    try:
        lines = Path(f"/proc/{process.pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


def measured(command, env=None, timeout=None):
    """Runs `command` to its end. Raises `Failed` where it does not end with 0 in `timeout` seconds."""
    command = [str(part) for part in command]
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        try:
            process = psutil.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=env)
        except OSError as error:
            raise Failed(f"{command[0]} cannot be started: {error}") from error
        memory = Memory(process)
        memory.start()
        try:
            code = process.wait(timeout)
        except psutil.TimeoutExpired:
            code = f"nothing after {timeout} s"
        finally:
            seconds = time.perf_counter() - start
            peak, proportional = memory.stop()
            end(process)
        said = [(file.seek(0), file.read())[1] for file in (out, err)]
    if code != 0:
        lines = "\n".join((said[1].strip() or said[0].strip()).splitlines()[-LAST_LINES:])
        raise Failed(f"{' '.join(command[:2])} ended with {code}:\n{lines}")
    return Run(*said, seconds, peak, proportional)


def end(process):
    """Nothing that was started stays behind, also where a user stops the measurement."""
    if not process.is_running():
        return
    children = Memory.asked(lambda: process.children(recursive=True), [])
    for member in [process, *children]:
        Memory.asked(member.kill, None)
    psutil.wait_procs([process, *children], timeout=10)
