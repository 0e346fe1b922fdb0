// The texts of lab_counter.rdc and solution.rdc, for a simulation that has no files.
#pragma once

#include <string_view>

namespace lab {

extern const std::string_view lab_counter_rdc;
extern const std::string_view solution_rdc;

} // namespace lab
