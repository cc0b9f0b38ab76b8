#pragma once

#include "runtime/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flott {

/// What a job module says of itself in its ELF note.
struct module_info {
  std::uint32_t api_version = 0;
  std::string compiler;            ///< for people; compilers of one standard library mix
  std::string sanitizer;           ///< "none", "address", "thread"
  std::string instruction_set;     ///< "x86-64-v2", "aarch64", ...
  std::string standard_library;    ///< "libstdc++ cxx11", ...
  std::string build_id;            ///< hex; empty when the linker wrote none
  std::vector<std::string> functions;   ///< the names of its job functions, sorted
};

/// Reads the note without loading, running or trusting anything: any bytes are safe to give.
/// Errors (user, permanent) name the file: unreadable, no ELF file, no shared library, another machine's, cut off,
/// not a Flott module, a note that cannot be read.
[[nodiscard]] result<module_info> inspect_module(const std::filesystem::path& file);
/// The same from memory; `name` stands for the file in messages.
[[nodiscard]] result<module_info> inspect_module(std::span<const std::byte> content, const std::string& name);

/// What this process can load.
[[nodiscard]] const module_info& host_info();
/// The instruction sets this machine runs, best last: {"x86-64", "x86-64-v2", ...}.
[[nodiscard]] std::vector<std::string> host_instruction_sets();

/// Whether `module` can be loaded into a process such as `host`, on a machine that runs `instruction_sets`; otherwise
/// a permanent user failure that names `file` and says what differs.
[[nodiscard]] result<void> check_compatible(const module_info& module, const module_info& host,
                                            std::span<const std::string> instruction_sets, const std::string& file);

}  // namespace flott
