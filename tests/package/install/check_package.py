"""Installs a build, builds the consumer against it, runs what came out. Arguments: build folder, work folder."""
import os
import shutil
import subprocess
import sys
import tempfile

build, work = (os.path.abspath(path) for path in sys.argv[1:3])
here = os.path.dirname(os.path.abspath(__file__))
prefix, consumer = os.path.join(work, "prefix"), os.path.join(work, "consumer")
EXPECTED = ['{"length":9,"lines":1}', '{"length":5,"lines":1}', '{"length":3,"lines":2}']


def run(*command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


shutil.rmtree(work, ignore_errors=True)
os.makedirs(work)
run("cmake", "--install", build, "--prefix", prefix)
for path in ("bin/flott", "lib/flott/examples/word_count.so", "include/flott/flott.hpp", "include/flott/testing.hpp",
             "lib/cmake/Flott/FlottConfig.cmake"):
    if not os.path.exists(os.path.join(prefix, path)):
        sys.exit(f"the installed package has no {path}")
run("cmake", "-G", "Ninja", "-S", os.path.join(here, "consumer"), "-B", consumer, f"-DCMAKE_PREFIX_PATH={prefix}",
    "-DCMAKE_BUILD_TYPE=RelWithDebInfo", *sys.argv[3:])
run("cmake", "--build", consumer)

with tempfile.TemporaryDirectory() as folder:
    text, output = os.path.join(folder, "text"), os.path.join(folder, "out")
    with open(text, "w", encoding="ascii") as file:
        file.write("abc\nninechars\n\nfive5\nxyz\n")
    flott, module = os.path.join(prefix, "bin", "flott"), os.path.join(consumer, "longest.so")
    run(flott, "run", "--embedded", module, "--input", text, "--output", output)
    with open(os.path.join(output, "longest.csv"), encoding="ascii") as file:
        lines = file.read().splitlines()
    if lines != ["length,lines", "9,1", "5,1", "3,2"]:
        sys.exit(f"longest.csv holds {lines}")
    rows = run(os.path.join(consumer, "service"), module, text).splitlines()
    if rows != EXPECTED:
        sys.exit(f"the service printed {rows}")
    print(run(os.path.join(consumer, "greeter_test")), end="")
    run(flott, "run", "--embedded", "word_count", "--input", text)   # an installed example, by name

# the example service is a project of its own, too
example, built = os.path.join(here, "..", "..", "..", "examples", "supervised_service"), os.path.join(work, "supervised_service")
run("cmake", "-G", "Ninja", "-S", example, "-B", built, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", *sys.argv[3:])
run("cmake", "--build", built)
told = run(os.path.join(built, "supervised_service"), "--http", "127.0.0.1:0", "--seconds", "1")
if "ended in time" not in told:
    sys.exit(f"the example service said {told}")
print("installed, built against, and run")
