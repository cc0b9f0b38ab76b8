#include "apps/cli/watch.hpp"

#include "apps/cli/console.hpp"
#include "apps/cli/progress.hpp"
#include "apps/cli/table.hpp"

#include <csignal>
#include <thread>

#include <unistd.h>

namespace flott::cli {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto poll_pause = 200ms;
constexpr std::size_t rows_on_a_terminal = 40;

bool may_pass(const failure& why) { return why.cls == failure_class::transient; }

std::atomic<bool> interrupted{false};

}  // namespace

const std::atomic<bool>& interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted.store(true); };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  return interrupted;
}

result<job_outcome> watch_job(rest_client& client, const job_id& job, const watch_options& options) {
  progress shown(options.quiet);
  auto last_answer = steady_clock::now();
  while (true) {
    if (options.interrupted != nullptr && options.interrupted->load())
      return transient_failure("job " + job.hex(), "interrupted");
    auto outcome = client.results(job, poll_pause);
    if (outcome.ok()) {
      last_answer = steady_clock::now();
      if (outcome->ended())
        return std::move(outcome).value();
      if (!options.quiet)
        if (const auto info = client.job(job); info.ok())
          shown.show(*info);
      continue;
    }
    if (!may_pass(outcome.error()) || steady_clock::now() - last_answer > options.patience)
      return std::move(outcome).error();
    shown.note("The cluster does not answer; asking again (" + outcome.error().message + ")");
    std::this_thread::sleep_for(poll_pause);
  }
}

std::string outcome_json(const job_outcome& outcome) {
  std::string text = "{\"jobid\":" + json_text(outcome.id) + ",\"name\":" + json_text(outcome.name) +
                     ",\"state\":" + json_text(outcome.state) +
                     ",\"duration-ms\":" + std::to_string(outcome.duration_ms) + ",\"results\":[";
  for (std::size_t i = 0; i < outcome.rows.size(); ++i)
    text += (i == 0 ? "\n" : ",\n") + outcome.rows[i];
  text += "]";
  if (outcome.truncated)
    text += ",\"truncated\":true";
  if (outcome.error)
    text += ",\"failure\":" + json_text(outcome.error->to_string());
  return text + "}\n";
}

int show_outcome(const job_outcome& outcome, bool as_json) {
  if (as_json)
    print(outcome_json(outcome));
  const auto subject = "Job " + outcome.name + " (" + outcome.id + ")";
  const auto took = " after " + duration_text(outcome.duration_ms);
  if (outcome.state == "FINISHED") {
    if (!as_json && !outcome.rows.empty())
      print(result_tables(outcome.rows, outcome.columns,
                          is_terminal(STDOUT_FILENO) ? rows_on_a_terminal : static_cast<std::size_t>(-1)));
    if (outcome.truncated)
      tell("More rows were collected than are kept (sink.collect.max-rows, sink.collect.max-size); --output writes all.");
    tell(subject + " " + colored(color::green, "FINISHED") + took);
    return ok;
  }
  if (outcome.state == "CANCELED") {
    tell(subject + " " + colored(color::yellow, "CANCELED") + took);
    return job_canceled;
  }
  tell(subject + " " + colored(color::red, outcome.state) + took);
  if (outcome.error)
    complain(*outcome.error);
  return job_failed;
}

}  // namespace flott::cli
