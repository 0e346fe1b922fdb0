// Where the parts of a resolved value were written, so that validating a value can point into the
// text. A value made in C++ has none.
#pragma once

#include "config/source.hpp"

#include <equus/rdc.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace equus::config {

class origins {
public:
    /// Things that belong to no incarnation: "channel tasks", "export doc/submit", "use doc".
    void set(std::string part, span where) { parts_.insert_or_assign(std::move(part), where); }
    std::optional<span> of(const std::string& part) const {
        const auto found = parts_.find(part);
        return found == parts_.end() ? std::nullopt : std::optional{found->second};
    }

    /// An instance comes from the declaration with that number; parts of a declaration serve all
    /// its instances, an instance's own part (from a `when`) goes before. The part "" is the name.
    void declare(const incarnation_name& instance, std::size_t declaration) {
        declarations_[instance] = declaration;
    }
    bool declared_together(const incarnation_name& a, const incarnation_name& b) const {
        const auto first = declarations_.find(a);
        const auto second = declarations_.find(b);
        return first != declarations_.end() && second != declarations_.end() &&
               first->second == second->second;
    }
    void set(std::size_t declaration, std::string part, span where) {
        declared_.insert_or_assign({declaration, std::move(part)}, where);
    }
    void set(const incarnation_name& instance, std::string part, span where) {
        own_.insert_or_assign({instance, std::move(part)}, where);
    }
    /// Falls back to the declaration's name.
    std::optional<span> of(const incarnation_name& instance, const std::string& part) const {
        if (const auto own = own_.find({instance, part}); own != own_.end())
            return own->second;
        const auto declaration = declarations_.find(instance);
        if (declaration == declarations_.end())
            return std::nullopt;
        if (const auto found = declared_.find({declaration->second, part});
            found != declared_.end())
            return found->second;
        const auto name = declared_.find({declaration->second, ""});
        return name == declared_.end() ? std::nullopt : std::optional{name->second};
    }

    /// Names that a skipped, misspelt part of the text may have declared or used: their absence is
    /// no news.
    std::set<std::string, std::less<>> doubtful;
    /// Declarations with a syntax error inside: what they lack is no news either.
    std::set<incarnation_name> damaged;

private:
    std::map<std::string, span> parts_;
    std::map<incarnation_name, std::size_t> declarations_;
    std::map<std::pair<std::size_t, std::string>, span> declared_;
    std::map<std::pair<incarnation_name, std::string>, span> own_;
};

} // namespace equus::config
