#pragma once

#include "runtime/config/values.hpp"

#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>

namespace flott {

/// Any option's value. Enumerations are held as their number.
using option_value = std::variant<bool, std::int64_t, double, std::chrono::milliseconds, memory_size, port_range,
                                  std::string, std::vector<std::string>>;

/// Who may set an option: the cluster's file and command lines only, or also a single job (`flott run -D`).
enum class option_scope : std::uint8_t { cluster, job };

/// One option, declared once: everything that parsing, checking, documents and readers need to know of it.
struct option_declaration {
  std::string_view key;
  std::string_view prose{};                        ///< for the reference; complete sentences
  option_scope scope = option_scope::cluster;
  option_value default_value;
  std::optional<option_value> least{}, most{};     ///< bounds, inclusive; of the default's type
  std::vector<std::string_view> names{};           ///< of an enumeration, by number
  std::string_view default_prose{};                ///< shown instead of a default that means "not set"

  /// "duration", "memory size", "port or range", "integer", ..., or the names of an enumeration.
  [[nodiscard]] std::string type_name() const;
  /// Parses and checks one value; the failure says what is wrong, without naming the key.
  [[nodiscard]] result<option_value> parse(std::string_view text) const;
  /// The value in the syntax `parse` reads.
  [[nodiscard]] std::string render(const option_value& value) const;

  /// Takes the declaration into the list of all options; done by the constructors of `option` at load time.
  static void enlist(const option_declaration& declaration);
};

/// All declared options, sorted by key.
[[nodiscard]] std::span<const option_declaration* const> all_options();
/// nullptr if there is none of this name.
[[nodiscard]] const option_declaration* find_option(std::string_view key);
/// The nearest declared key, for "did you mean"; empty if none is near.
[[nodiscard]] std::string_view nearest_option(std::string_view key);

/// A declared option with the type that `configuration::get` returns for it.
template <class T>
class option : public option_declaration {
 public:
  using value_type = T;
  using stored_type = std::conditional_t<std::is_enum_v<T>, std::int64_t, T>;

  explicit option(option_declaration declaration) : option_declaration(std::move(declaration)) { enlist(*this); }
  option(const option&) = delete;
  option& operator=(const option&) = delete;
};

}  // namespace flott
