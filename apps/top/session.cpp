#include "apps/top/session.hpp"

#include "apps/cli/console.hpp"
#include "apps/cli/printable.hpp"
#include "apps/cli/table.hpp"
#include "apps/top/lines.hpp"
#include "apps/top/looks.hpp"
#include "apps/top/terminal.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace flott::cli::top {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto slow_answer = 2s;                 // from then on it is said that one is waited for
constexpr auto gone_shown = 30s;

long long ms_between(steady_clock::time_point from, steady_clock::time_point to) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
}

class session {
 public:
  explicit session(const options& chosen) : chosen_(chosen), by_(chosen.by), looks_(chosen.from) {
    if (!chosen.once && screen::possible())
      screen_.emplace();
  }

  int show_until_told() {
    auto next = steady_clock::now();
    while (!ended_) {
      if (const auto now = steady_clock::now(); !looks_.under_way() && now >= next) {
        begun_ = now;
        looks_.begin();
        next = now + chosen_.interval;
      }
      wait_until(next);
    }
    screen_.reset();
    return refused_ ? refusal(*refused_) : ok;
  }

 private:
  void wait_until(steady_clock::time_point next) {
    std::array<pollfd, 3> watched{pollfd{signals_.fd(), POLLIN, 0}, pollfd{looks_.fd(), POLLIN, 0},
                                  pollfd{screen_ && screen_->has_keys() ? STDIN_FILENO : -1, POLLIN, 0}};
    const auto pause = looks_.under_way() ? 1000LL : std::max(ms_between(steady_clock::now(), next) + 1, 0LL);
    if (::poll(watched.data(), watched.size(), static_cast<int>(std::min(pause, 1000LL))) < 0)
      return;
    if (watched[0].revents != 0 && signals_.asks_to_end())
      ended_ = true;
    if (watched[2].revents != 0)
      press_keys();
    if (watched[1].revents != 0)
      arrived(looks_.take());
    if (!ended_ && screen_)                        // also when nothing came: ages grow, and the size may be another
      draw();
  }

  void press_keys() {
    std::string keys;
    if (!screen_->read_keys(keys))
      ended_ = true;
    for (const char key : keys) {
      if (key == 'q' || key == 'Q')
        ended_ = true;
      else if (const auto by = order_of_key(key))
        by_ = *by;
    }
    sort(shown_.rows, by_);
  }

  void arrived(look made) {
    if (!made.seen) {
      if (!before_ || chosen_.once)
        return refuse(made.seen.error());
      if (!screen_ && !silent_since_)
        complain(why(made.seen.error()));
      silent_since_ = silent_since_.value_or(made.at);
      silent_why_ = made.seen.error().to_string();
      comparable_ = false;                         // who knows what happens meanwhile
      return;
    }
    if (silent_since_ && !screen_)
      tell(chosen_.from.to_string() + " answers again");
    silent_since_.reset();
    const auto apart = std::chrono::milliseconds(before_ ? ms_between(before_->at, made.at) : 0);
    shown_ = compare(before_ ? &*before_->seen : nullptr, *made.seen, comparable_ ? apart : 0ms, by_);
    for (const auto& node : shown_.gone)
      gone_.emplace_back(node, made.at);
    std::erase_if(gone_, [&](const auto& each) { return made.at - each.second > gone_shown; });
    const bool second = before_.has_value();
    before_ = std::move(made);
    if (!screen_ && second && comparable_)
      print_page();
    comparable_ = true;
    ended_ = ended_ || (chosen_.once && second);
  }

  void refuse(failure why) {
    refused_ = std::move(why);
    ended_ = true;
  }

  [[nodiscard]] static std::string why(const failure& what) { return what.to_string() + "; asking again"; }

  [[nodiscard]] page page_now() const {
    const auto now = steady_clock::now();
    page made;
    made.from = "flott top, " + chosen_.from.to_string();
    made.by = by_;
    made.most_rows = chosen_.most_rows;
    for (const auto& [node, at] : gone_)
      made.notes.push_back(node + " went away" + (screen_ ? " " + duration_text(ms_between(at, now) / 1000 * 1000) + " ago" : ""));
    if (silent_since_)
      made.notes.push_back("no answer for " + duration_text(ms_between(before_->at, now)) + " (" + silent_why_ + "); asking again");
    else if (looks_.under_way() && now - begun_ > slow_answer)
      made.notes.push_back("no answer yet, for " + duration_text(ms_between(begun_, now)));
    return made;
  }

  void print_page() {
    const auto page = lines_of(shown_, page_now());
    std::string text;
    for (const auto& each : page.heading)
      text += each + "\n";
    text += "\n" + page.columns + "\n";
    for (const auto& each : page.rows)
      text += each + "\n";
    if (!write_out(text + (chosen_.once ? "" : "\n")))
      ended_ = true;                               // nobody reads it any more
    gone_.clear();                                 // said once
  }

  void draw() {
    const auto size = screen_->size_now();
    std::string text;
    if (before_) {
      auto page = page_now();
      page.width = std::max<std::size_t>(size.columns, 2) - 1;   // "erase to the end" would take what stands at the edge
      page.height = size.rows;
      page.keys = screen_->has_keys();
      const auto lines = lines_of(shown_, page);
      for (const auto& each : lines.heading)
        text += each + "\n";
      text += "\033[7m" + lines.columns + "\033[0m";
      for (const auto& each : lines.rows)
        text += "\n" + each;
    } else {
      text = cut_end("asking " + chosen_.from.to_string() + " ...", size.columns);
    }
    if (!screen_->draw(text))
      ended_ = true;
  }

  const options& chosen_;
  order by_;
  signals signals_;                              // before any thread
  looks looks_;
  std::optional<screen> screen_;

  std::optional<look> before_;                   // the last one that was answered
  bool comparable_ = true;                       // with the next one
  comparison shown_;
  std::vector<std::pair<std::string, steady_clock::time_point>> gone_;
  std::optional<steady_clock::time_point> silent_since_;
  std::string silent_why_;
  steady_clock::time_point begun_{};
  std::optional<failure> refused_;
  bool ended_ = false;
};

}  // namespace

int run(const options& chosen) { return session(chosen).show_until_told(); }

}  // namespace flott::cli::top
