#include "runtime/api/aggregates.hpp"

#include "runtime/base/failure.hpp"

namespace flott::detail {

aggregate_plan make_aggregate_plan(std::vector<std::uint32_t> key_inputs, std::vector<field_type> key_types,
                                   std::vector<std::uint32_t> key_outputs,
                                   const std::vector<field_type>& key_output_types,
                                   std::vector<aggregate_column> aggregates, schema_ptr result) {
  const auto refuse = [&](std::string what) -> void {
    throw failure_exception(user_failure("aggregate into (" + result->to_string() + ")", std::move(what)));
  };
  if (key_outputs.size() != key_inputs.size())
    refuse("key() names " + std::to_string(key_outputs.size()) + " fields for a key of " +
           std::to_string(key_inputs.size()));
  for (std::size_t i = 0; i < key_outputs.size(); ++i)
    if (key_output_types[i] != key_types[i])
      refuse("field '" + (*result)[key_outputs[i]].name + "' is not of the key's type, which is " +
             std::string(to_string(key_types[i])));
  std::vector<int> set(result->size());
  for (const std::uint32_t at : key_outputs)
    ++set[at];
  for (const aggregate_column& a : aggregates)
    ++set[a.output];
  for (std::size_t i = 0; i < set.size(); ++i)
    if (set[i] != 1)
      refuse("field '" + (*result)[i].name + "' is set " + std::to_string(set[i]) +
             " times by key and aggregates, not once");
  aggregate_plan plan;
  plan.key_inputs = std::move(key_inputs);
  plan.key_types = std::move(key_types);
  plan.key_outputs = std::move(key_outputs);
  plan.aggregates = std::move(aggregates);
  plan.result = std::move(result);
  return plan;
}

std::vector<std::size_t> columns_by_name(const schema& from, const schema& to) {
  std::vector<std::size_t> columns;
  for (const field& f : to.fields()) {
    const auto found = from.index_of(f.name);
    if (!found || from[*found].type != f.type)
      throw failure_exception(user_failure("projection of (" + from.to_string() + ")",
                                           "there is no field '" + f.name + "' of type " +
                                               std::string(to_string(f.type))));
    columns.push_back(*found);
  }
  return columns;
}

schema_ptr with_key_column(const schema_ptr& from, field_type type) {
  std::vector<field> fields = from->fields();
  fields.push_back({"(key)", type});
  return make_schema(std::move(fields));
}

}  // namespace flott::detail
