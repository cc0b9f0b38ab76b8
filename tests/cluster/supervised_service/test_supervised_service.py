"""examples/supervised_service: it serves, says why when it cannot, and ends in order, also while chaos breaks it."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import unittest

SERVICE = os.environ["SUPERVISED_SERVICE"]


class Service:
    """A running service on a free port."""

    def __init__(self, *options):
        self.process = subprocess.Popen([SERVICE, "--http", "127.0.0.1:0", *options], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        first = self.process.stdout.readline()
        self.port = int(re.fullmatch(r"serving http://127\.0\.0\.1:(\d+)/lookup\?key=K\n", first).group(1))

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def end(self, with_signal=signal.SIGTERM):
        if with_signal is not None:
            self.process.send_signal(with_signal)
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out, err


def descendants(node):
    yield node
    for child in node.get("children", []):
        yield from descendants(child)


class SupervisedService(unittest.TestCase):
    def test_it_serves_and_ends_in_order(self):
        service = Service("--seed", "7")
        self.assertEqual(service.get("/livez")[0], 200)
        self.assertEqual(service.get("/readyz")[0], 200)
        self.assertEqual(service.get("/elsewhere")[0], 404)
        for path in ("/lookup", "/lookup?key=", "/lookup?key=" + "k" * 201, "/lookup?key=a%0Ab"):
            self.assertEqual(service.get(path)[0], 400, path)
        origins = set()
        while not origins >= {"cache"}:                     # the second time it is known, once the answer has arrived there
            status, body = service.get("/lookup?key=flott")
            if status == 200:
                answer = json.loads(body)
                self.assertEqual((answer["key"], answer["value"]), ("flott", "value of flott"))
                origins.add(answer["from"])
        tree = json.loads(service.get("/flott/v1/tree")[1])
        nodes = {node["path"]: node for node in descendants(tree)}
        self.assertEqual(list(nodes), ["/service", "/service/backend", "/service/workers", "/service/workers/worker-1",
                                       "/service/workers/worker-2", "/service/workers/worker-3",
                                       "/service/workers/worker-4", "/service/cache", "/service/front"])
        self.assertEqual(nodes["/service/workers/worker-1"]["class"], "worker")
        self.assertRegex(nodes["/service/backend"]["ledger"]["entries"][0], "listener on port")
        self.assertIn("flott_actors{child=\"worker\",supervisor=\"workers\"}", service.get("/metrics")[1])
        code, out, err = service.end()
        self.assertEqual((code, err), (0, ""))
        lines = out.splitlines()
        self.assertRegex(lines[-1], r"^ended in time: shutdown; 0 abandoned, 0 left behind, \d+ messages not handled$")
        stopped = [re.search(r" (/service\S*) #", line).group(1) for line in lines if "child stopped" in line]
        self.assertEqual([path for path in stopped if "worker-" not in path],
                         ["/service/front", "/service/cache", "/service/workers", "/service/backend"])
        self.assertTrue(any("/service/backend #1 what a child held was released: 1 released" in line for line in lines))

    def test_chaos_is_survived_and_every_client_is_answered(self):
        for seed in ("1", "2"):
            with self.subTest(seed=seed):
                service = Service("--chaos", "--seed", seed)
                counts, wrong, enough = {200: 0, 503: 0}, [], threading.Event()

                def ask(number):
                    i = 0
                    while not enough.is_set():
                        i += 1
                        status, body = service.get(f"/lookup?key=k{number}-{i % 50}")
                        answer = json.loads(body)
                        if status == 200 and answer["value"] == f"value of k{number}-{i % 50}":
                            counts[200] += 1
                        elif status == 503 and answer["errors"][0]:
                            counts[503] += 1
                        else:
                            wrong.append((status, body))

                clients = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
                for client in clients:
                    client.start()
                restarts = 0
                while (counts[200] < 500 or restarts < 10) and not wrong:     # it comes back, whatever chaos does
                    status, body = service.get("/flott/v1/tree")
                    self.assertEqual(status, 200)           # whatever is broken, the tree is shown
                    restarts = sum(node["restarts"]["total"] for node in descendants(json.loads(body)))
                enough.set()
                for client in clients:
                    client.join()
                self.assertEqual(wrong, [])
                code, out, err = service.end(signal.SIGINT)
                self.assertIn("child restarted (failure)", out)
                self.assertIn("what a child held was released", out)
                ended = re.search(r"ended in time: shutdown; (\d+) abandoned, (\d+) left behind", out)
                self.assertIsNotNone(ended, out[-2000:] + err)
                self.assertEqual(code, 0 if ended.group(2) == "0" else 1)

    def test_it_ends_by_itself_after_its_time(self):
        code, out, _ = Service("--seconds", "1").end(with_signal=None)
        self.assertEqual(code, 0)
        self.assertIn("ended in time", out)

    def test_wrong_options_and_a_taken_port_are_told(self):
        for options in (["--htp", "127.0.0.1:1"], ["--http"], ["--http", "nowhere"], ["--seconds", "x"], ["--seed", "-1"]):
            done = subprocess.run([SERVICE, *options], capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 2, options)
            self.assertIn("not understood", done.stderr)
            self.assertIn("usage:", done.stderr)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = subprocess.run([SERVICE, "--http", f"127.0.0.1:{port}"], capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 2)
            self.assertIn(str(port), done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
