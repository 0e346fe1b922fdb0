// Files are reached through a stream to the node's file service, `system.files`. A request that
// waits for a slow disc delays nobody else. What is written appears under its name as a whole or
// not at all: it is written under a temporary name beside it, made durable and renamed.
//
//     auto text = co_await files.invoke<equus::files::read>(path);
//     auto done = co_await files.invoke<equus::files::write>(path, std::move(body));
//
// The second part of this header is between the service and whoever carries out its effects: a pool
// of threads, or a simulation's model. An effect is one blocking operation on one file; its errors
// are not_found, already_exists, access_denied, too_large, invalid_argument and io_failed, with the
// path and the system's words as text. Limit: a read or written content is one message.
#pragma once

#include <equus/base/bytes.hpp>
#include <equus/base/fields.hpp>
#include <equus/protocol.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace equus::files {

/// One entry of a folder.
struct item {
    std::string path; ///< relative to the folder that was listed, separated by '/'
    bool is_folder = false;
    std::uint64_t size_bytes = 0;
    friend bool operator==(const item&, const item&) = default;
    EQUUS_FIELDS(path, is_folder, size_bytes)
};
struct listing {
    std::vector<item> items; ///< in order of their paths, compared as bytes
    EQUUS_FIELDS(items)
};

/// What a folder holds: files and folders, nothing else. Symbolic links are neither listed nor
/// followed, since they may lead out of the folders that the node was given.
struct list {
    using reply = listing;
    std::string folder;
    bool recursive = true;
    EQUUS_FIELDS(folder, recursive)
};

struct content {
    bytes data;
    std::uint64_t file_bytes = 0; ///< of the whole file
    EQUUS_FIELDS(data, file_bytes)
};
/// The bytes of a file from `offset`; less than `bytes_max` only at its end.
struct read {
    using reply = content;
    std::string path;
    std::uint64_t offset = 0;
    std::uint64_t bytes_max = 0; ///< 0: all the rest
    EQUUS_FIELDS(path, offset, bytes_max)
};

struct written {
    std::uint64_t file_bytes = 0;
    EQUUS_FIELDS(file_bytes)
};
/// Makes or replaces a file, and the folders above it. On an error nothing is left, and what was
/// there before stays.
struct write {
    using reply = written;
    std::string path;
    bytes data;
    EQUUS_FIELDS(path, data)
};

struct done {
    bool existed = true;
    EQUUS_FIELDS(existed)
};
/// Removes a file; one that is not there is no error.
struct remove {
    using reply = done;
    std::string path;
    EQUUS_FIELDS(path)
};

struct tidied {
    std::uint32_t removed = 0;
    EQUUS_FIELDS(removed)
};
/// Removes what was being written below the folder by nodes of this run that are gone. What other
/// runs write is not touched: they may be alive.
struct tidy {
    using reply = tidied;
    std::string folder;
    EQUUS_FIELDS(folder)
};

using filing = protocol<"equus.files", list, read, write, remove, tidy>;

// ---- effects: the service asks, the driver answers

/// Request files::list, reply files::listing.
inline constexpr std::string_view list_effect = "equus.files.list";
/// Request files::read, reply files::content.
inline constexpr std::string_view read_effect = "equus.files.read";
/// Request files::store, reply files::written.
inline constexpr std::string_view store_effect = "equus.files.store";
/// Request files::rename, reply files::done.
inline constexpr std::string_view rename_effect = "equus.files.rename";
/// Request files::remove, reply files::done (`existed`: it was there).
inline constexpr std::string_view remove_effect = "equus.files.remove";

/// Makes the folders above `path`, makes the file or empties it, writes all bytes and makes them
/// durable (fsync). On an error the file may be there, incomplete.
struct store {
    using reply = written;
    std::string path;
    bytes data;
    EQUUS_FIELDS(path, data)
};
/// Gives a file its final name, replacing what has that name, and makes that durable.
struct rename {
    using reply = done;
    std::string from;
    std::string to;
    EQUUS_FIELDS(from, to)
};

} // namespace equus::files
