#include "runtime/config/configuration.hpp"

namespace flott {

namespace {

/// Text inside a table's cell.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
    text.insert(at, "\\");
  return text;
}

std::string bounds(const option_declaration& option) {
  if (option.least && option.most)
    return option.render(*option.least) + " to " + option.render(*option.most);
  if (option.least)
    return "at least " + option.render(*option.least);
  if (option.most)
    return "at most " + option.render(*option.most);
  return "";
}

}  // namespace

std::string configuration_reference() {
  std::string page =
      "# Configuration\n\n"
      "Generated from the declarations in runtime/config/options.cpp.\n\n"
      "Options are set in `flott.yaml`, flat (`heartbeat.interval: 250 ms`) or nested, and by `-D key=value`, the last "
      "of a key winning. Unknown keys and values out of bounds are errors. *Job* marks options that a single job may "
      "set for itself (`flott run -D key=value`). Durations are written `250 ms`, `1 s`, `5 min`, `2 h`, `1 d`; memory "
      "sizes `64 kb`, `256 mb`, `1 gb`, in powers of 1024; ports as a number, a range `9249-9260`, or 0 for any free "
      "one; lists with `;` between the elements, or as YAML lists.\n\n"
      "| Option | Type | Default | Bounds | Job | Meaning |\n"
      "|---|---|---|---|---|---|\n";
  for (const auto* option : all_options()) {
    const auto standard = option->default_prose.empty() ? "`" + option->render(option->default_value) + "`"
                                                        : std::string(option->default_prose);
    page += "| `" + std::string(option->key) + "` | " + cell(option->type_name()) + " | " + cell(standard) + " | "
            + bounds(*option) + " | " + (option->scope == option_scope::job ? "yes" : "") + " | "
            + cell(std::string(option->prose)) + " |\n";
  }
  return page;
}

}  // namespace flott
