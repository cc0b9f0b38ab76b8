"""The metrics move, and by the right amount: records, bytes, time, restarts, processor and memory."""
import os
import re
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cluster", "harness"))
from flott_cluster import Cluster, ClusterTest, metrics_of, new_job_id, total  # noqa: E402

PACED = os.path.join(os.environ["FLOTT_TEST_MODULES"], "paced_count.so")
FLOWS = ["records_in", "records_out", "bytes_in", "bytes_out"]
TIMES = ["busy", "idle", "backpressured"]


class Metrics(ClusterTest):
    def setUp(self):
        super().setUp()
        self.cluster = Cluster(taskmanagers=2, slots=2)
        self.cluster.start()
        self.addCleanup(self.cluster.__exit__, None, None, None)

    def pages(self, *roles):
        return [metrics_of(node) for node in self.cluster.nodes() if node["role"] in roles]

    def flows(self, job):
        """What the job's tasks received and emitted: by the task's name, summed over subtasks and TaskManagers."""
        found = {}
        for page in self.pages("taskmanager"):
            for (name, labels), value in page.items():
                if match := re.fullmatch(rf"flott_task_({'|'.join(FLOWS)})_total", name):
                    has = dict(labels)
                    if has["job_id"] == job:
                        task = found.setdefault(has["task_name"], dict.fromkeys(FLOWS, 0))
                        task[match[1]] += value
        return found

    def finished(self, job):
        self.assertEqual(self.cluster.wait_for_end(job), "FINISHED", self.cluster.failures(job))
        self.cluster.wait_for_free_slots()
        return job

    def test_records_and_bytes_of_word_count_are_those_of_its_input(self):
        files, distinct, parallelism = 4, 1000, 3
        text = "".join(f"word{n} " + ("\n" if n % 10 == 9 else "") for n in range(distinct)) * 50
        for i in range(files):
            self.write(f"in{i}.txt", text)
        job = self.finished(self.cluster.submit("word_count", "--input", self.path("in*.txt"), "--output",
                                                self.path("out"), flags=["-p", parallelism]))
        flows = self.flows(job)
        source, words, count, sink = (flows[name] for name in (
            "Source: files", "lines -> words -> combine", "count", "sort -> Sink: counts.csv"))
        # Files travel as what is to be read; words as counts of each subtask that met them; then once for each word.
        self.assertEqual((source["records_in"], source["records_out"]), (0, files))
        self.assertEqual(words["records_in"], files)
        self.assertGreaterEqual(words["records_out"], distinct)
        self.assertLessEqual(words["records_out"], distinct * parallelism)
        self.assertEqual(words["records_out"] % distinct, 0)   # each of them met every word
        self.assertEqual(count["records_out"], distinct)
        self.assertEqual((sink["records_in"], sink["records_out"]), (distinct, 0))
        # What one emits is what the next one receives, and a row of a count takes 8 bytes and its word.
        for one, other in ((source, words), (words, count), (count, sink)):
            self.assertEqual(one["records_out"], other["records_in"])
            self.assertEqual(one["bytes_out"], other["bytes_in"])
        least = sum(len(f"word{n}") + 8 for n in range(distinct))
        self.assertGreaterEqual(count["bytes_out"], least)
        self.assertLess(count["bytes_out"], 10 * least)
        # REST says the same.
        for vertex in self.cluster.job(job)["vertices"]:
            rest = vertex["metrics"]
            self.assertEqual({"records_in": rest["read-records"], "records_out": rest["write-records"],
                              "bytes_in": rest["read-bytes"], "bytes_out": rest["write-bytes"]}, flows[vertex["name"]])

    def test_a_job_through_the_death_of_a_task_manager(self):
        restarts = [total(page, "flott_job_restarts_total") for page in self.pages("jobmanager")]
        self.assertEqual(restarts, [0])
        job, before = new_job_id(), time.monotonic()
        self.cluster.submit(PACED, "--records", 6000, "--rate", 3000, "--output", self.path("out"),
                            flags=["-p", 3, "--jobid", job])
        self.cluster.wait_for_running_tasks(job)
        victim = self.cluster.node("taskmanager")
        os.kill(victim["pid"], signal.SIGKILL)
        self.finished(job)
        self.cluster.wait_until_whole()
        elapsed = time.monotonic() - before
        restarts = [total(page, "flott_job_restarts_total") for page in self.pages("jobmanager")]
        self.assertEqual(restarts, [1])
        dispatcher = self.pages("dispatcher")[0]
        self.assertEqual(total(dispatcher, "flott_job_submissions_total"), 1)
        self.assertEqual(total(dispatcher, "flott_jobs", state="FINISHED"), 1)
        self.assertEqual(total(dispatcher, "flott_jobs"), 1)
        self.assertEqual((total(dispatcher, "flott_slots"), total(dispatcher, "flott_slots_free")), (4, 4))
        # Ages are told of living nodes only; a node's process was started again, but no actor of the others.
        ages = {dict(labels)["node_id"] for name, labels in dispatcher if name == "flott_heartbeat_age_seconds"}
        self.assertEqual(ages, {n["id"] for n in self.cluster.nodes() if n["role"] != "dispatcher"})
        for page in self.pages("dispatcher", "jobmanager", "taskmanager"):
            self.assertEqual(total(page, "flott_supervisor_restarts_total"), 0)
        # A subtask's time is spent at most once, and one that paces itself idles most of it.
        times = self.times(job)
        self.assertTrue(times)
        for labels, spent in times.items():
            self.assertLessEqual(sum(spent.values()), elapsed, labels)
            self.assertGreater(spent["busy"], 0, labels)
        paced = {labels: spent for labels, spent in times.items() if dict(labels)["task_name"].startswith("Source: ")}
        for labels, spent in paced.items():
            self.assertGreater(spent["idle"], spent["busy"], labels)

    def times(self, job):
        found = {}
        for page in self.pages("taskmanager"):
            for (name, labels), value in page.items():
                if match := re.fullmatch(rf"flott_task_({'|'.join(TIMES)})_seconds_total", name):
                    if ("job_id", job) in labels:
                        found.setdefault(labels, {})[match[1]] = value
        return found

    def test_processor_and_memory_of_every_node(self):
        """Compared with what the kernel says of the process, before and after the scrape."""
        tick, page_size = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")

        def kernel(pid):
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / tick, int(fields[17]), int(fields[21]) * page_size
        for node in self.cluster.nodes():
            with self.subTest(role=node["role"]):
                before, _, memory = kernel(node["pid"])
                page = metrics_of(node)
                after, threads, _ = kernel(node["pid"])
                self.assertGreaterEqual(total(page, "process_cpu_seconds_total"), before - 2 / tick)
                self.assertLessEqual(total(page, "process_cpu_seconds_total"), after + 2 / tick)
                self.assertGreater(total(page, "process_cpu_seconds_total"), 0)
                self.assertAlmostEqual(total(page, "process_resident_memory_bytes") / memory, 1, delta=0.25)
                self.assertGreater(total(page, "process_virtual_memory_bytes"), memory)
                self.assertAlmostEqual(total(page, "process_threads"), threads, delta=3)
                self.assertAlmostEqual(total(page, "process_start_time_seconds"), time.time(), delta=600)
                descriptors = len(os.listdir(f"/proc/{node['pid']}/fd"))
                self.assertAlmostEqual(total(page, "process_open_fds"), descriptors, delta=8)
                self.assertGreater(total(page, "process_max_fds"), descriptors)


if __name__ == "__main__":
    unittest.main(verbosity=2)
