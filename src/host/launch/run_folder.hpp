// Where the runs of a user are found: one control socket each, named after the run, in a folder
// that only the user can enter ($XDG_RUNTIME_DIR/equus, else /tmp/equus-UID; mode 0700). Holding
// the socket is holding the launch's handle: who may connect may look into the run and end it.
#pragma once

#include <equus/base/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace equus::launcher {

/// The folder, made if need be. io_failed when it cannot be made; access_denied when somebody else
/// owns it or others may enter it.
result<std::string> run_folder();
/// Letters, digits, '-' and '_', 1 to 60 of them.
bool is_run_name(std::string_view name) noexcept;
/// A path of this length or more is no address of a socket (sun_path).
inline constexpr std::size_t socket_path_bytes_max = 108;
/// The path of a run's control socket.
std::string socket_path(const std::string& folder, std::string_view run);
/// The names of runs whose sockets are there, in order.
std::vector<std::string> runs_in(const std::string& folder);

} // namespace equus::launcher
