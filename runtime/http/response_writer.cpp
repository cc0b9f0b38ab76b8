#include "runtime/http/response_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace flott::http {
namespace {

void add_field(std::string& head, std::string_view name, std::string_view value) {
  const auto append_clean = [&head](std::string_view text) {
    for (const char c : text)
      head += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  };
  append_clean(name);
  head += ": ";
  append_clean(value);
  head += "\r\n";
}

std::string http_date(std::time_t now) {
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {text, size};
}

}  // namespace

bool has_body(int status) noexcept { return status >= 200 && status != 204 && status != 304; }

std::string response_head(const response& reply, std::uint64_t length, bool keep_alive, std::time_t now) {
  std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " ";
  head += reason_phrase(reply.status);
  head += "\r\n";
  add_field(head, "Date", http_date(now));
  if (has_body(reply.status)) {
    if (!reply.content_type.empty())
      add_field(head, "Content-Type", reply.content_type);
    add_field(head, "Content-Length", std::to_string(length));
  }
  add_field(head, "Connection", keep_alive ? "keep-alive" : "close");
  for (const auto& [name, value] : reply.headers)
    add_field(head, name, value);
  head += "\r\n";
  return head;
}

result<std::uint64_t> file_source::open(const std::string& path) {
  close();
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat about {};
  if (fd_ < 0 || ::fstat(fd_, &about) != 0)
    return system_failure(path, "can't be read", errno);
  if (!S_ISREG(about.st_mode))
    return user_failure(path, "is not a regular file");
  return static_cast<std::uint64_t>(about.st_size);
}

std::size_t file_source::read(char* into, std::size_t size) noexcept {
  for (;;) {
    const ssize_t got = ::read(fd_, into, size);
    if (got >= 0)
      return static_cast<std::size_t>(got);
    if (errno != EINTR)
      return 0;
  }
}

void file_source::close() noexcept {
  if (fd_ >= 0)
    ::close(std::exchange(fd_, -1));
}

}  // namespace flott::http
