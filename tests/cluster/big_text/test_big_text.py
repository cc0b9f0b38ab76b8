"""A text far beyond one split and one batch, counted on a cluster: every count is right, to the last word.

FLOTT_TEST_TEXT_MB is the size of the text, 200 by default.
"""
import os
import random
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from expected import read_csv  # noqa: E402
from flott_cluster import Cluster, ClusterTest, metrics_of, total  # noqa: E402

MEGABYTES = int(os.environ.get("FLOTT_TEST_TEXT_MB", "200"))
FILES = 3
VOCABULARY = 20_000   # more than the example's table of frequent words holds


def word(number):
    """Words of 2 to 40 characters, all different: a number in letters, digits and '_', made longer for some."""
    length = (number * 7) % 39 + 2
    return f"{number:x}_".ljust(length, "wxyz"[number % 4])


def block(seed):
    """A text that ends with a line's end, and how often it holds each word: word `n` 1 + n % 7 times.

    Counting words is not how that is known. The words stand in random order, in capitals or not, between separators of
    all kinds, in lines of very different lengths, some of them empty.
    """
    counts = {word(n): 1 + n % 7 for n in range(VOCABULARY)}
    words = [each for each, count in counts.items() for _ in range(count)]
    rng = random.Random(seed)
    rng.shuffle(words)
    ends = [" ", " ", " ", " ", ", ", "\t", "-", ". ", "é", "\n", "\r\n", "\n\n", " \0"]
    text = "".join((each.upper() if rng.random() < 0.2 else each) + rng.choice(ends) for each in words)
    return text.encode() + b"\n", counts


class BigText(ClusterTest):
    def write_text(self):
        """Files of whole blocks, the last without a line's end; and how many blocks there are."""
        text, counts = block(seed=11)
        blocks = max(FILES, MEGABYTES * 2**20 // len(text))
        for i in range(FILES):
            share = blocks // FILES + (i < blocks % FILES)
            with open(self.path(f"in{i}.txt"), "wb") as file:
                for _ in range(share - 1):
                    file.write(text)
                file.write(text.rstrip())
        return blocks, counts

    def test_every_word_is_counted(self):
        blocks, counts = self.write_text()
        with Cluster(taskmanagers=2, slots=2) as cluster:
            before = time.monotonic()
            done = cluster.run("word_count", "--input", self.path("in*.txt"), "--output", self.path("out"),
                               flags=["-p", 4, "--json"], seconds=300 + MEGABYTES)
            self.assert_code(done, 0)
            seconds = time.monotonic() - before
            header, rows = read_csv(self.path("out", "counts.csv"))
            # Both TaskManagers took part.
            sent = [total(metrics_of(node), "flott_task_bytes_out_total") for node in cluster.nodes("taskmanager")]
        self.assertEqual(header, ["word", "count"])
        self.assertEqual(rows, [[each, str(count * blocks)] for each, count in sorted(counts.items())])
        self.assertGreater(min(sent), 0)
        print(f"{MEGABYTES} MB, {blocks * sum(counts.values())} words in {seconds:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
