#include "apps/cli/console.hpp"

#include <boost/json.hpp>

#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

namespace flott::cli {
namespace {

const char* sequence(color as) {
  switch (as) {
    case color::plain: return "";
    case color::bold: return "\033[1m";
    case color::green: return "\033[32m";
    case color::yellow: return "\033[33m";
    case color::red: return "\033[31m";
    case color::dim: return "\033[2m";
  }
  return "";
}

bool shows_colors() {
  static const bool shows = [] {
    const char* terminal = std::getenv("TERM");
    return is_terminal(STDERR_FILENO) && std::getenv("NO_COLOR") == nullptr && terminal != nullptr &&
           std::string_view(terminal) != "dumb";
  }();
  return shows;
}

}  // namespace

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

std::string colored(color as, std::string_view text) {
  if (!shows_colors() || as == color::plain)
    return std::string(text);
  return sequence(as) + std::string(text) + "\033[0m";
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

stdout_to_stderr::stdout_to_stderr() : kept_(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)) {
  std::fflush(stdout);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
}

stdout_to_stderr::~stdout_to_stderr() {
  std::fflush(stdout);
  if (kept_ >= 0) {
    ::dup2(kept_, STDOUT_FILENO);
    ::close(kept_);
  }
}

void tell(std::string_view line) {
  std::string whole(line);
  whole += '\n';
  std::fwrite(whole.data(), 1, whole.size(), stderr);
}

void complain(std::string_view why) { tell(colored(color::red, "flott:") + " " + std::string(why)); }
void complain(const failure& why) { complain(why.to_string()); }

int misused(std::string_view command, const failure& why) {
  complain(why);
  tell("Try: flott " + std::string(command) + (command.empty() ? "" : " ") + "--help");
  return bad_usage;
}

int refusal(const failure& why) {
  complain(why);
  return refused;
}

std::string json_text(std::string_view text) { return boost::json::serialize(boost::json::string(text)); }

}  // namespace flott::cli
