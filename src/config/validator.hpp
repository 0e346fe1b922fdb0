// Compares a resolved value with what its programs export, and with itself: modules, interfaces,
// directions, protocols, parameters, places, and whether every channel has both its ends.
#pragma once

#include "config/diagnostic.hpp"
#include "config/origins.hpp"
#include "config/programs.hpp"

#include <equus/rdc.hpp>

#include <map>
#include <string>
#include <vector>

namespace equus::config {

class validator {
public:
    validator(const rdc& value, const programs& with, const origins& places, diagnostics& out)
        : value_{&value}, programs_{&with}, origins_{&places}, out_{&out} {}

    void run();

private:
    /// An interface at one end of a channel.
    struct end {
        incarnation_name owner;
        std::string interface;
        std::size_t times; ///< how many incarnations may have it: a blueprint's instances
    };
    struct ends {
        std::vector<end> ports;
        std::vector<end> streams;
    };

    void namespaces();
    void incarnation(const incarnation_name& name, const incarnation_declaration& d,
                     bool is_blueprint);
    void interface(const incarnation_name& name, const incarnation_declaration& d,
                   const module_manifest* module, const std::string& id);
    void wired_to(const incarnation_name& name, const std::string& id, const std::string& channel,
                  const interface_manifest* declared, const std::string& module);
    void parameters(const incarnation_name& name, const incarnation_declaration& d,
                    const module_manifest& module, bool is_blueprint);
    void where(const incarnation_name& name, const placement& p, bool is_blueprint);
    void place_exists(const incarnation_name& name, const std::string& part,
                      const std::string& place);
    void attach(const incarnation_name& name, const incarnation_declaration& d, std::size_t times);
    void primary();
    void channels();
    void channel(const std::string& id, const channel_declaration& c);
    void exports();
    bool uses_namespace(std::string_view qualified);
    std::string namespace_hint(const std::string& qualified) const;

    void report(code number, std::optional<span> where, std::string message, std::string hint = {});
    bool doubtful(std::string_view word) const { return origins_->doubtful.count(word) != 0; }

    const rdc* value_;
    const programs* programs_;
    const origins* origins_;
    diagnostics* out_;
    std::map<std::string, ends, std::less<>> ends_;
    std::set<std::string, std::less<>> exported_;
    std::set<std::string, std::less<>> used_namespaces_;
    std::vector<std::string> channel_names_;
};

} // namespace equus::config
