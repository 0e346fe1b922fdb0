// Words for the person who started the run: `system.console` carries them to the launcher's
// standard output, in order per writer. A simulation keeps them for its checks.
#pragma once

#include <equus/base/fields.hpp>
#include <equus/protocol.hpp>

#include <string>
#include <string_view>

namespace equus::console {

struct written {
    bool taken = true;
    EQUUS_FIELDS(taken)
};
/// Prints text as it is; end lines with a line feed. Answered when it is on its way.
struct write {
    using reply = written;
    std::string text;
    EQUUS_FIELDS(text)
};
using printing = protocol<"equus.console", write>;

/// Request console::write, reply console::written: the service asks, the driver answers.
inline constexpr std::string_view write_effect = "equus.console.write";

} // namespace equus::console
