"""How many cores count, by the limits of control groups, among them a real one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.compute import cores, threads
from core.compute.cgroups import cpu_quota, memory_limit
from core.models.networks import resolve_network
from tests.support.cli import ROOT

VERSION_2 = "30 23 0:26 / {top} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
VERSION_1 = (
    "30 23 0:26 {root} {top}/memory rw - cgroup cgroup rw,memory\n"
    "31 23 0:27 {root} {top}/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "32 23 0:28 / {top}/unified rw - cgroup2 cgroup2 rw\n"
)
OWN_1 = "12:cpu,cpuacct:{own}\n11:cpuset:/\n5:memory:{own}\n1:name=systemd:{own}\n0::/\n"


@pytest.fixture
def process(tmp_path):
    """Return a function that writes the files in /proc of a process and those of control groups,
    and returns the folder of the former."""

    def write(groups: str, mounts: str, files: dict[str, str], root: str = "/") -> Path:
        for name, text in files.items():
            path = tmp_path / "groups" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / "cgroup").write_text(groups)
        mounts = mounts.format(top=tmp_path / "groups", root=root)
        (tmp_path / "mountinfo").write_text(f"29 23 8:1 / / rw - ext4 /dev/sda rw\n{mounts}")
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("own", "quota"),
    [
        ("/job/step", 1.5),  # that of the group above is tighter
        ("/job", 1.5),
        ("/other", 4.0),  # which does not exist, as seen from a container
        ("/../..", 4.0),  # outside of the container's view
    ],
)
def test_tightest_quota_up_to_the_root_applies(process, own, quota):
    files = {
        "cpu.max": "400000 100000\n",
        "job/cpu.max": "75000 50000\n",
        "job/step/cpu.max": "max 100000\n",
    }
    assert cpu_quota(process(f"0::{own}\n", VERSION_2, files)) == quota


def test_memory_limit_comes_with_its_use(process):
    files = {"memory.max": "max\n", "memory.current": "9000\n"}
    files |= {"a/memory.max": "4000\n", "a/memory.current": "1000\n"}
    place = process("0::/a/b\n", VERSION_2, files)
    assert (memory_limit(place), cpu_quota(place)) == ((4000, 1000), None)


@pytest.mark.parametrize(
    ("root", "own", "inside"),
    [
        ("/", "/docker/1f", "docker/1f/"),  # on the host
        ("/docker/1f", "/docker/1f", ""),  # in a container that sees the host's path
        ("/", "/", ""),  # in a container with a view of its own
    ],
)
def test_version_1_has_a_mount_for_each_controller(process, root, own, inside):
    files = {
        f"cpu,cpuacct/{inside}cpu.cfs_quota_us": "50000\n",
        f"cpu,cpuacct/{inside}cpu.cfs_period_us": "100000\n",
        f"memory/{inside}memory.limit_in_bytes": "7000\n",
        f"memory/{inside}memory.usage_in_bytes": "2000\n",
    }
    place = process(OWN_1.format(own=own), VERSION_1, files, root)
    assert (cpu_quota(place), memory_limit(place)) == (0.5, (7000, 2000))


def test_no_quota_is_no_limit(process, tmp_path):
    files = {"cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}
    assert cpu_quota(process(OWN_1.format(own="/"), VERSION_1, files)) is None
    assert cpu_quota(tmp_path / "no Linux") is None


@pytest.mark.parametrize(
    ("granted", "quota", "usable"),
    [(8, None, 8), (8, 16.0, 8), (8, 2.0, 2), (8, 1.5, 1), (8, 1.95, 2), (8, 0.5, 1), (1, 4.0, 1)],
)
def test_cores_are_those_that_can_be_used_fully(monkeypatch, granted, quota, usable):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(granted)), raising=False)
    monkeypatch.setattr(cores, "cpu_quota", lambda: quota)
    assert cores.cpu_cores() == usable
    assert threads.choose_threads("auto", resolve_network("cnn")) == usable
    assert threads.choose_threads("auto", resolve_network("linear")) == 1
    assert threads.choose_threads("3", resolve_network("cnn")) == 3, "a number that is set counts"


@pytest.mark.parametrize(
    ("quota", "given", "found", "own"),
    [
        (2.5, None, "2", None),
        (2.5, "7", "7", "7"),
        (None, None, None, None),
        (None, "7", "7", "7"),
        (9.0, None, None, None),
    ],
)
def test_limited_time_limits_openmp(monkeypatch, quota, given, found, own):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(cores, "cpu_quota", lambda: quota)
    monkeypatch.setenv("OMP_NUM_THREADS", given or "")  # restored after the test
    if given is None:
        monkeypatch.delenv("OMP_NUM_THREADS")
    cores.limit_threads()
    assert (os.environ.get("OMP_NUM_THREADS"), cores.own_omp_threads()) == (found, own)


def test_quota_is_described(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 5}, raising=False)
    for quota, text in ((None, "2 cores"), (1.5, "2 cores, limited to the CPU time of 1.5")):
        monkeypatch.setattr(cores, "cpu_quota", lambda quota=quota: quota)
        assert cores.describe_cores() == text
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0}, raising=False)
    assert cores.describe_cores() == "1 core"


@pytest.fixture
def real_group():
    """Return a new control group, which only root can make; both versions."""
    for top in (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")):
        group = top / f"mnist-tui-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / "cpu.max").exists() or (group / "cpu.cfs_quota_us").exists():
            yield group
            group.rmdir()
            return
        group.rmdir()
    pytest.skip("no control group can be made here")


COUNT = "import core, os; from core.compute.cores import cpu_cores; "
COUNT += "print(cpu_cores(), os.environ.get('OMP_NUM_THREADS'))"


def test_real_quota_counts(real_group):
    """A limit of half a core, less than any machine has."""
    if (real_group / "cpu.max").exists():
        (real_group / "cpu.max").write_text("50000 100000")
    else:
        (real_group / "cpu.cfs_quota_us").write_text("50000")
    enter = f'echo $$ > {real_group}/cgroup.procs; exec "$@"'
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    done = subprocess.run(
        ["sh", "-c", enter, "-", sys.executable, "-c", COUNT],
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("1 1\n", "")
