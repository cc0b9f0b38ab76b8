"""Prints Prometheus's file_sd targets of a cluster folder: python3 targets.py DIR > flott-targets.json"""
import json
import os
import sys

if len(sys.argv) != 2:
    sys.exit(__doc__)
with open(os.path.join(sys.argv[1], "cluster.json"), encoding="utf-8") as file:
    nodes = json.load(file)
json.dump([{"targets": [node["metrics"]], "labels": {"role": node["role"], "node": node["id"]}}
           for node in nodes if node["metrics"]], sys.stdout, indent=1)
print()
