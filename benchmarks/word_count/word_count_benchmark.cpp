#include "runtime/base/env.hpp"
#include "runtime/execution/local_runner.hpp"
#include "runtime/module/plan.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

namespace {

namespace fs = std::filesystem;

/// Lines of twelve words out of 20,000, the n-th as often as 1/n; the same for every seed and size.
void write_text(const fs::path& file, std::uint64_t bytes) {
  constexpr std::size_t vocabulary = 20'000;
  std::mt19937_64 random(42);
  std::vector<std::string> words;
  std::vector<double> reached;
  double sum = 0;
  for (std::size_t n = 1; n <= vocabulary; ++n) {
    std::string word(2 + random() % 4 + random() % 5, ' ');
    for (char& c : word)
      c = static_cast<char>('a' + random() % 26);
    words.push_back(std::move(word));
    reached.push_back(sum += 1.0 / static_cast<double>(n));
  }
  std::string block;
  while (block.size() < (8U << 20)) {
    for (int i = 0; i < 12; ++i) {
      const double at = static_cast<double>(random() >> 11) * 0x1p-53 * sum;
      const auto found = std::lower_bound(reached.begin(), reached.end(), at) - reached.begin();
      block += words[std::min(static_cast<std::size_t>(found), vocabulary - 1)];
      block += i == 11 ? '\n' : ' ';
    }
  }
  std::ofstream to(file, std::ios::binary);
  for (std::uint64_t written = 0; written < bytes; written += block.size())
    to << block;
}

double processor_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int complain(const flott::failure& why) {
  std::fprintf(stderr, "%s\n", why.to_string().c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const double gigabytes = argc > 1 ? std::strtod(argv[1], nullptr) : 1.0;
  const auto parallelism = argc > 2 ? static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10))
                                    : std::max(1U, std::thread::hardware_concurrency());
  const int runs = argc > 3 ? std::atoi(argv[3]) : 3;
  const fs::path file = fs::temp_directory_path() / ("flott-word-count-" + flott::new_job_id(flott::system_env()).hex());
  write_text(file, static_cast<std::uint64_t>(gigabytes * 1e9));
  const double size = static_cast<double>(fs::file_size(file)) / 1e9;

  const auto measure = [&]() -> flott::result<void> {
    flott::module_loader loader;
    FLOTT_ASSIGN(const std::string sha256, loader.add_file(FLOTT_WORD_COUNT));
    flott::msg::JobSpec spec;
    spec.set_job_id(flott::new_job_id(flott::system_env()).hex());
    spec.set_module_sha256(sha256);
    spec.set_parallelism(parallelism);
    auto* input = spec.add_parameters();
    input->set_key("input");
    input->set_value(file.string());
    FLOTT_ASSIGN(const auto job, flott::plan_job(spec, loader, flott::configuration()));
    flott::local_run_options how;
    how.spec = spec;
    const auto begin = std::chrono::steady_clock::now();
    const double cpu_before = processor_seconds();
    FLOTT_ASSIGN(const auto outcome, flott::run_locally(job, how));
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const double cpu = processor_seconds() - cpu_before;
    if (!outcome.finished())
      return outcome.error;
    std::printf("word_count: %.2f GB, parallelism %u: %.3f s, %.2f GB/s; processor %.3f s, %.2f GB/s\n", size, parallelism,
                wall, size / wall, cpu, size / cpu);
    return {};
  };
  int exit_code = 0;
  for (int i = 0; i < runs && exit_code == 0; ++i)
    if (const auto outcome = measure(); !outcome.ok())
      exit_code = complain(outcome.error());
  std::error_code ignored;
  fs::remove(file, ignored);
  return exit_code;
}
