"""`flott cluster start|stop|status`: what runs, what is left, and what is said when it cannot."""
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from flott_cluster import FLOTT, Cluster, ClusterTest, alive, flott, processes_of, request, until  # noqa: E402


class Lifecycle(ClusterTest):
    def test_all_nodes_are_registered_when_start_returns(self):
        with Cluster(taskmanagers=2, slots=3) as cluster:
            nodes = cluster.nodes()
            self.assertEqual(sorted(n["role"] for n in nodes), ["dispatcher", "jobmanager", "taskmanager", "taskmanager"])
            self.assertEqual(len({n["id"] for n in nodes}), 4)
            for node in nodes:
                self.assertEqual(sorted(node), ["data", "id", "log", "metrics", "pid", "rest", "role", "rpc"])
                self.assertTrue(alive(node["pid"]), node)
                self.assertTrue(os.path.exists(node["log"]), node)
                self.assertEqual(request(node["metrics"], "GET", "/metrics").status, 200)
                self.assertEqual(node["data"] is not None, node["role"] == "taskmanager")
                self.assertEqual(node["rest"] is not None, node["role"] == "dispatcher")
            overview = cluster.overview()
            self.assertEqual((overview["taskmanagers"], overview["slots-total"], overview["slots-available"]), (2, 6, 6))
            shown = flott("cluster", "status", "--dir", cluster.dir, "--json")
            self.assertEqual(shown.json, nodes)
            mode = stat.S_IMODE(os.stat(os.path.join(cluster.dir, "secret")).st_mode)
            self.assertEqual(mode, 0o600)

    def test_everything_listens_on_loopback(self):
        with Cluster(taskmanagers=1) as cluster:
            inodes = set()
            for node in cluster.nodes():
                for fd in os.listdir(f"/proc/{node['pid']}/fd"):
                    try:
                        target = os.readlink(f"/proc/{node['pid']}/fd/{fd}")
                    except OSError:
                        continue
                    if target.startswith("socket:["):
                        inodes.add(target[8:-1])
            listening = 0
            for table in ("/proc/net/tcp", "/proc/net/tcp6"):
                with open(table, encoding="ascii") as file:
                    for line in list(file)[1:]:
                        fields = line.split()
                        if fields[3] == "0A" and fields[9] in inodes:
                            listening += 1
                            address = fields[1].split(":")[0]
                            self.assertIn(address, ("0100007F", "0" * 24 + "01000000"), line)
            self.assertGreaterEqual(listening, 5)

    def test_stop_is_idempotent_and_starting_again_resumes_the_folder(self):
        cluster = Cluster(taskmanagers=1)
        with cluster:
            secret = self.read(cluster.dir, "secret")
            ids = {n["id"] for n in cluster.nodes()}
            self.assert_code(cluster.stop(), 0)
            self.assert_code(cluster.stop(), 0)
            cluster.assert_nothing_left()
            self.assertEqual(flott("cluster", "status", "--dir", cluster.dir, "--json").json, [])
            cluster.start()
            self.assertEqual(self.read(cluster.dir, "secret"), secret)
            self.assertFalse(ids & {n["id"] for n in cluster.nodes()})

    def test_stopping_what_was_never_started_is_fine(self):
        self.assert_code(flott("cluster", "stop", "--dir", self.path("none")), 0)

    def test_stop_ends_stopped_and_orphaned_nodes(self):
        with Cluster(taskmanagers=2) as cluster:
            nodes = cluster.nodes()
            os.kill(cluster.node("dispatcher")["pid"], signal.SIGKILL)
            for node in cluster.nodes("taskmanager"):
                os.kill(node["pid"], signal.SIGSTOP)
            self.assert_code(cluster.stop(), 0)
            cluster.assert_nothing_left()
            for node in nodes:
                self.assertFalse(alive(node["pid"]), node)
                for kind in ("rest", "rpc", "data", "metrics"):
                    if node[kind]:
                        host, port = node[kind].rsplit(":", 1)
                        with self.assertRaises(OSError, msg=f"{kind} port of {node['id']}"):
                            socket.create_connection((host, int(port)), 1).close()

    def test_a_second_start_in_the_same_folder_is_refused(self):
        with Cluster(taskmanagers=1) as cluster:
            again = flott("cluster", "start", "--dir", cluster.dir, "-D", "rest.port=0", "-D", "jobmanager.rpc.port=0")
            self.assert_code(again, 4)
            self.assertIn("already", again.err)
            self.assertEqual(len(processes_of(cluster.dir)), 3)

    def test_a_taken_port_is_named_and_nothing_is_left(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = flott("cluster", "start", "--dir", self.path("c"), "-D", f"rest.port={port}")
            self.assert_code(done, 4)
            self.assertIn(str(port), done.err)
        self.assertFalse(os.path.exists(self.path("c")))
        self.assertEqual(processes_of(self.path("c")), [])

    def test_an_interrupted_start_leaves_nothing(self):
        starting = subprocess.Popen([FLOTT, "cluster", "start", "--dir", self.path("c"), "--taskmanagers", "3",
                                     "-D", "rest.port=0", "-D", "jobmanager.rpc.port=0"], stderr=subprocess.PIPE)
        until(lambda: os.path.exists(self.path("c", "run")) or starting.poll() is not None, "a start that has begun")
        starting.send_signal(signal.SIGINT)
        starting.communicate(timeout=60)
        if starting.returncode == 0:   # it was quicker than the signal
            self.assert_code(flott("cluster", "stop", "--dir", self.path("c")), 0)
        self.assertEqual(processes_of(self.path("c")), [])

    def test_settings_are_checked_before_anything_starts(self):
        for setting, word in (("rest.prot=1", "rest.port"), ("heartbeat.timeout=banana", "heartbeat.timeout"),
                              ("taskmanager.numberOfTaskSlots=0", "taskmanager.numberOfTaskSlots"),
                              ("rest.bind-address=0.0.0.0", "insecure"), ("novalue", "novalue")):
            done = flott("cluster", "start", "--dir", self.path("c"), "-D", setting)
            self.assert_code(done, 1)
            self.assertIn(word, done.err)
        self.assertFalse(os.path.exists(self.path("c")))

    def test_random_bytes_as_configuration_are_an_error_with_a_name(self):
        os.mkdir(self.path("c"))
        self.write("c/flott.yaml", bytes(range(256)) * 20)
        done = flott("cluster", "start", "--dir", self.path("c"))
        self.assert_code(done, 1)
        self.assertIn("flott.yaml", done.err)
        self.assertEqual(processes_of(self.path("c")), [])

    def test_a_killed_node_is_replaced_under_a_new_id(self):
        with Cluster(taskmanagers=2) as cluster:
            for role in ("taskmanager", "jobmanager"):
                victim = cluster.node(role)
                os.kill(victim["pid"], signal.SIGKILL)
                until(lambda: victim["id"] not in {n["id"] for n in cluster.nodes()}, "the dead node leaves cluster.json")
                cluster.wait_until_whole()

    def test_a_dispatcher_started_again_by_hand_belongs_to_the_cluster(self):
        with Cluster(taskmanagers=1) as cluster:
            command = cluster.dispatcher_command()
            before = {n["id"]: n["pid"] for n in cluster.nodes()}
            old = cluster.node("dispatcher")
            os.kill(old["pid"], signal.SIGKILL)
            again = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                     stdin=subprocess.DEVNULL)
            try:
                until(lambda: any(n["role"] == "dispatcher" and n["pid"] == again.pid for n in cluster.nodes()),
                      "the new dispatcher in cluster.json")
                cluster.wait_until_whole()
                self.assertEqual(cluster.node("dispatcher")["rest"], old["rest"])
                after = {n["id"]: n["pid"] for n in cluster.nodes() if n["role"] != "dispatcher"}
                self.assertEqual(after, {i: p for i, p in before.items() if i != old["id"]})   # nodes outlive it
                self.assertNotEqual(cluster.node("dispatcher")["id"], old["id"])
                self.assert_code(cluster.stop(), 0)
                again.wait(timeout=30)
            finally:
                if again.poll() is None:
                    again.kill()
                again.wait()

    def test_the_trees_of_all_nodes_are_shown(self):
        with Cluster(taskmanagers=2) as cluster:
            tree = flott("tree", "-m", cluster.rest_endpoint)
            self.assert_code(tree, 0)
            for node in cluster.nodes():
                self.assertIn(node["id"], tree.out)
            one = flott("tree", "--from", cluster.node("taskmanager")["metrics"], "--json")
            self.assert_code(one, 0)
            self.assertIn("running", json.dumps(one.json))


if __name__ == "__main__":
    unittest.main(verbosity=2)
