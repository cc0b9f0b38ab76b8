"""Many jobs, the same job twice, bad modules, bad requests: the cluster stays whole."""
import concurrent.futures
import os
import re
import secrets
import socket
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from expected import read_csv, word_counts  # noqa: E402
from flott_cluster import Cluster, ClusterTest, alive, flott, multipart, new_job_id, request, until  # noqa: E402
from terminal import Terminal  # noqa: E402

PACED = os.path.join(os.environ["FLOTT_TEST_MODULES"], "paced_count.so")


def top_rows(text):
    """The table of `flott top` as {actor: {column: text}}; its last two columns may be empty."""
    lines = text.split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith("ACTOR"))
    names = re.split(r"\s{2,}", lines[start])
    cells = [re.split(r"\s{2,}", line) for line in lines[start + 1:] if line.strip() and not line.startswith("...")]
    return {row[0]: dict(zip(names, row)) for row in cells}


class Jobs(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(taskmanagers=2, slots=2)
        cls.cluster.start()
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.pids = {n["pid"] for n in cls.cluster.nodes()}

    def tearDown(self):
        self.assertEqual({n["pid"] for n in self.cluster.nodes() if alive(n["pid"])}, self.pids, "a node was lost")

    def upload(self, name):
        folder = os.path.join(os.path.dirname(os.environ["FLOTT"]), "..", "lib", "flott", "examples")
        with open(os.path.join(folder, name + ".so"), "rb") as file:
            body, headers = multipart(name + ".so", file.read())
        answer = request(self.cluster.rest_endpoint, "POST", "/jars/upload", body, headers)
        self.assertEqual(answer.status, 200, answer)
        return answer.json["filename"].rsplit("/", 1)[1]

    def start(self, module, *arguments, job_id=None, status=200):
        body = {"programArgsList": list(arguments)}
        if job_id:
            body["jobId"] = job_id
        answer = request(self.cluster.rest_endpoint, "POST", f"/jars/{module}/run", body)
        self.assertEqual(answer.status, status, answer)
        return answer.json.get("jobid")

    def test_two_hundred_small_jobs_on_four_slots(self):
        source = self.write("in.txt", "a b a\n")
        module = self.upload("word_count")
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            ids = list(pool.map(lambda i: self.start(module, "--input", source, "--output", self.path(f"out{i}")),
                                range(200)))
        self.assertEqual(len(set(ids)), 200)

        def all_ended():
            jobs = {j["jid"]: j["state"] for j in self.cluster.get("/jobs/overview").json["jobs"]}
            return all(jobs.get(i) in ("FINISHED", "FAILED", "CANCELED") for i in ids) and jobs
        jobs = until(all_ended, "200 jobs have ended", 120)
        self.assertEqual({jobs[i] for i in ids}, {"FINISHED"})
        for i in range(200):
            self.assertEqual(read_csv(self.path(f"out{i}", "counts.csv"))[1], [["a", "2"], ["b", "1"]])
        self.cluster.wait_for_free_slots()

    def test_the_same_job_id_runs_once(self):
        source = self.write("in.txt", "a b a\n" * 1000)
        job, output = new_job_id(), self.path("out")
        arguments = ["word_count", "--input", source, "--output", output]
        for _ in range(3):   # the later ones are answered as the first
            done = self.cluster.run(*arguments, flags=["--jobid", job, "--json"])
            self.assert_code(done, 0)
            self.assertEqual(done.json["state"], "FINISHED")
        self.assertEqual(read_csv(os.path.join(output, "counts.csv"))[1], word_counts(source))
        listed = [j for j in self.cluster.get("/jobs/overview").json["jobs"] if j["jid"] == job]
        self.assertEqual(len(listed), 1)
        other = self.cluster.run("word_count", "--input", source, flags=["--jobid", job])
        self.assert_code(other, 4)

    def test_the_same_job_id_at_once_runs_once(self):
        source = self.write("in.txt", "a b a\n" * 1000)
        module, job = self.upload("word_count"), new_job_id()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            ids = set(pool.map(lambda _: self.start(module, "--input", source, job_id=job), range(8)))
        self.assertEqual(ids, {job})
        self.assertEqual(self.cluster.wait_for_end(job), "FINISHED")

    def test_random_bytes_as_module_are_refused(self):
        for content in (secrets.token_bytes(100_000), b"", b"\x7fELF", b"\x7fELF" + secrets.token_bytes(5000),
                        b"PK\x03\x04" + bytes(1000)):
            path = self.write("random.so", content)
            done = self.cluster.run(path)
            self.assert_code(done, 4)
            self.assertIn("random.so", done.err)
            self.assert_code(flott("run", "--embedded", path), 4)

    def test_a_library_that_is_no_job_is_refused(self):
        library = os.path.join(os.path.dirname(os.environ["FLOTT"]), "..", "lib", "libflott_runtime.so")
        if os.path.exists(library):
            self.assert_code(self.cluster.run(os.path.realpath(library)), 4)

    def test_random_bytes_as_request_leave_the_node_living(self):
        host, port = self.cluster.rest_endpoint.rsplit(":", 1)
        for chunk in (secrets.token_bytes(4096), b"GET /" + b"a" * 100_000, b"POST /jars/upload HTTP/1.1\r\n" * 500,
                      b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", b"\0" * 10_000):
            with socket.create_connection((host, int(port)), 5) as peer:
                try:
                    peer.sendall(chunk)
                    peer.shutdown(socket.SHUT_WR)
                    while peer.recv(65536):
                        pass
                except OSError:
                    pass   # being cut off is an answer
            self.assertEqual(self.cluster.get("/livez").status, 200)

    def test_a_peer_without_the_secret_is_refused(self):
        for node in self.cluster.nodes():
            for kind in ("rpc", "data"):
                if not node[kind]:
                    continue
                host, port = node[kind].rsplit(":", 1)
                for words in (secrets.token_bytes(200), b"CAF" * 100, b"FLOTT1" + bytes(200)):
                    with socket.create_connection((host, int(port)), 5) as peer:
                        peer.settimeout(20)
                        try:
                            peer.sendall(words)
                            while peer.recv(65536):
                                pass   # a challenge may come; in the end the node hangs up
                        except ConnectionError:
                            pass
        self.assertEqual(self.cluster.get("/readyz").status, 200)

    def test_a_wrong_job_id_is_told_from_an_unknown_one(self):
        self.assertEqual(self.cluster.get("/jobs/xyz").status, 400)
        self.assertEqual(self.cluster.get("/jobs/" + new_job_id()).status, 404)
        self.assert_code(flott("info", "-m", self.cluster.rest_endpoint, "xyz"), 1)
        self.assert_code(flott("info", "-m", self.cluster.rest_endpoint, new_job_id()), 4)
        self.assert_code(flott("cancel", "-m", self.cluster.rest_endpoint, new_job_id()), 4)

    # --- what is seen of the processes ---

    def paced_job(self):
        """One that runs until the test ends."""
        job = self.cluster.submit(PACED, "--records", 10**7, "--rate", 1000, "--output", self.path("out"))
        self.addCleanup(lambda: flott("cancel", "-m", self.cluster.rest_endpoint, job) and self.cluster.wait_for_end(job))
        self.cluster.wait_for_running_tasks(job)
        return job

    def test_top_shows_every_actor_of_the_cluster(self):
        job = self.paced_job()
        done = flott("top", "-m", self.cluster.rest_endpoint, "--once", "--interval", 0.5)
        self.assert_code(done, 0)
        rows = top_rows(done.out)
        for node in self.cluster.nodes():
            self.assertEqual(rows[f"{node['id']}:/{node['role']}"]["STATE"], "running", done)
        dispatcher = self.cluster.node("dispatcher")["id"]
        self.assertGreater(float(rows[f"{dispatcher}:/dispatcher/monitor"]["MSG/S"]), 0)   # heartbeats
        self.assertTrue([where for where in rows if f":/taskmanager/tasks/{job[:8]}:" in where], rows.keys())
        rates = [float(row["MSG/S"]) for row in rows.values() if row["MSG/S"] != "-"]
        shown = re.search(r"(\d+) supervisors?, (\d+) actors?; .*; (\S+) messages/s", done.out)
        self.assertEqual(int(shown[1]) + int(shown[2]), len(rows))
        self.assertAlmostEqual(float(shown[3]), sum(rates), delta=0.5 * len(rates) + 0.5)   # both are rounded

    def test_top_of_one_process(self):
        monitor = "/dispatcher/monitor"
        where = self.cluster.node("dispatcher")["metrics"]
        sorted_by = {}
        for by in ("handled", "path"):
            done = flott("top", "--from", where, "--once", "--interval", 0.5, "--sort", by)
            self.assert_code(done, 0)
            sorted_by[by] = top_rows(done.out)
            self.assertGreater(float(sorted_by[by][monitor]["MSG/S"]), 0, done)
        self.assertEqual(next(iter(sorted_by["path"])), "/dispatcher")
        rates = [float(row["MSG/S"]) for row in sorted_by["handled"].values() if row["MSG/S"] != "-"]
        self.assertEqual(rates, sorted(rates, reverse=True))
        few = flott("top", "--from", where, "--once", "--interval", 0.1, "--rows", 2).out
        self.assertEqual(len(top_rows(few)), 2)
        self.assertIn(f"... and {len(sorted_by['path']) - 2} more row", few)

    def test_top_on_a_terminal(self):
        for end in ("q", "\x03"):
            with self.subTest(end=end):
                shown = Terminal(self, "top", "-m", self.cluster.rest_endpoint, "--interval", 0.1, rows=30, columns=100)
                shown.wait_for("by busy")
                shown.wait_for("/dispatcher/monitor")
                shown.press("p")
                shown.wait_for("by path")
                shown.resize(6, 50)
                until(lambda: len(shown.screen) == 6 and all(len(line.strip("\r")) < 50 for line in shown.screen),
                      lambda: shown.screen)
                shown.press("\x1b[B")              # an arrow is no letter
                shown.press(end)
                self.assertEqual(shown.wait(), 0, shown.text)
                self.assertTrue(shown.restored(), shown.text[-300:])
                self.assertNotIn("by busy", "".join(shown.screen))

    def test_wrong_lines_of_top_and_log_level(self):
        where = self.cluster.node("dispatcher")["metrics"]
        for words, says in ((["top", "--sort", "size"], "restarts"), (["top", "--interval", "0"], "0.1"),
                            (["top", "--interval", "nan"], "0.1"), (["top", "--rows", "0"], "--rows"), (["top", "x"], "x"),
                            (["top", "--from", where, "-m", where], "--from"), (["top", "--from", "host:x"], "--from host:x"),
                            (["log-level", "/dispatcher", "debug"], "--from"), (["log-level", "/dispatcher"], "missing"),
                            (["log-level", "/dispatcher", "loud", "--from", where], "trace"),
                            (["log-level", "dispatcher", "debug", "--from", where], "path")):
            with self.subTest(words=words):
                done = flott(*words)
                self.assert_code(done, 1)
                self.assertIn(says, done.err)
        unknown = flott("log-level", "/dispatcher/nobody", "debug", "--from", where)
        self.assert_code(unknown, 4)
        self.assertIn("there is no supervisor at '/dispatcher/nobody'", unknown.err)
        self.assert_code(flott("top", "--from", self.cluster.node("taskmanager")["data"], "--once"), 4)   # it speaks no HTTP

    def test_one_process_tells_more_while_it_is_asked_to(self):
        chosen, other = self.cluster.nodes("taskmanager")
        source = self.write("in.txt", "a b a\n" * 100)

        def deployed(node, since):
            return self.read(node["log"])[since:].count(" debug task deployed ")

        def run():
            """Debug lines of the two while a job uses all slots."""
            before = [len(self.read(node["log"])) for node in (chosen, other)]
            self.assert_code(self.cluster.run("word_count", "--input", source, flags=["-p", 4]), 0)
            return [deployed(node, since) for node, since in zip((chosen, other), before)]

        self.assertEqual(run(), [0, 0])
        self.assert_code(flott("log-level", "/taskmanager", "debug", "--from", chosen["metrics"]), 0)
        seen = run()
        self.assertGreater(seen[0], 0)
        self.assertEqual(seen[1], 0)
        self.assert_code(flott("log-level", "/taskmanager", "default", "--from", chosen["metrics"]), 0)
        self.assertEqual(run(), [0, 0])


class Unreachable(ClusterTest):
    def test_a_cluster_that_is_not_there(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            where = f"127.0.0.1:{free.getsockname()[1]}"
        for command in (["list"], ["run", "ticker"], ["info", new_job_id()], ["tree"], ["top"], ["top", "--once"]):
            done = flott(command[0], "-m", where, *command[1:])
            self.assert_code(done, 4)
            self.assertIn(where, done.err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
