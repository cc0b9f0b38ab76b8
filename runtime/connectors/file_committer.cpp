#include "runtime/connectors/file_committer.hpp"

#include <charconv>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace flott {
namespace {

namespace fs = std::filesystem;

constexpr char job_attribute[] = "user.flott.job";
/// On the output folder, until something is published in it: the job that has made it, so that giving up removes it. Not
/// on the folder aside, which may go and come again while sinks of the job end and others begin.
constexpr char made_attribute[] = "user.flott.made";

/// Paths are any bytes, a protobuf string is UTF-8: what is not plain ASCII is written as %XX.
std::string escaped(std::string_view raw) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string to;
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f || c == '%') {
      to += '%';
      to += digits[byte >> 4];
      to += digits[byte & 15];
    } else {
      to += c;
    }
  }
  return to;
}

int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

bool unescape(std::string_view from, std::string& to) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] != '%') {
      to += from[i];
      continue;
    }
    if (i + 2 >= from.size() || digit(from[i + 1]) < 0 || digit(from[i + 2]) < 0)
      return false;
    to += static_cast<char>(digit(from[i + 1]) * 16 + digit(from[i + 2]));
    i += 2;
  }
  return true;
}

bool published_by(const fs::path& path, const std::string& job_hex) {
  char owner[33] = {};
  const ssize_t n = ::lgetxattr(path.c_str(), job_attribute, owner, sizeof owner);
  if (n < 0 || std::string_view(owner, static_cast<std::size_t>(n)) != job_hex)
    return false;
  std::error_code error;
  if (!fs::is_directory(fs::symlink_status(path, error)))
    return true;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error))
    if (!published_by(it->path(), job_hex))
      return false;
  return !error;
}

result<void> sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return system_failure(folder.string(), "the folder cannot be opened", errno);
  const int outcome = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  if (outcome != 0 && error != EINVAL)
    return system_failure(folder.string(), "the folder cannot be made durable", error);
  return {};
}

result<void> put_in_place(const file_committable& file) {
  const fs::path target(file.final_path);
  std::error_code error;
  if (target.parent_path() != file.directory && fs::create_directory(target.parent_path(), error))
    mark_published(target.parent_path().string(), file.job);
  if (error)
    return system_failure(target.parent_path().string(), "the folder cannot be made", error.value());
  // A file that came there while the job ran is somebody else's, unless it is marked as ours.
  const bool ours = published_by(target, file.job.hex());
  int outcome = ::renameat2(AT_FDCWD, file.temporary.c_str(), AT_FDCWD, file.final_path.c_str(),
                            ours ? 0 : RENAME_NOREPLACE);
  if (outcome != 0 && (errno == EINVAL || errno == ENOSYS) && !fs::exists(target, error))
    outcome = ::rename(file.temporary.c_str(), file.final_path.c_str());
  if (outcome == 0)
    return sync_folder(target.parent_path());
  if (errno == ENOENT && fs::exists(target, error))
    return {};                                     // published before a crash
  if (errno == EEXIST && !fs::exists(file.temporary, error))
    return {};
  if (errno == EEXIST)
    return user_failure(file.final_path, "cannot take the result: another file has been put there meanwhile");
  return system_failure(file.final_path, "the result cannot be put in its place", errno);
}

}  // namespace

msg::Committable to_committable(const file_committable& file, std::string_view operator_name) {
  msg::Committable to;
  to.set_kind(std::string(file_committable_kind));
  to.set_operator_name(std::string(operator_name));
  to.set_payload(file.job.hex() + "\n" + escaped(file.directory) + "\n" + escaped(file.temporary) + "\n" +
                 escaped(file.final_path) + "\n");
  return to;
}

result<file_committable> from_committable(const msg::Committable& committable) {
  const auto malformed = [&] {
    return internal_failure(committable.operator_name(), "sent a malformed result of kind " + committable.kind());
  };
  if (committable.kind() != file_committable_kind)
    return malformed();
  std::string lines[4];
  std::string_view rest = committable.payload();
  for (std::string& line : lines) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos || !unescape(rest.substr(0, end), line))
      return malformed();
    rest.remove_prefix(end + 1);
  }
  const auto job = job_id::parse(lines[0]);
  if (!job || !rest.empty() || !fs::path(lines[1]).is_absolute() || !fs::path(lines[2]).is_absolute() ||
      !fs::path(lines[3]).is_absolute())
    return malformed();
  return file_committable{*job, std::move(lines[1]), std::move(lines[2]), std::move(lines[3])};
}

std::string aside_folder(const std::string& directory, const job_id& job) {
  return (fs::path(directory) / (".flott-" + job.hex())).string();
}

result<void> check_output_directory(const std::string& directory, const job_id& job) {
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (status.type() == fs::file_type::not_found)
    return {};
  if (status.type() != fs::file_type::directory)
    return user_failure(directory, "cannot take the results: it is not a folder");
  fs::directory_iterator it(directory, error);
  for (const fs::directory_iterator end; !error && it != end; it.increment(error))
    if (it->path() != aside_folder(directory, job) && !published_by(it->path(), job.hex()))
      return user_failure(directory, "cannot take the results: the folder is not empty, it holds " +
                                         it->path().filename().string());
  if (error)
    return system_failure(directory, "the folder cannot be read", error.value());
  return {};
}

void mark_published(const std::string& path, const job_id& job) {
  const std::string hex = job.hex();
  ::setxattr(path.c_str(), job_attribute, hex.data(), hex.size(), 0);
}

result<std::string> make_aside_folder(const std::string& directory, const job_id& job) {
  const std::string aside = aside_folder(directory, job), made_by = job.hex();
  std::error_code error;
  for (int attempt = 0; attempt < 100; ++attempt) {
    const bool made = fs::create_directories(directory, error);
    if (error)
      break;
    if (made)
      ::setxattr(directory.c_str(), made_attribute, made_by.data(), made_by.size(), 0);
    fs::create_directory(aside, error);
    if (!error)
      return aside;
    if (error != std::errc::no_such_file_or_directory)   // a sink that gave up has just taken the folder away
      break;
  }
  return system_failure(directory, "the folder for the results cannot be made or written to", error.value());
}

void leave_aside_folder(const std::string& directory, const job_id& job) {
  const std::string aside = aside_folder(directory, job);
  ::rmdir(aside.c_str());
  const std::string own = job.hex();
  std::string maker(own.size(), '\0');
  const auto size = ::lgetxattr(directory.c_str(), made_attribute, maker.data(), maker.size());
  if (size == static_cast<ssize_t>(own.size()) && maker == own)
    ::rmdir(directory.c_str());           // stays while anything is in it
}

result<void> file_committer::publish(std::span<const msg::Committable> committables) {
  std::vector<file_committable> files;
  std::set<std::string> targets;
  for (const msg::Committable& committable : committables) {
    if (committable.kind() != file_committable_kind)
      continue;
    FLOTT_ASSIGN(files.emplace_back(), from_committable(committable));
    if (!targets.insert(files.back().final_path).second)
      return user_failure(files.back().final_path, "two sinks of the job wrote it; nothing was put there");
  }
  std::set<std::pair<std::string, std::string>> folders;   // output folder, folder aside
  for (const file_committable& file : files) {
    FLOTT_TRY(put_in_place(file));
    folders.emplace(file.directory, aside_folder(file.directory, file.job));
  }
  for (const auto& [directory, aside] : folders) {
    std::error_code error;
    fs::remove_all(aside, error);
    if (error)
      return system_failure(aside, "the temporary folder cannot be removed", error.value());
    ::removexattr(directory.c_str(), made_attribute);
    FLOTT_TRY(sync_folder(directory));
  }
  return {};
}

result<void> file_committer::abort(std::span<const msg::Committable> committables) {
  std::set<std::pair<std::string, job_id>> folders;
  for (const msg::Committable& committable : committables) {
    if (committable.kind() != file_committable_kind)
      continue;
    FLOTT_ASSIGN(const file_committable file, from_committable(committable));
    if (::unlink(file.temporary.c_str()) != 0 && errno != ENOENT)
      return system_failure(file.temporary, "cannot be removed", errno);
    folders.emplace(file.directory, file.job);
  }
  for (const auto& [directory, job] : folders)
    leave_aside_folder(directory, job);
  return {};
}

/// From a name in a folder aside, "...-<epoch>-<attempt>-<file>"; 0 for other names, which belong to no epoch.
static std::uint64_t epoch_of(const std::string& name) {
  std::size_t end = name.size();
  for (int number = 0; number < 2; ++number)
    if (end = name.rfind('-', end - 1); end == std::string::npos || end == 0)
      return 0;
  const auto begin = name.rfind('-', end - 1);
  std::uint64_t epoch = 0;
  if (begin != std::string::npos)
    std::from_chars(name.data() + begin + 1, name.data() + end, epoch);
  return epoch;
}

result<void> file_committer::abort(const std::string& directory, const job_id& job, std::uint64_t epoch) {
  const std::string aside = aside_folder(directory, job);
  std::error_code error;
  std::error_code gone;
  bool others = false;
  for (fs::directory_iterator it(aside, error), end; !error && it != end; it.increment(error)) {
    if (epoch_of(it->path().filename().string()) > epoch)
      others = true;
    else
      fs::remove_all(it->path(), gone);
  }
  if (!fs::exists(aside, gone))
    return {};
  leave_aside_folder(directory, job);
  if (!others && fs::exists(aside, gone))
    return system_failure(aside, "the temporary folder cannot be removed", error ? error.value() : errno);
  return {};
}

}  // namespace flott
