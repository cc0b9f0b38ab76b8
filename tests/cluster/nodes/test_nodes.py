"""`flott standalone`, nodes started by hand, `flott version`: what they say, what they need, what they leave."""
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from expected import read_csv, word_counts  # noqa: E402
from flott_cluster import (FLOTT, SLOW_MACHINE, ClusterTest, alive, flott, metrics_of, request, total,  # noqa: E402
                           until)

PACED = os.path.join(os.environ["FLOTT_TEST_MODULES"], "paced_count.so")
WAITING = os.path.join(os.environ["FLOTT_TEST_MODULES"], "waiting.so")


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class Node:
    """A node in the foreground, with all that it says in a file, and with a folder for temporary files."""

    def __init__(self, test, role, *settings, flags=()):
        self.said_to = test.path(f"{role}-{secrets.token_hex(4)}.txt")
        words = [word for setting in settings for word in ("-D", setting)]
        os.makedirs(test.path("tmp"), exist_ok=True)
        with open(self.said_to, "wb") as file:
            self.process = subprocess.Popen([FLOTT, role, *flags, *words], stdin=subprocess.DEVNULL, stdout=file,
                                            stderr=file, env={**os.environ, "TMPDIR": test.path("tmp")})
        self.pid = self.process.pid
        test.addCleanup(self.process.wait)
        test.addCleanup(lambda: self.process.poll() is not None or self.process.kill())

    @property
    def said(self):
        with open(self.said_to, encoding="utf-8") as file:
            return file.read()

    def wait(self, seconds=30):
        return self.process.wait(seconds * SLOW_MACHINE)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.wait()


class Nodes(ClusterTest):
    # --- one process ---

    def standalone(self, *settings, flags=()):
        """The node and its REST address."""
        node = Node(self, "standalone", "rest.port=0", "jobmanager.rpc.port=0", "metrics.reporter.prom.port=0", *settings,
                    flags=flags)
        return node, until(lambda: re.search(r"REST at http://(\S+)\n", node.said), lambda: node.said)[1]

    def test_standalone_runs_jobs_and_leaves_nothing(self):
        source = self.write("in.txt", "a b a\nc\n" * 1000)
        for number in (signal.SIGTERM, signal.SIGINT):
            node, rest = self.standalone("taskmanager.numberOfTaskSlots=2")
            out = self.path(f"out{number}")
            self.assert_code(flott("run", "-m", rest, "-p", 2, "word_count", "--input", source, "--output", out), 0)
            self.assertEqual(read_csv(os.path.join(out, "counts.csv"))[1], word_counts(source))
            self.assertNotEqual(os.listdir(self.path("tmp")), [])   # or it would not show that they go
            self.assertEqual(node.end(number), 0, node.said)
            self.assertEqual(os.listdir(self.path("tmp")), [])
            self.assertEqual(os.listdir(out), ["counts.csv"])
            with self.assertRaises(OSError):
                request(rest, "GET", "/livez")

    def test_standalone_ends_in_the_middle_of_a_job(self):
        node, rest = self.standalone()
        done = flott("run", "-m", rest, "-d", PACED, "--records", 10**6, "--rate", 1000, "--output", self.path("out"))
        self.assert_code(done, 0)
        until(lambda: os.path.exists(self.path("out")), "a file written aside")
        self.assertEqual(node.end(), 0, node.said)
        self.assertEqual(os.listdir(self.path("tmp")), [])
        self.assertFalse(os.path.exists(self.path("out")), "the folder that the job had made")

    def standalone_in_a_folder(self):
        node = Node(self, "standalone", "rest.port=0", "jobmanager.rpc.port=0", "metrics.reporter.prom.port=0",
                    flags=["--dir", self.path("dir")])
        listed = until(lambda: [n for n in self.listed() if n["pid"] == node.pid][2:] and self.listed(), "all its roles")
        self.assertEqual([(n["role"], n["pid"]) for n in listed],
                         [(role, node.pid) for role in ("dispatcher", "jobmanager", "taskmanager")])
        return node, listed[0]["rest"]

    def listed(self):
        try:
            with open(self.path("dir", "cluster.json"), encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return []

    def test_standalone_with_a_folder_resumes_its_job(self):
        node, rest = self.standalone_in_a_folder()
        done = flott("run", "-m", rest, "-d", "--json", PACED, "--records", 3000, "--rate", 1000, "--output",
                     self.path("out"))
        self.assert_code(done, 0)
        until(lambda: os.path.exists(self.path("out")), "a file written aside")
        self.assertEqual(node.end(), 0, node.said)
        node, rest = self.standalone_in_a_folder()
        job = done.json["jobid"]
        until(lambda: request(rest, "GET", f"/jobs/{job}/status").json["status"] == "FINISHED", "the job has ended")
        self.assertEqual(read_csv(self.path("out", "counts.csv"))[1], [[str(key), "300"] for key in range(10)])
        self.assertEqual(node.end(), 0, node.said)

    def test_standalone_takes_itself_off_the_list(self):
        node, _ = self.standalone_in_a_folder()
        node.end()
        self.assertEqual(self.listed(), [])

    def test_top_goes_on_asking_a_process_that_went_away(self):
        port = free_ports(1)[0]
        node, _ = self.standalone(f"metrics.reporter.prom.port={port}")
        said_to = self.path("top.txt")
        with open(said_to, "wb") as file:
            top = subprocess.Popen([FLOTT, "top", "--from", f"127.0.0.1:{port}", "--interval", "0.1"],
                                   stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        self.addCleanup(top.wait)
        self.addCleanup(lambda: top.poll() is not None or top.kill())

        def wait_for(what, since=0):
            until(lambda: what in self.read(said_to)[since:], lambda: self.read(said_to)[-2000:])
            return len(self.read(said_to))
        wait_for("/standalone/dispatcher/monitor")
        node.end(signal.SIGKILL)
        before = wait_for("asking again")
        self.standalone(f"metrics.reporter.prom.port={port}")
        before = wait_for("answers again", before - 1)
        wait_for("/standalone/dispatcher/monitor", before)
        top.send_signal(signal.SIGINT)
        self.assertEqual(top.wait(30 * SLOW_MACHINE), 0, self.read(said_to)[-2000:])

    def test_a_process_that_stops_says_who_blocks_it(self):
        port = free_ports(1)[0]
        where = f"127.0.0.1:{port}"
        node, rest = self.standalone(f"metrics.reporter.prom.port={port}", "shutdown.timeout=60 s",
                                     "shutdown.actor-timeout=60 s")
        os.mkfifo(self.path("fifo"))
        self.assert_code(flott("run", "-m", rest, "-d", WAITING, "--fifo", self.path("fifo")), 0)
        stuck = r"/standalone/\S*job_loaders/\S+"
        until(lambda: re.search(rf"^{stuck} .* for ", flott("top", "--from", where, "--once", "--interval", 0.1).out, re.M),
              lambda: flott("tree", "--from", where).out)
        node.process.send_signal(signal.SIGTERM)
        shown = until(lambda: re.search(rf"shutdown blocked by: {stuck} \(in \S+ for .*\)",
                                        flott("top", "--from", where, "--once", "--interval", 0.1).out),
                      lambda: flott("top", "--from", where, "--once", "--interval", 0.1))
        self.assertIn("load", shown[0])
        self.assertRegex(flott("tree", "--from", where).out, "  stopping .* in load for ")
        self.write("fifo", "go on\n")
        self.assertEqual(node.wait(), 0, node.said)

    # --- processes that find each other ---

    def secret(self, name="secret", content=None, mode=0o600):
        path = self.write(name, content or secrets.token_hex(32) + "\n")
        os.chmod(path, mode)
        return path

    def begin_cluster(self):
        """A dispatcher by hand; `self.settings` is what others need to find it."""
        rest, rpc = free_ports(2)
        self.rest = f"127.0.0.1:{rest}"
        self.settings = [f"jobmanager.rpc.port={rpc}", "metrics.reporter.prom.port=0"]
        self.right = f"cluster.secret-file={self.secret()}"
        node = Node(self, "dispatcher", self.right, f"rest.port={rest}", f"cluster.dir={self.path('state')}",
                    *self.settings)
        until(lambda: "REST at" in node.said, lambda: node.said)
        return node

    def worker(self, role, *settings):
        return Node(self, role, *self.settings, *settings)

    def overview(self):
        return request(self.rest, "GET", "/overview").json

    def wait_for_task_managers(self, count):
        until(lambda: self.overview()["taskmanagers"] == count, lambda: f"{count} TaskManagers; {self.overview()}")

    def test_nodes_started_by_hand_form_a_cluster(self):
        nodes = [self.begin_cluster(), self.worker("jobmanager", self.right),
                 self.worker("taskmanager", self.right), self.worker("taskmanager", self.right)]
        self.wait_for_task_managers(2)
        source = self.write("in.txt", "a b a\nc\n" * 1000)
        done = flott("run", "-m", self.rest, "-p", 2, "word_count", "--input", source, "--output", self.path("out"))
        self.assert_code(done, 0)
        self.assertEqual(read_csv(self.path("out", "counts.csv"))[1], word_counts(source))
        tree = flott("tree", "-m", self.rest).out
        for role in ("dispatcher", "jobmanager", "taskmanager"):
            self.assertIn(f"{role}/  running", tree)
        # There is nobody to replace a node that dies, and the others go on.
        nodes[3].end(signal.SIGKILL)
        self.wait_for_task_managers(1)
        self.assert_code(flott("run", "-m", self.rest, "word_count", "--input", source), 0)
        self.assertEqual(self.overview()["taskmanagers"], 1)
        self.assertEqual([node.end() for node in nodes[2::-1]], [0, 0, 0])
        left = os.listdir(self.path("tmp"))
        self.assertTrue(len(left) <= 1, left)   # of the one that was killed; who ends in an orderly way clears up

    def test_a_node_that_slept_too_long_ends_itself(self):
        """It was declared dead, so that nothing it knows counts; whoever started it may start it again."""
        self.begin_cluster()
        for role in ("taskmanager", "jobmanager"):
            node = self.worker(role, self.right)
            until(lambda: "registered with the dispatcher" in node.said, lambda: node.said)
            until(lambda: self.known(role) == 1, f"a {role} that is known")
            os.kill(node.pid, signal.SIGSTOP)
            until(lambda: self.known(role) == 0, f"the {role} is declared lost")
            os.kill(node.pid, signal.SIGCONT)
            self.assertEqual(node.wait(), 4, node.said)
            self.assertIn("declared dead", node.said)

    def known(self, role):
        shown = flott("tree", "-m", self.rest).out
        return shown.count(f"\n{role}-")

    def test_a_task_manager_with_another_secret_never_becomes_a_member(self):
        dispatcher = self.begin_cluster()
        self.worker("taskmanager", self.right)
        self.wait_for_task_managers(1)
        stranger = self.worker("taskmanager", f"cluster.secret-file={self.secret('other')}", "registration.timeout=2 s")
        seen = set()
        until(lambda: seen.add(self.overview()["taskmanagers"]) or stranger.process.poll() is not None,
              "the stranger gives up")
        self.assertEqual(seen, {1})
        self.assertEqual(stranger.wait(), 4, stranger.said)
        self.assertIn("the proof of the cluster's secret is wrong", dispatcher.said)
        self.assertTrue(alive(dispatcher.pid))

    def test_a_task_manager_with_another_secret_says_why(self):
        self.begin_cluster()
        stranger = self.worker("taskmanager", f"cluster.secret-file={self.secret('other')}", "registration.timeout=1 s")
        stranger.wait()
        self.assertIn("secret", stranger.said)

    def test_a_secret_that_is_none_is_refused_at_once(self):
        self.settings = ["jobmanager.rpc.port=1", "metrics.reporter.prom.port=0"]   # it never gets as far
        cases = [
            (f"cluster.secret-file={self.secret('open', mode=0o644)}", "0600"),
            (f"cluster.secret-file={self.secret('short', content='abc')}", "64 hex digits"),
            (f"cluster.secret-file={self.path('none')}", self.path("none")),
            ("log.level=info", "cluster.secret-file"),   # no secret at all
        ]
        for role in ("jobmanager", "taskmanager"):
            for setting, word in cases:
                with self.subTest(role=role, setting=setting):
                    node = self.worker(role, setting)
                    self.assertEqual(node.wait(), 4, node.said)
                    self.assertIn(word, node.said)

    def test_a_dispatcher_without_a_place_for_its_jobs_is_refused(self):
        node = Node(self, "dispatcher", f"cluster.secret-file={self.secret()}", "rest.port=0", "jobmanager.rpc.port=0")
        self.assertEqual(node.wait(), 4, node.said)
        self.assertIn("cluster.dir", node.said)

    def test_one_version_everywhere(self):
        shown = flott("version")
        self.assert_code(shown, 0)
        version = re.fullmatch(r"flott (\d+\.\d+\.\d+)\n", shown.out)[1]
        self.assertEqual(flott("version", "--json").json["version"], version)
        self.assert_code(flott("version", "--nonsense"), 1)
        port = free_ports(1)[0]
        _, rest = self.standalone(f"metrics.reporter.prom.port={port}")
        self.assertIn(version, request(rest, "GET", "/overview").json["flink-version"])
        page = metrics_of({"metrics": f"127.0.0.1:{port}"})
        self.assertEqual(total(page, "flott_build_info", version=version), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
