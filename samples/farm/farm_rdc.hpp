// The text of farm.rdc, for a simulation that has no files.
#pragma once

#include <string_view>

namespace farm {

extern const std::string_view farm_rdc;

} // namespace farm
