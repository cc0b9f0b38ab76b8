"""The examples against an independent calculation: embedded and on a cluster, at parallelism 1 to 4."""
import os
import random
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from expected import dpkg_tables, read_csv, word_counts  # noqa: E402
from flott_cluster import SLOW_MACHINE, Cluster, ClusterTest, flott, metrics_of, new_job_id, total  # noqa: E402

STATUS = "/var/lib/dpkg/status"


class Examples(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(taskmanagers=2, slots=2)
        cls.cluster.start()
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)

    def check_csv(self, name, header, rows):
        found_header, found = read_csv(self.path("out", name))
        self.assertEqual(found_header, header)
        self.assertEqual(found, rows)

    def run_both(self, module, *parameters, parallelism):
        """The same job embedded and on the cluster, each into a folder of its own; yields after each."""
        for where in ("embedded", "cluster"):
            output = self.path("out")
            if where == "embedded":
                done = flott("run", "--embedded", "-p", parallelism, module, *parameters, "--output", output)
            else:
                done = self.cluster.run(module, *parameters, "--output", output, flags=["-p", parallelism])
            self.assert_code(done, 0)
            with self.subTest(where=where, parallelism=parallelism):
                yield
            for name in os.listdir(output):
                os.remove(os.path.join(output, name))
            os.rmdir(output)

    def words(self):
        rng = random.Random(4)
        alphabet = "abcXYZ019_ \t.-\n"
        for i in range(3):
            self.write(f"in{i}.txt", "".join(rng.choice(alphabet) for _ in range(20_000 * i)))
        self.write("in3.txt", "Größe und\r\nunendlich\r\nno newline at the end")
        return self.path("in*.txt")

    def test_word_count(self):
        pattern = self.words()
        rows = word_counts(pattern)
        self.assertGreater(len(rows), 1000)
        for parallelism in (1, 2, 3, 4):
            for _ in self.run_both("word_count", "--input", pattern, parallelism=parallelism):
                self.check_csv("counts.csv", ["word", "count"], rows)

    def test_dpkg_analytics(self):
        expected = dpkg_tables(STATUS)
        for parallelism in (1, 2, 3, 4):
            for _ in self.run_both("dpkg_analytics", parallelism=parallelism):
                self.check_csv("by_section.csv", ["section", "packages", "installed_kib"], expected["by_section.csv"])
                self.check_csv("by_maintainer.csv", ["maintainer", "packages", "installed_kib"],
                               expected["by_maintainer.csv"])
                self.check_csv("largest.csv", ["package", "installed_kib"], expected["largest.csv"])

    def test_dpkg_analytics_of_an_odd_database(self):
        status = self.write("status", "\n\nPACKAGE: a\nstatus: install ok installed\nInstalled-Size: 5\n"
                            "Description: x\n Package: not-a-field\n\tmore\n\n\n"
                            "Package: a\nStatus: install ok installed\nArchitecture: i386\nInstalled-Size: 7\n"
                            "Section: libs\nMaintainer: B, \"C\" <c@d>\n\n"
                            "Package: gone\nStatus: deinstall ok config-files\nInstalled-Size: 900\n\n"
                            "Package: b\r\nStatus: install ok installed\r\nSection: libs\r\n")
        expected = dpkg_tables(status)
        self.assertEqual(expected["by_section.csv"], [["libs", "2", "7"], ["unknown", "1", "5"]])
        for _ in self.run_both("dpkg_analytics", "--status", status, parallelism=2):
            for name, rows in expected.items():
                self.assertEqual(read_csv(self.path("out", name))[1], rows, name)

    def test_without_output_results_come_to_the_client(self):
        pattern = self.words()
        expected = word_counts(pattern)
        for done in (flott("run", "--embedded", "--json", "word_count", "--input", pattern),
                     self.cluster.run("word_count", "--input", pattern, flags=["--json"])):
            self.assert_code(done, 0)
            document = done.json
            self.assertEqual(document["state"], "FINISHED")
            self.assertEqual(sorted([r["word"], str(r["count"])] for r in document["results"]), expected)
            self.assertRegex(document["jobid"], "^[0-9a-f]{32}$")
            self.assertIsInstance(document["duration-ms"], int)
        table = self.cluster.run("dpkg_analytics")
        self.assert_code(table, 0)
        for word in ("by_section", "by_maintainer", "largest"):
            self.assertIn(word, table.out)

    def test_a_module_tells_its_jobs_and_parameters(self):
        done = flott("run", "--help", "word_count")
        self.assert_code(done, 0)
        for words in ("word_count: Counts words", "--input  text files", "--output  folder"):
            self.assertIn(words, done.out)
        self.assert_code(flott("run", "--help", self.write("junk.so", "not a module")), 4)

    def test_a_name_set_by_the_user_is_shown(self):
        pattern = self.words()
        job = self.cluster.submit("word_count", "--input", pattern, flags=["--name", "my words"])
        self.cluster.wait_for_end(job)
        listed = flott("list", "-m", self.cluster.rest_endpoint, "--json").json
        self.assertEqual([j["name"] for j in listed if j["jobid"] == job], ["my words"])
        info = flott("info", "-m", self.cluster.rest_endpoint, job)
        self.assert_code(info, 0)
        self.assertIn("FINISHED", info.out)

    def test_ticker_is_cancelled(self):
        job = self.cluster.submit("ticker", "--rate", 100)
        self.cluster.wait_for_state(job, "RUNNING")
        self.cluster.wait_for_records(job, 10)
        before = time.monotonic()
        self.assert_code(flott("cancel", "-m", self.cluster.rest_endpoint, job), 0)
        self.assertEqual(self.cluster.state(job), "CANCELED")
        self.cluster.wait_for_free_slots()
        # A source that waits for its next record hears of it at once: nobody waited for task.cancellation.timeout, 30 s.
        self.assertLess(time.monotonic() - before, 5 * SLOW_MACHINE)
        self.assert_code(flott("cancel", "-m", self.cluster.rest_endpoint, job), 4)   # ended already
        self.assert_code(self.cluster.run("ticker", flags=["--jobid", job]), 4)       # other parameters

    def test_failures_are_named_and_never_retried(self):
        missing = self.path("nowhere.txt")
        bad = self.write("status", "Package: a\nStatus: install ok installed\nInstalled-Size: many\n")
        cases = [
            (["word_count", "--input", missing], 2, missing),
            (["word_count"], 2, "input"),
            (["word_count", "--input", missing, "--nonsense", "1"], 2, "nonsense"),
            (["dpkg_analytics", "--status", bad], 2, bad),
            (["no_such_example"], 4, "no_such_example"),
            (["ticker", "--rate"], 1, "rate"),
        ]
        for arguments, code, word in cases:
            job = new_job_id()
            for flags in (["--embedded"], ["-m", self.cluster.rest_endpoint, "--jobid", job]):
                with self.subTest(arguments=arguments, flags=flags):
                    done = flott("run", *flags, *arguments)
                    self.assert_code(done, code)
                    self.assertIn(word, done.err)
            with self.subTest(arguments=arguments):
                if code == 2:
                    self.check_failed_at_once(job, word)
                else:
                    self.assertIsNone(self.cluster.job(job))
        self.cluster.wait_for_free_slots()
        for node in self.cluster.nodes("jobmanager"):
            self.assertEqual(total(metrics_of(node), "flott_job_restarts_total"), 0)

    def check_failed_at_once(self, job, word):
        """One failure, which names the cause, and not a second attempt: neither of the job nor of a task."""
        found = self.cluster.job(job)
        self.assertEqual(found["state"], "FAILED")
        self.assertEqual(found["timestamps"]["RESTARTING"], 0)
        failures = self.cluster.failures(job)
        self.assertEqual([f["exceptionName"] for f in failures], ["flott.user.permanent"], failures)
        self.assertIn(word, failures[0]["stacktrace"])
        attempts = {subtask["attempt"] for subtask in self.cluster.subtasks(job)}
        self.assertEqual(attempts, {0} if found["timestamps"]["RUNNING"] else set())   # or it failed at planning

    def test_an_output_folder_that_holds_something_else_is_refused(self):
        pattern = self.words()
        os.mkdir(self.path("out"))
        self.write("out/mine.txt", "precious")
        for flags in (["--embedded"], ["-m", self.cluster.rest_endpoint]):
            done = flott("run", *flags, "word_count", "--input", pattern, "--output", self.path("out"))
            self.assert_code(done, 2)
            self.assertIn(self.path("out"), done.err)
        self.assertEqual(os.listdir(self.path("out")), ["mine.txt"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
