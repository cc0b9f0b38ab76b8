#include "runtime/config/yaml_entries.hpp"

#include <algorithm>
#include <yaml-cpp/yaml.h>

namespace flott {

namespace {

// Far beyond any real configuration; they bound what a hostile or broken file can cost (aliases multiply).
constexpr std::size_t max_bytes = 1 << 20, max_entries = 10'000;
constexpr int max_depth = 16;

/// The offset of the first byte that is neither printable UTF-8 nor a blank; npos if there is none.
std::size_t first_foreign_byte(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      if ((lead < 0x20 && lead != '\n' && lead != '\r' && lead != '\t') || lead == 0x7f)
        return i;
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 && lead < 0xf0 ? 3
                               : lead >= 0xc2 && lead < 0xe0 ? 2 : 0;
    if (length == 0 || i + length > text.size())
      return i;
    for (std::size_t k = 1; k < length; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80)
        return i;
    i += length;
  }
  return std::string_view::npos;
}

bool is_one_line(const std::string& text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

class reader {
 public:
  explicit reader(std::string name) : name_(std::move(name)) {}

  result<void> read(const YAML::Node& node, const std::string& key, int depth) {
    if (depth > max_depth)
      return user_failure(at(node), "nested too deeply");
    if (++visited_ > max_entries)
      return user_failure(at(node), "more than " + std::to_string(max_entries) + " entries");
    switch (node.Type()) {
      case YAML::NodeType::Map:
        for (const auto& child : node) {
          if (!child.first.IsScalar() || !is_one_line(child.first.Scalar()))
            return user_failure(at(child.first), "a key that is not plain text");
          FLOTT_TRY(read(child.second, key.empty() ? child.first.Scalar() : key + "." + child.first.Scalar(),
                         depth + 1));
        }
        return {};
      case YAML::NodeType::Sequence: {
        std::string joined;
        for (const auto& element : node) {
          if (++visited_ > max_entries)
            return user_failure(at(node), "more than " + std::to_string(max_entries) + " entries");
          if (!element.IsScalar())
            return user_failure(at(node), "option '" + key + "': an element of the list is not plain text");
          joined += (joined.empty() ? "" : ";") + element.Scalar();
        }
        entries_.push_back({key, std::move(joined), at(node)});
        return {};
      }
      case YAML::NodeType::Scalar: entries_.push_back({key, node.Scalar(), at(node)}); return {};
      default: return user_failure(at(node), "option '" + key + "' has no value");
    }
  }

  std::vector<yaml_entry> take() { return std::move(entries_); }

 private:
  std::string at(const YAML::Node& node) const { return name_ + ":" + std::to_string(node.Mark().line + 1); }

  std::string name_;
  std::size_t visited_ = 0;
  std::vector<yaml_entry> entries_;
};

}  // namespace

result<std::vector<yaml_entry>> read_yaml_entries(std::string_view yaml, std::string_view name) {
  const std::string file(name);
  if (yaml.size() > max_bytes)
    return user_failure(file, "too large for a configuration: more than 1 mb");
  if (const auto foreign = first_foreign_byte(yaml); foreign != std::string_view::npos) {
    const auto line = 1 + std::count(yaml.begin(), yaml.begin() + static_cast<std::ptrdiff_t>(foreign), '\n');
    return user_failure(file + ":" + std::to_string(line),
                        "is not a text file: byte " + std::to_string(foreign) + " is no part of UTF-8 text");
  }
  try {
    const auto root = YAML::Load(std::string(yaml));
    if (root.IsNull())
      return std::vector<yaml_entry>{};
    if (!root.IsMap())
      return user_failure(file + ":" + std::to_string(root.Mark().line + 1),
                          "is not a list of options of the form 'key: value'");
    reader all(file);
    FLOTT_TRY(all.read(root, "", 0));
    return all.take();
  } catch (const YAML::Exception& e) {
    return user_failure(file + ":" + std::to_string(e.mark.line + 1), "is not valid YAML", e.msg);
  } catch (const std::exception& e) {
    return user_failure(file, "is not valid YAML", e.what());
  }
}

}  // namespace flott
