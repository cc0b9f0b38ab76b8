#include "apps/cli/command_line.hpp"

#include <boost/program_options.hpp>

#include <charconv>
#include <sstream>

namespace flott::cli {
namespace {

namespace po = boost::program_options;

std::string long_name(const option_spec& option) { return option.names.substr(0, option.names.find(',')); }

std::unique_ptr<po::options_description> describe(const command_spec& spec, unsigned width) {
  auto all = std::make_unique<po::options_description>("Options", width, width / 2);
  for (const auto& option : spec.options) {
    if (option.value.empty())
      all->add_options()(option.names.c_str(), po::bool_switch(), option.prose.c_str());
    else if (option.repeated)
      all->add_options()(option.names.c_str(),
                         po::value<std::vector<std::string>>()->composing()->value_name(option.value),
                         option.prose.c_str());
    else
      all->add_options()(option.names.c_str(), po::value<std::string>()->value_name(option.value),
                         option.prose.c_str());
  }
  all->add_options()("help,h", po::bool_switch(), "Shows this text.");
  return all;
}

constexpr int style() {
  return po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
}

/// Where the first operand stands: after options and their values. `arguments.size()` if there is none.
std::size_t first_operand(const command_spec& spec, const std::vector<std::string>& arguments) {
  const auto takes_value = [&](std::string_view name) {
    for (const auto& option : spec.options) {
      const auto comma = option.names.find(',');
      if (name == long_name(option) || (comma != std::string::npos && name == option.names.substr(comma + 1)))
        return !option.value.empty();
    }
    return false;
  };
  std::size_t i = 0;
  while (i < arguments.size()) {
    const std::string_view argument = arguments[i];
    if (argument == "--" || argument.size() < 2 || argument[0] != '-')
      break;
    if (argument.starts_with("--"))
      i += argument.find('=') == std::string_view::npos && takes_value(argument.substr(2)) ? 2 : 1;
    else   // "-D key=value", "-Dkey=value", or flags in one word: "-dp 4"
      i += takes_value(argument.substr(argument.size() - 1)) &&
                   (argument.size() == 2 || !takes_value(argument.substr(1, 1)))
               ? 2
               : 1;
  }
  return std::min(i, arguments.size());
}

}  // namespace

std::string parsed_command::text(std::string_view option, std::string otherwise) const {
  const auto found = values_.find(option);
  return found == values_.end() || found->second.empty() ? std::move(otherwise) : found->second.back();
}

std::vector<std::string> parsed_command::all(std::string_view option) const {
  const auto found = values_.find(option);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

result<std::uint32_t> parsed_command::number(std::string_view option, std::uint32_t otherwise, std::uint32_t least,
                                             std::uint32_t most) const {
  if (!has(option))
    return otherwise;
  const auto given = text(option);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
  if (error != std::errc() || end != given.data() + given.size() || value < least || value > most)
    return user_failure("--" + std::string(option), "\"" + given + "\" is not a number from " + std::to_string(least) +
                                                        " to " + std::to_string(most));
  return value;
}

result<parsed_command> parse(const command_spec& spec, const std::vector<std::string>& arguments) {
  auto own = arguments;
  parsed_command parsed;
  if (spec.hands_on_rest) {
    const auto first = first_operand(spec, arguments);
    own.resize(first);
    auto operand = first;
    if (operand < arguments.size() && arguments[operand] == "--")
      ++operand;
    if (operand < arguments.size()) {
      parsed.operands.push_back(arguments[operand]);
      parsed.rest.assign(arguments.begin() + static_cast<std::ptrdiff_t>(operand) + 1, arguments.end());
    }
  }
  try {
    const auto description = describe(spec, po::options_description::m_default_line_length);
    auto all = po::options_description();
    all.add(*description);
    all.add_options()("operand", po::value<std::vector<std::string>>());
    po::positional_options_description positional;
    positional.add("operand", -1);
    po::variables_map values;
    po::store(po::command_line_parser(own).options(all).positional(positional).style(style()).run(), values);
    if (values.count("operand") > 0)
      parsed.operands = values["operand"].as<std::vector<std::string>>();
    if (values["help"].as<bool>()) {
      parsed.wants_help = true;
      return parsed;
    }
    for (const auto& option : spec.options) {
      const auto name = long_name(option);
      if (values.count(name) == 0)
        continue;
      if (option.value.empty()) {
        if (values[name].as<bool>())
          parsed.values_[name];
      } else if (option.repeated) {
        parsed.values_[name] = values[name].as<std::vector<std::string>>();
      } else {
        parsed.values_[name] = {values[name].as<std::string>()};
      }
    }
  } catch (const po::error& wrong) {
    return user_failure("flott " + spec.name, wrong.what());
  }
  if (parsed.operands.size() < spec.least_operands)
    return user_failure("flott " + spec.name, "an argument is missing; usage: flott " + spec.name + " " + spec.arguments);
  if (parsed.operands.size() > spec.most_operands)
    return user_failure("flott " + spec.name, "unexpected argument \"" + parsed.operands[spec.most_operands] + "\"");
  return parsed;
}

std::string help(const command_spec& spec) {
  std::ostringstream out;
  out << "Usage: flott " << spec.name << (spec.arguments.empty() ? "" : " ") << spec.arguments << "\n\n"
      << spec.prose << "\n\n"
      << *describe(spec, 100);
  return std::move(out).str();
}

result<std::vector<std::pair<std::string, std::string>>> key_values(const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return user_failure("-D " + text, "is not of the form key=value");
    pairs.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return pairs;
}

}  // namespace flott::cli
