// Files that a command leaves behind.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

namespace equus::commands {

/// Under a temporary name, then renamed: nothing half-written is left under the final name. False:
/// `err` says why.
bool write_file(const std::string& path, std::string_view content, std::ostream& err);

} // namespace equus::commands
