"""What outsiders rely on over HTTP: Flink's documents, status codes, metrics."""
import json
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cluster", "harness"))
from flott_cluster import Cluster, ClusterTest, multipart, new_job_id, request, until  # noqa: E402

# Fields that are primitives or checked for null in Flink's message classes, of 1.20 and 2.4.
INT, NUMBER, TEXT, BOOL, LIST, MAP = int, (int, float), str, bool, list, dict
OVERVIEW = {"flink-version": TEXT, "flink-commit": TEXT, "taskmanagers": INT, "slots-total": INT, "slots-available": INT,
            "jobs-running": INT, "jobs-finished": INT, "jobs-cancelled": INT, "jobs-failed": INT}
CONFIG = {"flink-version": TEXT, "flink-revision": TEXT, "refresh-interval": INT, "timezone-name": TEXT,
          "timezone-offset": INT, "features": MAP}
JOB_SUMMARY = {"jid": TEXT, "name": TEXT, "state": TEXT, "start-time": INT, "end-time": INT, "duration": INT,
               "last-modification": INT, "pending-operators": INT, "tasks": MAP}
JOB = {"jid": TEXT, "name": TEXT, "state": TEXT, "isStoppable": BOOL, "start-time": INT, "end-time": INT, "duration": INT,
       "maxParallelism": INT, "now": INT, "timestamps": MAP, "vertices": LIST, "status-counts": MAP, "plan": MAP,
       "pending-operators": INT}
IO = {"read-bytes": INT, "read-bytes-complete": BOOL, "write-bytes": INT, "write-bytes-complete": BOOL,
      "read-records": INT, "read-records-complete": BOOL, "write-records": INT, "write-records-complete": BOOL,
      "accumulated-backpressured-time": INT, "accumulated-idle-time": INT, "accumulated-busy-time": NUMBER}
VERTEX = {"id": TEXT, "slotSharingGroupId": TEXT, "name": TEXT, "maxParallelism": INT, "parallelism": INT, "status": TEXT,
          "start-time": INT, "end-time": INT, "duration": INT, "tasks": MAP, "metrics": MAP}
VERTEX_DETAILS = {"id": TEXT, "name": TEXT, "maxParallelism": INT, "parallelism": INT, "now": INT, "subtasks": LIST}
SUBTASK = {"subtask": INT, "status": TEXT, "attempt": INT, "host": TEXT, "endpoint": TEXT, "start-time": INT,
           "end-time": INT, "duration": INT, "metrics": MAP, "taskmanager-id": TEXT, "status-duration": MAP}
TASK_MANAGER = {"id": TEXT, "path": TEXT, "dataPort": INT, "jmxPort": INT, "timeSinceLastHeartbeat": INT,
                "slotsNumber": INT, "freeSlots": INT, "hardware": MAP, "memoryConfiguration": MAP, "assignedTasks": INT}
HARDWARE = {"cpuCores": INT, "physicalMemory": INT, "freeMemory": INT, "managedMemory": INT}
EXCEPTIONS = {"all-exceptions": LIST, "truncated": BOOL, "exceptionHistory": MAP}
JAR = {"id": TEXT, "name": TEXT, "uploaded": INT, "entry": LIST}

METRICS = {   # by role of the node that has them
    "dispatcher": ["flott_jobs", "flott_job_submissions_total", "flott_slots", "flott_slots_free", "flott_taskmanagers",
                   "flott_heartbeat_age_seconds", "flott_supervisor_restarts_total", "flott_build_info"],
    "jobmanager": ["flott_job_restarts_total", "flott_build_info"],
    "taskmanager": ["flott_task_records_in_total", "flott_task_records_out_total", "flott_task_bytes_in_total",
                    "flott_task_bytes_out_total", "flott_task_busy_seconds_total", "flott_task_idle_seconds_total",
                    "flott_task_backpressured_seconds_total", "flott_build_info", "process_cpu_seconds_total",
                    "process_resident_memory_bytes"],
}


class Surface(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(taskmanagers=2, slots=2)
        cls.cluster.start()
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)

    def check(self, document, fields, what):
        for name, kind in fields.items():
            self.assertIn(name, document, what)
            self.assertIsInstance(document[name], kind, f"{what}: {name}")
            if kind is int:
                self.assertNotIsInstance(document[name], bool, f"{what}: {name}")

    def get(self, path, status=200):
        for prefix in ("", "/v1"):
            answer = self.cluster.get(prefix + path, body="{}")   # Flink's clients send a body with GET
            self.assertEqual(answer.status, status, f"{path}: {answer}")
        return answer.json

    def finished_job(self):
        source = self.write("in.txt", "a b a\n" * 100)
        job = self.cluster.submit("word_count", "--input", source, flags=["-p", 2])
        self.assertEqual(self.cluster.wait_for_end(job), "FINISHED")
        return job

    def test_the_cluster(self):
        self.check(self.get("/overview"), OVERVIEW, "/overview")
        self.check(self.get("/config"), CONFIG, "/config")
        self.assertEqual(self.cluster.get("/livez").status, 200)
        self.assertEqual(self.cluster.get("/readyz").status, 200)
        managers = self.get("/taskmanagers")["taskmanagers"]
        self.assertEqual({m["id"] for m in managers}, {n["id"] for n in self.cluster.nodes("taskmanager")})
        for manager in managers:
            self.check(manager, TASK_MANAGER, "/taskmanagers")
            self.check(manager["hardware"], HARDWARE, "hardware")

    def test_a_job(self):
        job = self.finished_job()
        self.assertIn({"id": job, "status": "FINISHED"}, self.get("/jobs")["jobs"])
        summary = next(j for j in self.get("/jobs/overview")["jobs"] if j["jid"] == job)
        self.check(summary, JOB_SUMMARY, "/jobs/overview")
        self.assertEqual(summary["tasks"]["total"], sum(v for k, v in summary["tasks"].items() if k != "total"))
        details = self.get(f"/jobs/{job}")
        self.check(details, JOB, "/jobs/:jobid")
        self.assertGreater(details["end-time"], 0)
        self.assertTrue(details["vertices"])
        self.assertEqual({n["id"] for n in details["plan"]["nodes"]}, {v["id"] for v in details["vertices"]})
        for vertex in details["vertices"]:
            self.check(vertex, VERTEX, "vertex")
            self.check(vertex["metrics"], IO, "vertex metrics")
            self.assertEqual(sum(vertex["tasks"].values()), vertex["parallelism"])
            inner = self.get(f"/jobs/{job}/vertices/{vertex['id']}")
            self.check(inner, VERTEX_DETAILS, "/jobs/:jobid/vertices/:vertexid")
            for subtask in inner["subtasks"]:
                self.check(subtask, SUBTASK, "subtask")
                self.check(subtask["metrics"], IO, "subtask metrics")
        exceptions = self.get(f"/jobs/{job}/exceptions")
        self.check(exceptions, EXCEPTIONS, "exceptions")
        self.assertEqual(exceptions["exceptionHistory"]["entries"], [])
        self.assertEqual(self.get(f"/jobs/{job}/status"), {"status": "FINISHED"})
        self.assertIn("nodes", self.get(f"/jobs/{job}/plan")["plan"])

    def test_a_failed_job_says_why(self):
        missing = self.path("nowhere")
        job = self.cluster.submit("word_count", "--input", missing)
        self.assertEqual(self.cluster.wait_for_end(job), "FAILED")
        exceptions = self.get(f"/jobs/{job}/exceptions")
        self.assertIn(missing, json.dumps(exceptions))
        result = self.get(f"/jobs/{job}/execution-result")
        self.assertEqual(result["status"]["id"], "COMPLETED")
        self.assertIn("serialized-throwable", result["job-execution-result"]["failure-cause"])

    def upload(self, name, module="word_count"):
        """Uploads an example under a name, and gives the id answered: the last part of the file name, as in Flink."""
        folder = os.path.join(os.path.dirname(os.environ["FLOTT"]), "..", "lib", "flott", "examples")
        with open(os.path.join(folder, module + ".so"), "rb") as file:
            body, headers = multipart(name, file.read())
        answer = request(self.cluster.rest_endpoint, "POST", "/v1/jars/upload", body, headers)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json["status"], "success")
        return answer.json["filename"].rsplit("/", 1)[1]

    def listed_modules(self):
        return {entry["id"]: entry["name"] for entry in self.get("/jars")["files"]}

    def delete_module(self, module):
        return request(self.cluster.rest_endpoint, "DELETE", f"/jars/{module}").status

    def delete_module_of_ended_jobs(self, module):
        """A job's end is told a moment before it is durable, and until then its module is held."""
        until(lambda: self.delete_module(module) == 200, "the module of an ended job can be deleted", 10)
        self.assertEqual(self.delete_module(module), 404)

    def test_an_uploaded_module_is_listed_until_it_is_deleted(self):
        module = self.upload("dpkg_analytics.so", "dpkg_analytics")
        self.assertEqual(self.listed_modules()[module], "dpkg_analytics.so")
        self.assertEqual(self.upload("dpkg_analytics.so", "dpkg_analytics"), module)   # again: the same one
        self.assertEqual(list(self.listed_modules()).count(module), 1)
        self.assertEqual(self.delete_module(module), 200)
        self.assertNotIn(module, self.listed_modules())
        self.assertEqual(self.delete_module(module), 404)
        ran = request(self.cluster.rest_endpoint, "POST", f"/jars/{module}/run", {})
        self.assertEqual(ran.status, 404, ran)

    def test_a_module_that_a_job_runs_is_not_deleted(self):
        module = self.upload("ticker.so", "ticker")
        ran = request(self.cluster.rest_endpoint, "POST", f"/jars/{module}/run", {"programArgsList": ["--rate", "10"]})
        self.assertEqual(ran.status, 200, ran)
        job = ran.json["jobid"]
        self.assertEqual(self.delete_module(module), 409)
        self.assertIn(module, self.listed_modules())
        self.assertEqual(request(self.cluster.rest_endpoint, "PATCH", f"/jobs/{job}").status, 202)
        self.assertEqual(self.cluster.wait_for_end(job), "CANCELED")
        self.delete_module_of_ended_jobs(module)

    def test_the_same_content_under_two_names_is_one_module_known_by_its_first(self):
        modules = [self.upload("one_name.so"), self.upload("another_name.so")]
        self.assertEqual(modules[0], modules[1])       # content decides what a module is
        self.assertEqual(self.listed_modules()[modules[0]], "one_name.so")
        self.assertEqual(self.delete_module(modules[0]), 200)
        self.assertNotIn(modules[0], self.listed_modules())

    def test_modules(self):
        for name in ("word_count.so", "word_count.jar"):   # the content decides
            module = self.upload(name)
        listed = self.get("/jars")
        self.assertIsInstance(listed["address"], str)
        for entry in listed["files"]:
            self.check(entry, JAR, "/jars")
        source = self.write("in.txt", "x y\n")
        ran = request(self.cluster.rest_endpoint, "POST", f"/jars/{module}/run",
                      {"programArgsList": ["--input", source], "parallelism": 2, "jobId": new_job_id()})
        self.assertEqual(ran.status, 200, ran)
        self.assertEqual(self.cluster.wait_for_end(ran.json["jobid"]), "FINISHED")
        self.delete_module_of_ended_jobs(module)

    def test_cancelling(self):
        job = self.cluster.submit("ticker", "--rate", "10")
        self.cluster.wait_for_state(job, "RUNNING")
        answer = request(self.cluster.rest_endpoint, "PATCH", f"/jobs/{job}?mode=cancel")
        self.assertEqual((answer.status, answer.json), (202, {}))
        self.assertEqual(self.cluster.wait_for_end(job), "CANCELED")
        self.assertEqual(request(self.cluster.rest_endpoint, "PATCH", f"/jobs/{job}").status, 409)
        self.assertEqual(request(self.cluster.rest_endpoint, "PATCH", f"/jobs/{new_job_id()}").status, 404)

    def test_wrong_requests_say_what_is_wrong(self):
        where = self.cluster.rest_endpoint
        module = "0" * 64 + "_x.so"
        cases = [
            ("GET", "/nowhere", None, 404), ("GET", "/jobs/xyz", None, 400), ("GET", f"/jobs/{new_job_id()}", None, 404),
            ("DELETE", "/overview", None, 405), ("POST", "/jars/upload", "no multipart", 400),
            ("POST", f"/jars/{module}/run", "{", 400), ("POST", f"/jars/{module}/run", "[]", 400),
            ("POST", f"/jars/{module}/run", "{}", (400, 404)), ("POST", "/jobs", "{}", 400),
            ("POST", f"/jars/{module}/run", '{"parallelism":"many"}', 400),
            ("POST", f"/jars/{module}/run", '{"jobId":"xyz"}', 400),
            ("POST", f"/jars/{module}/run", "[" * 100_000, 400), ("GET", "/taskmanagers/none", None, 404),
        ]
        for method, path, body, status in cases:
            with self.subTest(method=method, path=path, body=(body or "")[:40]):
                answer = request(where, method, path, body, {"Content-Type": "application/json"} if body else None)
                self.assertIn(answer.status, status if isinstance(status, tuple) else (status,), answer)
                errors = answer.json["errors"]
                self.assertTrue(errors and all(isinstance(e, str) and e for e in errors), answer)
        self.assertEqual(self.cluster.get("/livez").status, 200)

    def test_metrics(self):
        self.finished_job()
        for node in self.cluster.nodes():
            page = request(node["metrics"], "GET", "/metrics")
            self.assertEqual(page.status, 200)
            text = page.body.decode()
            for name in METRICS[node["role"]]:
                self.assertIn(f"\n# TYPE {name} ", "\n" + text, f"{name} of {node['role']}")
            if shutil.which("promtool"):
                checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
                self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""), node)
        dispatcher = request(self.cluster.node("dispatcher")["metrics"], "GET", "/metrics").body.decode()
        lines = dict(line.rsplit(" ", 1) for line in dispatcher.splitlines() if line and not line.startswith("#"))
        self.assertEqual(float(lines["flott_taskmanagers"]), 2)
        self.assertEqual(float(lines["flott_slots"]), 4)
        self.assertGreaterEqual(float(lines["flott_job_submissions_total"]), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
