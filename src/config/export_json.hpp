// Configurations, manifests and values as JSON: for other tools, and for programs that tell their
// manifest to whoever starts them. Keys are stable; new ones may be added.
#pragma once

#include <equus/base/result.hpp>
#include <equus/manifest.hpp>
#include <equus/rdc.hpp>

#include <string>
#include <string_view>

namespace equus::config {

/// The resolved configuration, indented, with a line feed behind. Durations are given in
/// nanoseconds under keys that end in `_ns`; parameters of type duration as text with a unit.
std::string to_json(const rdc& value);

/// A manifest, and back. errc::malformed says what is missing or of the wrong kind.
std::string to_json(const manifest& value);
result<manifest> manifest_from_json(std::string_view text);

} // namespace equus::config
