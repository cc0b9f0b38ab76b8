#include "runtime/http/form_sink.hpp"

#include <cerrno>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

namespace flott::http {
namespace {

/// Of our own disk, whatever the error: never the sender's fault.
failure storage_failure(std::string where, int error) {
  failure why = system_failure(std::move(where), "an upload can't be stored", error);
  why.cls = failure_class::transient;
  why.domain = failure_domain::external;
  return why;
}

}  // namespace

form_sink::~form_sink() {
  if (fd_ >= 0)
    ::close(fd_);
}

result<void> form_sink::begin_part(const form_part& part) {
  parts_.push_back(part);
  if (part.file_name.empty())
    return {};
  std::string path = directory_ + "/upload-XXXXXX";
  fd_ = ::mkostemp(path.data(), O_CLOEXEC);
  if (fd_ < 0)
    return storage_failure(directory_, errno);
  parts_.back().file = std::make_shared<temp_file>(std::move(path));
  return {};
}

result<void> form_sink::part_data(std::string_view bytes) {
  form_part& part = parts_.back();
  part.size += bytes.size();
  if (fd_ < 0) {
    values_ += bytes.size();
    if (values_ > max_value_)
      return resource_failure("multipart body", "its parts without a file name exceed " + std::to_string(max_value_) + " bytes");
    part.value.append(bytes);
    return {};
  }
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return storage_failure(part.file->path(), errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

result<void> form_sink::end_part() {
  if (fd_ < 0)
    return {};
  const int fd = std::exchange(fd_, -1);
  if (::close(fd) != 0)
    return storage_failure(parts_.back().file->path(), errno);
  return {};
}

}  // namespace flott::http
