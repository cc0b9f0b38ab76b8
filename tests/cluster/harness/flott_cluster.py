"""A cluster of real processes for one test, in a folder of its own.

    with Cluster(taskmanagers=2, slots=2) as cluster:
        done = cluster.run("word_count", "--input", "/usr/share/doc/*/copyright")
        assert done.code == 0, done.err

Leaving the block stops the cluster and checks that nothing of it is left. FLOTT names the executable.
"""
import http.client
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

FLOTT = os.environ.get("FLOTT", "flott")
SLOW_MACHINE = float(os.environ.get("FLOTT_TEST_PATIENCE", "1"))   # stretches every deadline
ENDED = ("FINISHED", "FAILED", "CANCELED")

_pause = threading.Event()


def until(condition, what, seconds=30):
    """Waits until `condition()` gives something true, and gives it. Fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds * SLOW_MACHINE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {seconds} s: {what() if callable(what) else what}")
        _pause.wait(0.01)


def new_job_id():
    return secrets.token_hex(16)


class Done:
    """A command that has ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out[-2000:]}\n--- stderr\n{self.err[-4000:]}"


def flott(*arguments, seconds=120, env=None, cwd=None):
    done = subprocess.run([FLOTT, *map(str, arguments)], capture_output=True, text=True, errors="replace",
                          timeout=seconds * SLOW_MACHINE, stdin=subprocess.DEVNULL,
                          env={**os.environ, **(env or {})}, cwd=cwd)
    return Done(done.returncode, done.stdout, done.stderr)


def alive(pid):
    """Whether the process runs or is stopped; a zombie has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


def processes_of(folder):
    """Pids of all living processes whose command line names the folder."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if folder.encode() in words and alive(int(name)):
                found.append(int(name))
    return found


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:500]!r}"


def request(endpoint, method, path, body=None, headers=None, seconds=30):
    """One HTTP exchange on a connection of its own."""
    connection = http.client.HTTPConnection(endpoint, timeout=seconds * SLOW_MACHINE)
    try:
        if isinstance(body, (dict, list)):
            body, headers = json.dumps(body), {"Content-Type": "application/json", **(headers or {})}
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


def multipart(file_name, content, field="jarfile"):
    """Body and headers of an upload."""
    boundary = secrets.token_hex(16)
    body = (f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{file_name}"\r\n'
            f"Content-Type: application/x-java-archive\r\n\r\n").encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def metrics_of(node):
    """A node's /metrics page as {(name, frozenset of (label, value)): value}."""
    samples = {}
    for line in request(node["metrics"], "GET", "/metrics").body.decode().splitlines():
        if line and not line.startswith("#"):
            name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
            found = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")
            samples[name, frozenset(found)] = float(value)
    return samples


def total(samples, name, **labels):
    """Sum of the samples of a metric that bear these labels; there must be one."""
    found = [value for (each, has), value in samples.items() if each == name and has >= set(labels.items())]
    assert found, f"no sample of {name} {labels}"
    return sum(found)


class Cluster:
    def __init__(self, taskmanagers=2, slots=2, jobmanagers=1, define=(), folder=None):
        self.taskmanagers, self.slots, self.jobmanagers = taskmanagers, slots, jobmanagers
        self.define = ["rest.port=0", "jobmanager.rpc.port=0", "metrics.reporter.prom.port=0", *define]
        self._own = folder is None
        self.base = folder or tempfile.mkdtemp(prefix="flott-cluster-")
        self.dir = os.path.join(self.base, "cluster")
        self.start_seconds = None

    # --- life ---

    def start(self):
        settings = [word for setting in self.define for word in ("-D", setting)]
        before = time.monotonic()
        done = flott("cluster", "start", "--dir", self.dir, "--taskmanagers", self.taskmanagers, "--slots", self.slots,
                     "--jobmanagers", self.jobmanagers, *settings)
        self.start_seconds = time.monotonic() - before
        if done.code != 0:
            raise AssertionError(f"cluster start: {done!r}")
        self.rest_endpoint = self.node("dispatcher")["rest"]
        return self

    def stop(self):
        return flott("cluster", "stop", "--dir", self.dir)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self._clear()
            raise

    def __exit__(self, kind, error, trace):
        try:
            stopped = self.stop()
            if kind is None:
                assert stopped.code == 0, stopped
                self.assert_nothing_left()
            else:
                self.show_logs()
        finally:
            self._clear()

    def assert_nothing_left(self):
        left = processes_of(self.dir)
        assert not left, f"processes after cluster stop: {left}"
        names = sorted(os.listdir(self.dir))
        assert set(names) <= {"flott.yaml", "secret", "logs", "jobs"}, f"after cluster stop the folder holds {names}"
        for folder, _, files in os.walk(self.dir):
            assert not [f for f in files if f.endswith("-tmp")], f"temporary files in {folder}: {files}"

    def show_logs(self):
        logs = os.path.join(self.dir, "logs")
        for name in sorted(os.listdir(logs)) if os.path.isdir(logs) else []:
            with open(os.path.join(logs, name), encoding="utf-8", errors="replace") as file:
                print(f"--- {name}\n" + "".join(file.readlines()[-40:]), file=sys.stderr)

    def _clear(self):
        for pid in processes_of(self.dir):
            os.kill(pid, signal.SIGKILL)
        if self._own:
            shutil.rmtree(self.base, ignore_errors=True)

    # --- nodes ---

    def nodes(self, role=None):
        with open(os.path.join(self.dir, "cluster.json"), encoding="utf-8") as file:
            return [node for node in json.load(file) if role in (None, node["role"])]

    def node(self, role):
        return self.nodes(role)[0]

    def wait_until_whole(self, seconds=30):
        """All nodes asked for are registered, and all slots are known."""
        def whole():
            living = [n for n in self.nodes() if alive(n["pid"])]
            count = {role: sum(n["role"] == role for n in living) for role in ("jobmanager", "taskmanager")}
            return count == {"jobmanager": self.jobmanagers, "taskmanager": self.taskmanagers}
        until(whole, lambda: f"all nodes registered; there are {self.nodes()}", seconds)
        self.wait_for_free_slots(seconds)

    def wait_for_free_slots(self, seconds=30):
        wanted = self.taskmanagers * self.slots
        until(lambda: self.overview()["slots-total"] == self.overview()["slots-available"] == wanted,
              lambda: f"{wanted} free slots; {self.overview()}", seconds)

    def dispatcher_command(self):
        """The dispatcher's command line, to start it again by hand."""
        with open(f"/proc/{self.node('dispatcher')['pid']}/cmdline", "rb") as file:
            return [word.decode() for word in file.read().split(b"\0")[:-1]]

    # --- jobs ---

    def run(self, module, *parameters, flags=(), seconds=120):
        return flott("run", "-m", self.rest_endpoint, *flags, module, *parameters, seconds=seconds)

    def run_in_background(self, module, *parameters, flags=()):
        return subprocess.Popen([FLOTT, "run", "-m", self.rest_endpoint, *map(str, flags), module, *map(str, parameters)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)

    def submit(self, module, *parameters, flags=()):
        done = self.run(module, *parameters, flags=["-d", "--json", *flags])
        assert done.code == 0, done
        return done.json["jobid"]

    def get(self, path, **more):
        return request(self.rest_endpoint, "GET", path, **more)

    def overview(self):
        return self.get("/overview").json

    def job(self, job_id):
        answer = self.get(f"/jobs/{job_id}")
        return answer.json if answer.status == 200 else None

    def state(self, job_id):
        job = self.job(job_id)
        return job["state"] if job else None

    def wait_for_state(self, job_id, *states, seconds=60):
        return until(lambda: (state := self.state(job_id)) in states and state,
                     lambda: f"job {job_id} in {states}; it is {self.state(job_id)}", seconds)

    def wait_for_end(self, job_id, seconds=60):
        return self.wait_for_state(job_id, *ENDED, seconds=seconds)

    def failures(self, job_id):
        """The job's failures, the last first."""
        return self.get(f"/jobs/{job_id}/exceptions").json["exceptionHistory"]["entries"]

    def subtasks(self, job_id):
        for vertex in self.job(job_id)["vertices"]:
            yield from self.get(f"/jobs/{job_id}/vertices/{vertex['id']}").json["subtasks"]

    def records_out(self, job_id):
        """What the job's sources have emitted so far."""
        job = self.job(job_id)
        return max((v["metrics"]["write-records"] for v in job["vertices"]), default=0) if job else 0

    def wait_for_running_tasks(self, job_id, seconds=30):
        """Every task of the job is at work."""
        def running():
            job = self.job(job_id)
            return job and job["vertices"] and all(v["tasks"].get("RUNNING") == v["parallelism"] for v in job["vertices"])
        until(running, lambda: f"all tasks of job {job_id} RUNNING: {self.job(job_id)}", seconds)

    def wait_for_records(self, job_id, least=1, seconds=30):
        return until(lambda: self.records_out(job_id) >= least, f"{least} records of job {job_id}", seconds)


class ClusterTest(unittest.TestCase):
    """A test case with a folder of its own for inputs and outputs."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="flott-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return self.path(name)

    @staticmethod
    def read(*names):
        with open(os.path.join(*names), encoding="utf-8") as file:
            return file.read()

    def assert_code(self, done, code):
        self.assertEqual(done.code, code, done)


if __name__ == "__main__":
    sys.exit("this is a library; the tests are beside it")
