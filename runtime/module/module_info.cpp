#include "runtime/module/module_info.hpp"

#include "runtime/module/note.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace flott {
namespace {

#if defined(__x86_64__)
constexpr std::uint16_t host_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t host_machine = EM_AARCH64;
#else
#error "no ELF machine known for this architecture"
#endif

using bytes = std::span<const std::byte>;

/// The part [offset, offset + size), or nothing where the file is shorter.
std::optional<bytes> part(bytes of, std::uint64_t offset, std::uint64_t size) {
  if (offset > of.size() || size > of.size() - offset)
    return std::nullopt;
  return of.subspan(offset, size);
}

template <class T>
std::optional<T> read_at(bytes of, std::uint64_t offset) {
  const auto found = part(of, offset, sizeof(T));
  if (!found)
    return std::nullopt;
  T value;
  std::memcpy(&value, found->data(), sizeof value);
  return value;
}

std::string_view as_text(bytes of) { return {reinterpret_cast<const char*>(of.data()), of.size()}; }

std::string hex(bytes of) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte b : of) {
    text += digits[std::to_integer<unsigned>(b) >> 4];
    text += digits[std::to_integer<unsigned>(b) & 15];
  }
  return text;
}

/// Calls `visit(owner, type, description)` for each note of a segment; false where the segment is malformed.
template <class Visit>
bool for_each_note(bytes segment, std::uint64_t alignment, Visit visit) {
  const std::uint64_t unit = alignment == 8 ? 8 : 4;
  const auto round_up = [unit](std::uint64_t n) { return (n + unit - 1) / unit * unit; };
  std::uint64_t at = 0;
  while (at < segment.size()) {
    const auto header = read_at<Elf64_Nhdr>(segment, at);
    if (!header)
      return false;
    const std::uint64_t owner_at = at + sizeof(Elf64_Nhdr);
    const std::uint64_t description_at = round_up(owner_at + header->n_namesz);
    const auto owner = part(segment, owner_at, header->n_namesz);
    const auto description = part(segment, description_at, header->n_descsz);
    if (!owner || !description)
      return false;
    std::string_view name = as_text(*owner);
    if (!name.empty() && name.back() == '\0')
      name.remove_suffix(1);
    visit(name, header->n_type, *description);
    at = round_up(description_at + header->n_descsz);
  }
  return true;
}

/// The facts of our note; false when a line has no `=` or the version is no number.
bool parse_note(std::string_view text, module_info& to) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos)
      return false;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos)
      return false;
    const std::string_view key = line.substr(0, equals), value = line.substr(equals + 1);
    if (key == "api") {
      const auto [rest, error] = std::from_chars(value.data(), value.data() + value.size(), to.api_version);
      if (error != std::errc{} || rest != value.data() + value.size())
        return false;
    } else if (key == "compiler") {
      to.compiler = value;
    } else if (key == "sanitizer") {
      to.sanitizer = value;
    } else if (key == "instruction-set") {
      to.instruction_set = value;
    } else if (key == "standard-library") {
      to.standard_library = value;
    }
  }
  return to.api_version != 0 && !to.sanitizer.empty() && !to.instruction_set.empty() && !to.standard_library.empty();
}

class mapping {
 public:
  mapping(void* data, std::size_t size) : data_(data), size_(size) {}
  mapping(const mapping&) = delete;
  mapping& operator=(const mapping&) = delete;
  ~mapping() { ::munmap(data_, size_); }
  [[nodiscard]] bytes content() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  void* data_;
  std::size_t size_;
};

}  // namespace

result<module_info> inspect_module(std::span<const std::byte> content, const std::string& name) {
  const auto header = read_at<Elf64_Ehdr>(content, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
    return user_failure(name, "is not a job module: it is not an ELF file");
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
      header->e_machine != host_machine)
    return user_failure(name, "is not a job module for this machine: it was built for another architecture");
  if (header->e_type != ET_DYN)
    return user_failure(name, "is not a job module: it is not a shared library");
  if (header->e_phnum == 0 || header->e_phentsize != sizeof(Elf64_Phdr))
    return user_failure(name, "is not a job module: its program headers are malformed");

  module_info info;
  bool found = false, malformed = false, loads = false;
  for (std::uint64_t i = 0; i < header->e_phnum; ++i) {
    const auto segment = read_at<Elf64_Phdr>(content, header->e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment || header->e_phoff > content.size())
      return user_failure(name, "is cut off: its program headers are missing");
    const auto inside = part(content, segment->p_offset, segment->p_filesz);
    loads = loads || segment->p_type == PT_LOAD;
    if ((segment->p_type == PT_LOAD || segment->p_type == PT_NOTE || segment->p_type == PT_DYNAMIC) && !inside)
      return user_failure(name, "is cut off: it ends before its contents do");
    if (segment->p_type != PT_NOTE)
      continue;
    const bool whole = for_each_note(*inside, segment->p_align,
                                     [&](std::string_view owner, std::uint32_t type, bytes description) {
      if (owner == FLOTT_NOTE_OWNER && type == FLOTT_NOTE_TYPE_JOB) {
        info.functions.emplace_back(as_text(description));
      } else if (owner == FLOTT_NOTE_OWNER && type == FLOTT_NOTE_TYPE_MODULE) {
        found = true;
        malformed = malformed || !parse_note(as_text(description), info);
      } else if (owner == "GNU" && type == NT_GNU_BUILD_ID) {
        info.build_id = hex(description);
      }
    });
    malformed = malformed || !whole;
  }
  if (!found)
    return user_failure(name, "is not a job module: it carries no Flott note (build it with flott_add_module)");
  std::ranges::sort(info.functions);
  const bool repeated = std::ranges::adjacent_find(info.functions) != info.functions.end();
  if (malformed || repeated || !loads)
    return user_failure(name, "is not a job module: its Flott note cannot be read");
  if (info.functions.empty())
    return user_failure(name, "has no job function (FLOTT_JOB makes a function one)");
  // A file may keep all segments and lose its tail, the section headers: loadable, but not as it was built.
  if (header->e_shnum != 0 && !part(content, header->e_shoff, std::uint64_t{header->e_shnum} * header->e_shentsize))
    return user_failure(name, "is cut off: it ends before its section headers");
  return info;
}

result<module_info> inspect_module(const std::filesystem::path& file) {
  const std::string name = file.string();
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return system_failure(name, "cannot be opened", errno);
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd);
    return user_failure(name, "is not a file");
  }
  if (status.st_size == 0) {
    ::close(fd);
    return user_failure(name, "is not a job module: it is empty");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  const int error = errno;
  ::close(fd);
  if (data == MAP_FAILED)
    return system_failure(name, "cannot be read", error);
  const mapping held(data, size);
  return inspect_module(held.content(), name);
}

const module_info& host_info() {
  static const module_info info{FLOTT_API_VERSION, FLOTT_NOTE_COMPILER, FLOTT_NOTE_SANITIZER,
                                FLOTT_NOTE_INSTRUCTION_SET, FLOTT_NOTE_STANDARD_LIBRARY, {}, {}};
  return info;
}

std::vector<std::string> host_instruction_sets() {
#if defined(__x86_64__)
  std::vector<std::string> sets{"x86-64"};
  if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("popcnt"))
    return sets;
  sets.emplace_back("x86-64-v2");
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2") ||
      !__builtin_cpu_supports("fma"))
    return sets;
  sets.emplace_back("x86-64-v3");
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    sets.emplace_back("x86-64-v4");
  return sets;
#else
  return {FLOTT_NOTE_INSTRUCTION_SET};
#endif
}

result<void> check_compatible(const module_info& module, const module_info& host,
                              std::span<const std::string> instruction_sets, const std::string& file) {
  if (module.api_version != host.api_version)
    return user_failure(file, "was built for version " + std::to_string(module.api_version) +
                                  " of the job API, this is version " + std::to_string(host.api_version) +
                                  "; build it again");
  if (module.standard_library != host.standard_library)
    return user_failure(file, "was built with the standard library " + module.standard_library + ", this is " +
                                  host.standard_library);
  if (module.sanitizer != host.sanitizer)
    return user_failure(file, "was built with sanitizer " + module.sanitizer + ", this process with " +
                                  host.sanitizer);
  if (std::ranges::find(instruction_sets, module.instruction_set) == instruction_sets.end())
    return user_failure(file, "was built for " + module.instruction_set + ", which this machine does not run");
  return {};
}

}  // namespace flott
