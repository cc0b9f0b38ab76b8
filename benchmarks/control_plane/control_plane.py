"""Measures the control plane of a real cluster. Options: --runs N, --json. FLOTT names the executable."""
import argparse
import concurrent.futures
import json
import os
import signal
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "cluster", "harness"))
from flott_cluster import FLOTT, Cluster, multipart, request, until  # noqa: E402

STAMP = os.environ.get("FLOTT_STAMP_MODULE",
                       os.path.join(os.path.dirname(os.path.abspath(FLOTT)), "..", "lib", "flott", "benchmarks", "stamp.so"))
EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(FLOTT)), "..", "lib", "flott", "examples")


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def upload(cluster, path):
    with open(path, "rb") as file:
        body, headers = multipart(os.path.basename(path), file.read())
    answer = request(cluster.rest_endpoint, "POST", "/jars/upload", body, headers)
    assert answer.status == 200, answer
    return answer.json["filename"].rsplit("/", 1)[1]


def start(cluster, module, *arguments, **more):
    answer = request(cluster.rest_endpoint, "POST", f"/jars/{module}/run", {"programArgsList": list(arguments), **more})
    assert answer.status == 200, answer
    return answer.json["jobid"]


def stamps(path):
    """Nanoseconds of the wall clock, one for each time a sink got its first record."""
    try:
        with open(path, encoding="ascii") as file:
            return [int(line) for line in file.read().split("\n")[:-1]]
    except FileNotFoundError:
        return []


def first_record_ms(cluster, folder, runs):
    module = upload(cluster, STAMP)
    times = []
    for i in range(runs + 1):
        file = os.path.join(folder, f"first{i}")
        cluster.wait_for_free_slots()
        before = time.time_ns()
        job = start(cluster, module, "--file", file, "--records", "1")
        stamp = until(lambda file=file: stamps(file), "the first record")[0]
        cluster.wait_for_end(job)
        if i > 0:   # the first one loads the module
            times.append((stamp - before) / 1e6)
    return times


def jobs_per_second(cluster, folder, count):
    source = os.path.join(folder, "words")
    with open(source, "w", encoding="ascii") as file:
        file.write("a b a\n")
    module = upload(cluster, os.path.join(EXAMPLES, "word_count.so"))
    start_job = lambda _: start(cluster, module, "--input", source)  # noqa: E731
    cluster.wait_for_end(start_job(0))
    before = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(start_job, range(count)))

    def all_finished():
        states = {j["jid"]: j["state"] for j in cluster.get("/jobs/overview").json["jobs"] if j["jid"] in ids}
        assert "FAILED" not in states.values()
        return sum(state == "FINISHED" for state in states.values()) == count
    until(all_finished, f"{count} jobs", 120)
    return count / (time.monotonic() - before)


def recovery_ms(cluster, folder, runs):
    module = upload(cluster, STAMP)
    times = []
    for i in range(runs):
        cluster.wait_until_whole()
        file = os.path.join(folder, f"again{i}")
        job = start(cluster, module, "--file", file, "--records", "0", parallelism=1)
        until(lambda file=file: stamps(file), "the first record")
        cluster.wait_for_state(job, "RUNNING")
        victim = until(lambda job=job: task_manager_of(cluster, job), "the job's TaskManager")
        before = time.time_ns()
        os.kill(victim["pid"], signal.SIGKILL)
        again = until(lambda file=file, before=before: [s for s in stamps(file) if s > before], "records again")[0]
        times.append((again - before) / 1e6)
        request(cluster.rest_endpoint, "PATCH", f"/jobs/{job}?mode=cancel")
        cluster.wait_for_end(job)
    return times


def task_manager_of(cluster, job):
    for vertex in cluster.job(job)["vertices"]:
        for subtask in cluster.get(f"/jobs/{job}/vertices/{vertex['id']}").json["subtasks"]:
            for node in cluster.nodes("taskmanager"):
                if node["id"] == subtask["taskmanager-id"]:
                    return node
    return None


def pss_mib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


def start_ms(runs):
    times = []
    for _ in range(runs):
        with Cluster(taskmanagers=2, slots=2) as cluster:
            times.append(cluster.start_seconds * 1000)
    return times


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=50)
    options.add_argument("--jobs", type=int, default=200)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    out = {}
    with tempfile.TemporaryDirectory(prefix="flott-bench-") as folder:
        with Cluster(taskmanagers=3, slots=2) as cluster:
            out["idle_pss_mib"] = {f"{n['role']} {n['id']}": round(pss_mib(n["pid"]), 1) for n in cluster.nodes()}
            times = first_record_ms(cluster, folder, chosen.runs)
            out["submission_to_first_record_ms"] = {"p50": round(percentile(times, 0.5), 2),
                                                    "p99": round(percentile(times, 0.99), 2)}
            out["jobs_per_second"] = round(jobs_per_second(cluster, folder, chosen.jobs), 1)
            times = recovery_ms(cluster, folder, max(3, chosen.runs // 10))
            out["sigkill_to_records_ms"] = {"p50": round(percentile(times, 0.5), 1), "max": round(max(times), 1)}
        times = start_ms(5)
        out["cluster_start_ms"] = {"p50": round(percentile(times, 0.5), 1), "max": round(max(times), 1)}
    if chosen.json:
        print(json.dumps(out))
    else:
        for name, value in out.items():
            print(f"{name:32} {value}")


if __name__ == "__main__":
    main()
