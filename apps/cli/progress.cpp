#include "apps/cli/progress.hpp"

#include "apps/cli/console.hpp"
#include "apps/cli/table.hpp"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

namespace flott::cli {
namespace {

color color_of(std::string_view state) {
  if (state == "FINISHED")
    return color::green;
  if (state == "FAILED" || state == "FAILING")
    return color::red;
  return state == "RUNNING" ? color::bold : color::yellow;
}

}  // namespace

std::string progress_text(const job_info& job) {
  int all = 0, finished = 0;
  std::uint64_t records = 0;
  for (const auto& vertex : job.vertices) {
    for (const auto& [state, count] : vertex.tasks) {
      all += count;
      if (state == "FINISHED")
        finished += count;
    }
    records += vertex.records_in == 0 ? vertex.records_out : 0;   // what the sources have emitted
  }
  std::string text;
  if (all > 0)
    text += std::to_string(finished) + "/" + std::to_string(all) + " tasks finished";
  if (records > 0)
    text += ", " + std::to_string(records) + " records read";
  if (job.job.duration_ms > 0)
    text += (text.empty() ? "" : ", ") + duration_text(job.job.duration_ms);
  return text;
}

progress::progress(bool quiet) : quiet_(quiet), terminal_(is_terminal(STDERR_FILENO)) {}

void progress::show(const job_info& job) {
  if (quiet_)
    return;
  const auto state = colored(color_of(job.job.state), job.job.state);
  if (terminal_) {
    const auto line = "\r" + state + "  " + progress_text(job) + "\033[K";
    std::fwrite(line.data(), 1, line.size(), stderr);
    line_shown_ = true;
  } else if (job.job.state != last_state_) {
    tell(job.job.name + ": " + job.job.state);
  }
  last_state_ = job.job.state;
  last_note_.clear();
}

void progress::note(std::string_view text) {
  if (quiet_ || last_note_ == text)
    return;
  clear();
  tell(text);
  last_note_ = text;
}

void progress::clear() {
  if (line_shown_)
    std::fwrite("\r\033[K", 1, 4, stderr);
  line_shown_ = false;
}

}  // namespace flott::cli
