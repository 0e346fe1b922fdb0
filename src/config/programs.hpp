// The programs that a configuration uses, asked once each, and the modules and protocols they
// export.
#pragma once

#include "config/check.hpp"

#include <equus/manifest.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace equus::config {

class programs {
public:
    explicit programs(const program_resolver& ask) : ask_{&ask} {}

    /// Asks the program if nobody has; the reason when it has no manifest. Null: it has one, or
    /// nobody is to be asked.
    const error* require(const std::string& program);
    void use(std::string name_space, std::string program) {
        uses_.insert_or_assign(std::move(name_space), std::move(program));
    }
    bool asked() const noexcept { return static_cast<bool>(*ask_); }

    /// The longest used namespace that covers the qualified name: "doc" covers doc and doc.worker.
    /// The namespace "equus" is always there. Empty: none.
    std::string namespace_of(std::string_view qualified) const;

    /// What a name means: found, known not to exist (with the names that do), or not to be known.
    template <class Entry>
    struct lookup {
        const Entry* entry = nullptr;
        bool missing = false;
        std::vector<std::string> others;
    };
    lookup<module_manifest> module(std::string_view name) const;
    lookup<protocol_manifest> protocol(std::string_view name) const;
    lookup<service_manifest> service(std::string_view name) const;

private:
    template <class Entry, class Lists>
    lookup<Entry> search(std::string_view name, bool any_namespace, Lists lists) const;

    const program_resolver* ask_;
    std::map<std::string, result<manifest>, std::less<>> manifests_;
    std::map<std::string, std::string, std::less<>> uses_; ///< namespace to program
};

} // namespace equus::config
