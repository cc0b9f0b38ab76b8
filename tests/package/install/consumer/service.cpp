// A service with a cluster inside: runs the job module argv[1] over the file argv[2] and prints its rows.

#include <flott/flott.hpp>

#include <chrono>
#include <iostream>

namespace {

int complain(const flott::failure& why) {
  std::cerr << why.to_string() << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3)
    return 2;
  auto cluster = flott::local_cluster::start({});
  if (!cluster.ok())
    return complain(cluster.error());
  const auto job = (*cluster)->submit({.module = argv[1], .parameters = {{"input", argv[2]}}, .parallelism = 2});
  if (!job.ok())
    return complain(job.error());
  const auto done = (*cluster)->wait(*job, std::chrono::minutes(1));
  if (!done.ok())
    return complain(done.error());
  for (const auto& sink : done->collected)
    for (const auto& row : sink.json_rows())
      std::cout << row << "\n";
  return done->snapshot.state() == flott::msg::JOB_STATE_FINISHED ? 0 : 1;
}
