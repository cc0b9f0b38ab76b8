#pragma once

#include "client/rest_client.hpp"

#include <string>
#include <string_view>

namespace flott::cli {

/// One line about a running job: "RUNNING  3/8 tasks finished  120034 records". Pure.
[[nodiscard]] std::string progress_text(const job_info& job);

/// Shows how a job comes along on standard error: on a terminal one line that changes, elsewhere a line whenever the
/// job's state changes, so that logs stay short.
class progress {
 public:
  explicit progress(bool quiet);
  ~progress() { clear(); }
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  void show(const job_info& job);
  /// A remark that stays, such as "waiting for the dispatcher"; said once until another comes.
  void note(std::string_view text);
  /// Takes the changing line away.
  void clear();

 private:
  bool quiet_, terminal_;
  bool line_shown_ = false;
  std::string last_state_, last_note_;
};

}  // namespace flott::cli
