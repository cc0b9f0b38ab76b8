#include "runtime/security/secret.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace flott {

namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string octal(mode_t mode) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode));
  return text.data();
}

result<std::string> read_checked(int fd, const std::string& name) {
  struct stat info{};
  if (::fstat(fd, &info) != 0)
    return system_failure(name, "cannot inspect the cluster's secret", errno);
  if (!S_ISREG(info.st_mode))
    return user_failure(name, "the cluster's secret is not a regular file");
  if ((info.st_mode & 0077) != 0)
    return user_failure(name, "others may read the cluster's secret: its mode is " + octal(info.st_mode & 07777)
                                  + ", make it 0600");
  std::array<char, 2 * secret_bytes + 16> text;
  std::size_t size = 0;
  while (size < text.size()) {
    const auto got = ::read(fd, text.data() + size, text.size() - size);
    if (got == 0)
      break;
    if (got > 0)
      size += static_cast<std::size_t>(got);
    else if (errno != EINTR)
      return system_failure(name, "cannot read the cluster's secret", errno);
  }
  while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
    --size;
  const auto wrong = user_failure(name, "is not a cluster's secret: that is " + std::to_string(2 * secret_bytes)
                                            + " hex digits");
  if (size != 2 * secret_bytes)
    return wrong;
  std::string secret;
  for (std::size_t i = 0; i < size; i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0)
      return wrong;
    secret += static_cast<char>(high << 4 | low);
  }
  return secret;
}

}  // namespace

result<std::string> read_secret(const std::filesystem::path& file) {
  // O_NONBLOCK: a pipe in the file's place must not hold us up.
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return system_failure(file.string(), "cannot open the cluster's secret", errno);
  auto secret = read_checked(fd, file.string());
  ::close(fd);
  return secret;
}

result<std::string> create_secret(const std::filesystem::path& file, env& environment) {
  if (environment.exists(file))
    return user_failure(file.string(), "there is a cluster's secret already");
  static constexpr char digits[] = "0123456789abcdef";
  std::string secret(secret_bytes, '\0'), text;
  environment.fill_random(std::as_writable_bytes(std::span(secret)));
  for (const char c : secret) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  FLOTT_TRY(environment.write_file(file, text + "\n", 0600));
  return secret;
}

result<std::string> read_or_create_secret(const std::filesystem::path& file, env& environment) {
  return environment.exists(file) ? read_secret(file) : create_secret(file, environment);
}

}  // namespace flott
