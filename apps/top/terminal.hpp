#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <csignal>
#include <termios.h>

namespace flott::cli::top {

/// While one lives, SIGINT, SIGTERM, SIGHUP and SIGWINCH only make `fd` readable. Requires: made before other threads are.
class signals {
 public:
  signals();
  ~signals();
  signals(const signals&) = delete;
  signals& operator=(const signals&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  /// Takes one; whether it asks to end. Requires: `fd` is readable.
  [[nodiscard]] bool asks_to_end();

 private:
  sigset_t before_{};
  int fd_ = -1;
};

/// While one lives, standard output is a terminal that shows a screen of its own, and standard input, where that is a
/// terminal too, gives keys as they are pressed. Afterwards it is as it was.
class screen {
 public:
  screen();
  ~screen();
  screen(const screen&) = delete;
  screen& operator=(const screen&) = delete;

  /// Whether there is a terminal that understands it.
  [[nodiscard]] static bool possible();
  [[nodiscard]] bool has_keys() const { return has_keys_; }

  struct size {
    std::size_t rows = 24, columns = 80;
  };
  [[nodiscard]] size size_now() const;
  /// Replaces what is shown. Lines are cut at the edge. False: the terminal has gone.
  [[nodiscard]] bool draw(const std::string& lines);
  /// Adds what was pressed since, without arrows and the like. Requires: standard input is readable. False: it has come to its end.
  [[nodiscard]] bool read_keys(std::string& to);

 private:
  termios before_{};
  bool has_keys_ = false;
};

/// What was typed, without arrows and other keys that send an escape sequence (which has letters in it): ECMA-48, 5.4, and
/// what xterm sends for its own keys.
[[nodiscard]] std::string without_sequences(std::string_view keys);

/// To standard output; whether all was written.
[[nodiscard]] bool write_out(const std::string& text);

}  // namespace flott::cli::top
