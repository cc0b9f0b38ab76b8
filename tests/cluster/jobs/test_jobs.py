"""Many jobs, the same job twice, bad modules, bad requests: the cluster stays whole."""
import concurrent.futures
import os
import secrets
import socket
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from expected import read_csv, word_counts  # noqa: E402
from flott_cluster import Cluster, ClusterTest, alive, flott, multipart, new_job_id, request, until  # noqa: E402


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


class Unreachable(ClusterTest):
    def test_a_cluster_that_is_not_there(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            where = f"127.0.0.1:{free.getsockname()[1]}"
        for command in (["list"], ["run", "ticker"], ["info", new_job_id()], ["tree"]):
            done = flott(command[0], "-m", where, *command[1:])
            self.assert_code(done, 4)
            self.assertIn(where, done.err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
