// The file effects of a node (equus/services/files.hpp says what they do), confined to the folders
// given here. Whoever sets up the node decides what its modules can reach: an effect reaches no
// other file, whatever path it is asked for, and follows no symbolic link.
#pragma once

#include <equus/base/result.hpp>
#include <equus/host/effects.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace equus {

struct files_root {
    std::string folder;    ///< on this machine; may itself be a symbolic link
    bool writable = false; ///< one that does not exist is made by its first write
    std::string name;      ///< what the paths of requests begin with; empty: `folder` as written
};

struct files_options {
    std::vector<files_root> roots;
    /// The most bytes of one reply to `read`; one message must hold them.
    std::uint64_t read_bytes_max = 48u << 20;
    std::uint32_t entries_max = 100'000; ///< of one listing
    std::uint32_t depth_max = 64;        ///< of a path
};

/// Adds the five effects. The folders that exist are opened now and held: renaming one does not
/// change what the node reaches. Errors: not_found for a folder to read, io_failed with the
/// system's words, already_exists for a name given twice.
result<void> add_file_effects(effect_registry& effects, const files_options& options);

} // namespace equus
