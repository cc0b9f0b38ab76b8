#include "actors/exit_reason.hpp"

#include "actors/supervisor.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <typeinfo>

namespace flott {
namespace {

constexpr caf::atom_value failure_category = caf::atom("flottfail");
constexpr caf::atom_value supervisor_category = caf::atom("flottsup");
constexpr caf::atom_value exit_category = caf::atom("exit");
constexpr caf::atom_value system_category = caf::atom("system");

// A failure's class and domain share the code: domain in the tens.
std::uint8_t code_of(const failure& what) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(what.domain) * 10 + static_cast<unsigned>(what.cls));
}

bool is(const caf::error& err, caf::exit_reason reason) {
  return err && err.category() == exit_category && err.code() == static_cast<std::uint8_t>(reason);
}

std::string context_text(const caf::error& err) {
  if (err.context().empty())
    return {};
  if (err.context().size() == 1 && err.context().match_elements<std::string>())
    return err.context().get_as<std::string>(0);
  return caf::to_string(err.context());
}

}  // namespace

std::string type_name(const std::type_info& type) {
  int status = 0;
  char* readable = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
  std::string name = status == 0 ? readable : type.name();
  std::free(readable);
  return name;
}

caf::error to_error(const failure& what) {
  return {code_of(what), failure_category, caf::make_message(what.where, what.message, what.cause)};
}

failure to_failure(const caf::error& err) {
  if (err && err.category() == failure_category &&
      err.context().match_elements<std::string, std::string, std::string>()) {
    failure out;
    out.cls = static_cast<failure_class>(err.code() % 10);
    out.domain = static_cast<failure_domain>(err.code() / 10);
    out.where = err.context().get_as<std::string>(0);
    out.message = err.context().get_as<std::string>(1);
    out.cause = err.context().get_as<std::string>(2);
    return out;
  }
  return transient_failure("actor", describe(err));
}

caf::error make_error(supervisor_error code, std::string text) {
  return {static_cast<std::uint8_t>(code), supervisor_category, caf::make_message(std::move(text))};
}

std::string describe(const caf::error& err) {
  if (!err)
    return "normal";
  if (err.category() == failure_category)
    return to_failure(err).to_string();
  const auto context = context_text(err);
  if (err.category() == supervisor_category)
    return context;
  std::string name = err.category() == exit_category     ? caf::to_string(static_cast<caf::exit_reason>(err.code()))
                     : err.category() == system_category ? caf::to_string(static_cast<caf::sec>(err.code()))
                                                         : caf::to_string(err.category()) + " error " +
                                                             std::to_string(err.code());
  return context.empty() ? name : name + ": " + context;
}

supervision::exit_reason exit_reason_of(const caf::error& err) {
  if (!err || is(err, caf::exit_reason::normal))
    return supervision::exit_reason::normal();
  if (is(err, caf::exit_reason::user_shutdown))
    return supervision::exit_reason::shutdown();
  auto reason = supervision::exit_reason::abnormal(describe(err));
  reason.restart_limit = err.category() == supervisor_category &&
                         err.code() == static_cast<std::uint8_t>(supervisor_error::restart_limit);
  return reason;
}

caf::error to_error(const std::exception_ptr& thrown, const char* where) {
  try {
    std::rethrow_exception(thrown);
  } catch (const failure_exception& e) {
    return to_error(e.error());
  } catch (const transient_error& e) {
    return to_error(transient_failure(where, e.what()));
  } catch (const std::exception& e) {
    return to_error(internal_failure(where, e.what(), type_name(typeid(e))));
  } catch (...) {
    return to_error(internal_failure(where, "an exception that is no std::exception"));
  }
}

}  // namespace flott
