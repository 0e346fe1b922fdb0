// Evaluates a syntax tree to a value: parameters and settings, families to instances, conditions to
// the instances they select. Order of writing never matters. What needs a program's manifest is
// left to the validator, except the types of module parameters, which decide what a text is.
#pragma once

#include "config/check.hpp"
#include "config/origins.hpp"
#include "config/programs.hpp"
#include "config/values.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace equus::config {

/// Limits of one configuration.
inline constexpr std::size_t programs_max = 100;
inline constexpr std::size_t parameters_max = 1000;
inline constexpr std::size_t value_bytes_max = std::size_t{64} << 20;

class resolver {
public:
    resolver(const document& from, const check_options& options, programs& with, origins& places,
             diagnostics& out)
        : document_{&from}, options_{&options}, programs_{&with}, origins_{&places}, out_{&out} {}

    rdc run();

private:
    /// What `index` and `key` mean where an expression stands.
    struct scope {
        std::optional<std::uint32_t> index;
        std::optional<std::string> key;
        bool in_blueprint = false;
    };
    /// A setting of an incarnation and where it comes from; a `when` goes before a plain statement.
    struct chosen {
        const statement* from = nullptr;
        bool conditional = false;
    };
    using choices = std::map<std::string, chosen>;

    struct parameter {
        const parameter_item* item = nullptr;
        enum class progress { untouched, evaluating, done } state = progress::untouched;
        std::optional<rdc_value> value;
        bool used = false;
    };

    // resolver.cpp: the items around the incarnations
    void header();
    void uses();
    void declare_parameters();
    void places();
    void channels();
    void exports();
    void moves();
    bool is_declared(const incarnation_name& name) const;
    void warn_of_unused();
    /// Counts what the text makes grow; false, with a diagnostic, when a small text makes too much.
    bool afford(std::size_t bytes, span where);
    bool acceptable(const name& id, const char* what);
    void duplicate(const name& id, const char* what, std::optional<span> first);

    // resolver_values.cpp
    void evaluate_parameters();
    void evaluate(parameter& which);
    void apply_setting(parameter& which, const setting& given);
    std::optional<rdc_value> evaluate(const expression& e, const scope& in);
    std::optional<rdc_value> evaluate_name(const expression& e, const scope& in);
    std::optional<rdc_value> evaluate_operator(const expression& e, const scope& in);
    std::optional<std::int64_t> integer(const expression& e, const scope& in, const char* what);

    // resolver_incarnations.cpp
    void incarnations();
    std::vector<incarnation_item> with_additions();
    std::vector<incarnation_name> instances_of(const incarnation_item& item);
    void add_keys(const incarnation_item& item, const rdc_value& value, span where,
                  std::vector<incarnation_name>& to);
    void add_blueprint(const incarnation_item& item, std::size_t number);
    bool selects(const when_block& when, const incarnation_item& item, const scope& in);
    void check_when(const incarnation_item& item, const std::vector<incarnation_name>& instances);
    void choose(const std::vector<statement>& from, bool conditional, choices& to);
    incarnation_declaration declaration(const incarnation_item& item, const scope& in,
                                        const incarnation_name& name, std::size_t number);

    // resolver_statements.cpp: one statement into a declaration
    struct target {
        incarnation_declaration* to;
        const scope* in;
        const incarnation_name* name;
        std::size_t number;
        bool conditional;
    };
    void note(const target& t, std::string part, span where);
    /// Of a reference with its subscript evaluated; nothing, when that was reported.
    std::optional<incarnation_name> name_of(const incarnation_reference& of, const scope& in);
    void apply(const wiring& s, const target& t);
    void apply(const assignment& s, const target& t);
    void apply(const on_statement& s, const target& t);
    void apply(const near_statement& s, const target& t);
    void apply(const spread_statement& s, const target& t);
    void apply(const migrate_statement& s, const target& t);
    void apply(const priority_statement& s, const target& t);
    void apply(const limit_statement& s, const target& t);

    const document* document_;
    const check_options* options_;
    programs* programs_;
    origins* origins_;
    diagnostics* out_;
    rdc value_;
    std::size_t spent_bytes_ = 0;
    std::map<std::string, parameter, std::less<>> parameters_;
};

} // namespace equus::config
