#include "apps/top/terminal.hpp"

#include "apps/cli/console.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace flott::cli::top {
namespace {

// The alternate screen, no cursor, no wrapping at the edge; and back.
constexpr std::string_view enter = "\033[?1049h\033[?25l\033[?7l\033[2J";
constexpr std::string_view leave = "\033[?7h\033[?25h\033[?1049l";

}  // namespace

signals::signals() {
  sigset_t ours;
  ::sigemptyset(&ours);
  for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGWINCH})
    ::sigaddset(&ours, each);
  ::pthread_sigmask(SIG_BLOCK, &ours, &before_);
  fd_ = ::signalfd(-1, &ours, SFD_CLOEXEC);
  if (fd_ < 0)
    throw std::system_error(errno, std::generic_category(), "signalfd");
}

signals::~signals() {
  ::close(fd_);
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool signals::asks_to_end() {
  signalfd_siginfo one{};
  return ::read(fd_, &one, sizeof one) == sizeof one && one.ssi_signo != SIGWINCH;
}

bool screen::possible() {
  const char* terminal = std::getenv("TERM");
  return is_terminal(STDOUT_FILENO) && terminal != nullptr && *terminal != '\0' && std::string_view(terminal) != "dumb";
}

screen::screen() {
  has_keys_ = is_terminal(STDIN_FILENO) && ::tcgetattr(STDIN_FILENO, &before_) == 0;
  if (has_keys_) {
    auto keys = before_;
    keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    keys.c_cc[VSUSP] = _POSIX_VDISABLE;            // or the shell would be left on our screen
    has_keys_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
  }
  static_cast<void>(write_out(std::string(enter)));
}

screen::~screen() {
  static_cast<void>(write_out(std::string(leave)));
  if (has_keys_)
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

screen::size screen::size_now() const {
  winsize told{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &told) != 0 || told.ws_row == 0 || told.ws_col == 0)
    return {};
  return {told.ws_row, told.ws_col};
}

bool screen::draw(const std::string& lines) {
  std::string text = "\033[H";
  for (const char c : lines)                       // each line over the one that stood there, without a flicker
    text += c == '\n' ? std::string("\033[K\r\n") : std::string(1, c);
  return write_out(text + "\033[J");
}

bool screen::read_keys(std::string& to) {
  std::array<char, 64> pressed{};
  const auto got = ::read(STDIN_FILENO, pressed.data(), pressed.size());
  if (got < 0)
    return errno == EINTR || errno == EAGAIN;
  to += without_sequences({pressed.data(), static_cast<std::size_t>(got)});
  return got > 0;
}

std::string without_sequences(std::string_view keys) {
  std::string plain;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] != '\033') {
      plain += keys[i];
    } else if (i + 1 < keys.size() && keys[i + 1] == '[') {
      for (i += 2; i < keys.size() && (keys[i] < '@' || keys[i] > '~');)
        ++i;
    } else if (i + 1 < keys.size()) {
      i += keys[i + 1] == 'O' ? 2 : 1;
    }
  }
  return plain;
}

bool write_out(const std::string& text) {
  std::string_view left = text;
  while (!left.empty()) {
    const auto written = ::write(STDOUT_FILENO, left.data(), left.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return false;
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace flott::cli::top
