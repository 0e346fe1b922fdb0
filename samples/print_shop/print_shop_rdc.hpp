// The text of print_shop.rdc, for a simulation that has no files.
#pragma once

#include <string_view>

namespace doc {

extern const std::string_view print_shop_rdc;

} // namespace doc
