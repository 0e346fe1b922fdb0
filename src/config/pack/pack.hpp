// A configuration as bytes, for machines that have no parser: checked where it is written, read
// anywhere.
//
//   0   8  "EQUUSRDC"
//   8   4  format, 1
//   12  4  bytes of the body, a multiple of 8
//   16  8  stable_hash of the body
//   24     the body: the rdc as one message (docs/protocol.md, "Messages")
//
// Numbers of the header are big-endian. The hash finds damage, it protects against nobody.
// Freestanding.
#pragma once

#include <equus/base/result.hpp>
#include <equus/rdc.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace equus::config {

/// Equal values give equal bytes. Empty when the value is too large for one message.
std::vector<std::byte> pack(const rdc& value);

/// errc::malformed says what is wrong, errc::unsupported that the format is newer. The bytes may
/// lie at any address; whatever follows the body is ignored, so that a table may stand in a padded
/// image.
result<rdc> unpack(std::span<const std::byte> table);

} // namespace equus::config
