"""SIGKILL and SIGSTOP in the middle of a job: it ends with the right result, once, and all slots are free."""
import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from expected import read_csv  # noqa: E402
from flott_cluster import SLOW_MACHINE, Cluster, ClusterTest, alive, flott, new_job_id, request, until  # noqa: E402

PACED = os.path.join(os.environ["FLOTT_TEST_MODULES"], "paced_count.so")
CRASHING = os.path.join(os.environ["FLOTT_TEST_MODULES"], "crashing.so")
RECORDS, RATE = 6000, 3000   # a job of about two seconds, keys 0..9


class Faults(ClusterTest):
    def setUp(self):
        super().setUp()
        self.cluster = Cluster(taskmanagers=3, slots=2, jobmanagers=2)
        self.cluster.start()
        self.addCleanup(self.cluster.__exit__, None, None, None)

    def begin(self, parallelism=3, records=RECORDS):
        """A job in the middle of its work."""
        job = self.cluster.submit(PACED, "--records", records, "--rate", RATE, "--output", self.path("out"),
                                  flags=["-p", parallelism, "--jobid", new_job_id()])
        self.cluster.wait_for_running_tasks(job)
        return job

    def check(self, job, records=RECORDS):
        self.assertEqual(self.cluster.wait_for_end(job, 60), "FINISHED", self.cluster.get(f"/jobs/{job}/exceptions"))
        header, rows = read_csv(self.path("out", "counts.csv"))
        self.assertEqual(header, ["key", "count"])
        self.assertEqual(rows, [[str(key), str(records // 10)] for key in range(10)])
        self.assertEqual(os.listdir(self.path("out")), ["counts.csv"])
        self.cluster.wait_until_whole()

    def busy_task_manager(self, job):
        """A TaskManager that runs a task of the job."""
        def find():
            details = self.cluster.job(job)
            for vertex in details["vertices"]:
                found = self.cluster.get(f"/jobs/{job}/vertices/{vertex['id']}").json
                for subtask in found["subtasks"]:
                    for node in self.cluster.nodes("taskmanager"):
                        if subtask["status"] == "RUNNING" and subtask["taskmanager-id"] == node["id"]:
                            return node
            return None
        return until(find, "a TaskManager with a running task")

    def job_manager_of(self, job):
        """The JobManager node whose supervision tree shows the job."""
        def find():
            for node in self.cluster.nodes("jobmanager"):
                tree = flott("tree", "--from", node["metrics"], "--json")
                if job in tree.out:
                    return node
            return None
        return until(find, "the JobManager node of the job")

    def test_a_killed_task_manager(self):
        job = self.begin()
        victim = self.busy_task_manager(job)
        os.kill(victim["pid"], signal.SIGKILL)
        self.check(job)
        exceptions = self.cluster.get(f"/jobs/{job}/exceptions").json
        self.assertIn("TaskManager", str(exceptions))   # its death, or first the loss of a connection to it

    def test_a_stopped_task_manager(self):
        job = self.begin()
        victim = self.busy_task_manager(job)
        os.kill(victim["pid"], signal.SIGSTOP)
        self.check(job)
        until(lambda: not alive(victim["pid"]), "the provider kills the silent node")

    def test_a_task_manager_that_was_only_asleep(self):
        """It comes back after it was declared dead: nothing of its old work may count."""
        job = self.begin()
        victim = self.busy_task_manager(job)
        os.kill(victim["pid"], signal.SIGSTOP)
        until(lambda: victim["id"] not in {n["id"] for n in self.cluster.nodes()}, "the node is declared lost")
        if alive(victim["pid"]):
            os.kill(victim["pid"], signal.SIGCONT)
        self.check(job)

    def test_a_killed_job_manager_node(self):
        job = self.begin()
        os.kill(self.job_manager_of(job)["pid"], signal.SIGKILL)
        self.check(job)

    def test_a_killed_dispatcher_that_comes_back(self):
        job = self.begin(records=3 * RECORDS)
        command = self.cluster.dispatcher_command()
        os.kill(self.cluster.node("dispatcher")["pid"], signal.SIGKILL)
        again = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.addCleanup(again.wait)
        self.addCleanup(lambda: again.poll() is not None or again.kill())
        until(lambda: any(n["pid"] == again.pid for n in self.cluster.nodes()), "the new dispatcher in cluster.json")
        self.check(job, 3 * RECORDS)
        restarts = self.cluster.get(f"/jobs/{job}/exceptions").json["exceptionHistory"]["entries"]
        self.assertEqual(restarts, [], "the dispatcher's death cut a JobManager off from its TaskManagers")

    def test_everything_but_the_dispatcher_at_once(self):
        job = self.begin()
        for node in self.cluster.nodes("taskmanager") + self.cluster.nodes("jobmanager"):
            os.kill(node["pid"], signal.SIGKILL)
        self.check(job)

    def test_a_stopped_and_started_cluster_resumes_its_jobs(self):
        job = self.begin()
        self.assert_code(self.cluster.stop(), 0)
        self.cluster.assert_nothing_left()
        self.cluster.start()
        self.check(job)

    def test_an_attached_run_sees_its_job_through_a_restart_of_the_dispatcher(self):
        running = self.cluster.run_in_background(PACED, "--records", 3 * RECORDS, "--rate", RATE, "--output",
                                                 self.path("out"), flags=["-p", 2, "--json"])
        until(lambda: self.cluster.get("/jobs/overview").json["jobs"], "the job")
        command = self.cluster.dispatcher_command()
        os.kill(self.cluster.node("dispatcher")["pid"], signal.SIGKILL)
        again = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.addCleanup(again.wait)
        self.addCleanup(lambda: again.poll() is not None or again.kill())
        out, err = running.communicate(timeout=120)
        self.assertEqual(running.returncode, 0, err)
        self.assertIn('"FINISHED"', out)

    def test_a_job_without_restarts_fails_and_releases(self):
        job = self.cluster.submit(PACED, "--records", 100 * RECORDS, "--rate", RATE, "--output", self.path("out"),
                                  flags=["-D", "restart-strategy.type=none"])
        self.cluster.wait_for_running_tasks(job)
        os.kill(self.busy_task_manager(job)["pid"], signal.SIGKILL)
        self.assertEqual(self.cluster.wait_for_end(job), "FAILED")
        self.assertFalse(os.path.exists(self.path("out", "counts.csv")))
        self.cluster.wait_until_whole()

    def test_a_cancelled_job_leaves_nothing_of_the_tasks_that_died(self):
        """All TaskManagers die, so that nobody cleans up after himself; then the job is cancelled."""
        job = self.begin(records=100 * RECORDS)
        until(lambda: os.path.exists(self.path("out")), "a file written aside")
        for node in self.cluster.nodes("taskmanager"):
            os.kill(node["pid"], signal.SIGKILL)
        self.assert_code(flott("cancel", "-m", self.cluster.rest_endpoint, job), 0)
        self.assertEqual(self.cluster.wait_for_end(job), "CANCELED")
        self.assertFalse(os.path.exists(self.path("out")), "the folder that the job had made")
        self.cluster.wait_until_whole()

    def test_a_cancelled_job_releases(self):
        for state in ("INITIALIZING", "RUNNING"):
            job = self.cluster.submit(PACED, "--records", 100 * RECORDS, "--rate", RATE)
            if state == "RUNNING":
                self.cluster.wait_for_running_tasks(job)
            before = time.monotonic()
            self.assert_code(flott("cancel", "-m", self.cluster.rest_endpoint, job), 0)
            self.assertEqual(self.cluster.state(job), "CANCELED")
            self.assertLess(time.monotonic() - before, 10)   # a hang, not a stopwatch
            self.cluster.wait_for_free_slots()

    def test_a_crashing_module_is_named_and_the_node_comes_back(self):
        job, before = new_job_id(), {n["id"]: n for n in self.cluster.nodes("taskmanager")}
        done = self.cluster.run(CRASHING, "--how", "segv", flags=["-p", 1, "--jobid", job])
        self.assert_code(done, 2)
        words = (f"job {job}", "signal 11", "Segmentation fault", "operator `crasher`", "subtask 0")
        for word in (*words, "SIGSEGV"):
            self.assertIn(word, done.err)
        # REST's history has it too, but not always as the last entry, nor always the failure that ended the job.
        failures = self.cluster.failures(job)
        self.assertTrue(any(all(word in f["stacktrace"] for word in words) for f in failures), failures)
        # Who crashed is named, and has a successor that offers its slots; the others live on.
        self.cluster.wait_until_whole()
        crashed = {i for i, node in before.items() if not alive(node["pid"])}
        after = {n["id"] for n in self.cluster.nodes("taskmanager")}
        self.assertTrue(crashed)
        self.assertLessEqual({failure["taskManagerId"] for failure in failures}, crashed)
        self.assertEqual(after & set(before), set(before) - crashed)
        listed = self.cluster.get("/taskmanagers").json["taskmanagers"]
        self.assertEqual({m["id"]: m["freeSlots"] for m in listed}, {i: 2 for i in after})
        self.check(self.begin(parallelism=6))   # which takes all slots, so those of the successors too

    def test_a_throwing_module_is_named_and_not_retried(self):
        job = new_job_id()
        for flags in (["-m", self.cluster.rest_endpoint, "--jobid", job], ["--embedded"]):
            done = flott("run", *flags, CRASHING, "--how", "throw")
            self.assert_code(done, 2)
            for word in ("crasher", "thrown on purpose"):
                self.assertIn(word, done.err)
        self.assertEqual([f["exceptionName"] for f in self.cluster.failures(job)], ["flott.user.permanent"])
        self.assertEqual({subtask["attempt"] for subtask in self.cluster.subtasks(job)}, {0})

    def test_a_crash_in_embedded_mode_is_named(self):
        done = flott("run", "--embedded", CRASHING, "--how", "segv")
        self.assert_code(done, 2)
        for word in ("SIGSEGV", "crasher"):
            self.assertIn(word, done.err)

    def test_a_cluster_stopped_after_its_task_managers_died_leaves_no_files_and_goes_on_later(self):
        """Its TaskManagers die the moment before, so that nobody cleans up after himself."""
        job = self.begin()
        until(lambda: os.path.exists(self.path("out")), "a file written aside")
        for node in self.cluster.nodes("taskmanager"):
            os.kill(node["pid"], signal.SIGKILL)
        self.assert_code(self.cluster.stop(), 0)
        self.cluster.assert_nothing_left()
        self.assertFalse(os.path.exists(self.path("out", f".flott-{job}")))
        self.cluster.start()
        self.check(job)

    def test_an_orderly_stop_leaves_no_files_aside(self):
        job = self.begin()
        until(lambda: os.path.exists(self.path("out")), "a file written aside")
        self.assert_code(self.cluster.stop(), 0)
        self.assertFalse(os.path.exists(self.path("out", f".flott-{job}")))

    def test_a_job_is_cancelled_before_a_started_again_cluster_resumes_it(self):
        job = self.begin(records=100 * RECORDS)
        self.assert_code(self.cluster.stop(), 0)
        self.cluster.start()
        self.assertEqual(request(self.cluster.rest_endpoint, "PATCH", f"/jobs/{job}").status, 202)
        self.cluster.wait_for_state(job, "CANCELED", seconds=6)

    def test_two_stops_meet(self):
        self.begin()
        stops = [subprocess.Popen([os.environ["FLOTT"], "cluster", "stop", "--dir", self.cluster.dir]) for _ in range(2)]
        self.assertEqual([stop.wait(timeout=60) for stop in stops], [0, 0])
        self.cluster.assert_nothing_left()


class SilentNodes(ClusterTest):
    def test_a_node_is_declared_lost_after_the_timeout_and_not_before(self):
        timeout, interval = 2, 0.25
        settings = [f"heartbeat.timeout={timeout} s", f"heartbeat.interval={interval * 1000:.0f} ms"]
        with Cluster(taskmanagers=1, define=settings) as cluster:
            for role in ("taskmanager", "jobmanager"):
                victim = cluster.node(role)
                os.kill(victim["pid"], signal.SIGSTOP)
                stopped = time.monotonic()
                until(lambda: victim["id"] not in {n["id"] for n in cluster.nodes()}, "the silent node is declared lost")
                silent = time.monotonic() - stopped
                # Its last heartbeat was sent up to an interval before the stop; a busy machine may have eaten another.
                self.assertGreater(silent, timeout - 2 * interval, role)
                self.assertLess(silent, 3 * timeout * SLOW_MACHINE, role)
                cluster.wait_until_whole()
                self.assertFalse(alive(victim["pid"]), role)


if __name__ == "__main__":
    unittest.main(verbosity=2)
