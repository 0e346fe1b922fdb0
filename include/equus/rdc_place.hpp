// Which nodes belong to a place: the condition of a `place`, written in C++ and evaluated against
// what a node says about itself. Evaluation is total: a condition that is not well formed, or that
// compares things of different types, is simply not met.
#pragma once

#include <equus/rdc.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace equus {

/// Longest condition of a place, in terms; also bounds the evaluation's stack.
inline constexpr std::size_t place_terms_max = 64;

namespace detail {

inline bool meets(const place_term& term, const node_facts& node) {
    if (term.test == place_test::has) {
        for (const std::string& tag : node.tags)
            if (tag == term.attribute)
                return true;
        return false;
    }
    const auto found = node.attributes.find(term.attribute);
    if (found == node.attributes.end() || found->second.data.index() != term.operand.data.index())
        return false;
    if (term.test == place_test::equal)
        return found->second == term.operand;
    if (term.test == place_test::not_equal)
        return !(found->second == term.operand);
    const auto* have = found->second.as<std::int64_t>();
    const auto* want = term.operand.as<std::int64_t>();
    if (have == nullptr || want == nullptr)
        return false;
    switch (term.test) {
    case place_test::less:
        return *have < *want;
    case place_test::less_equal:
        return *have <= *want;
    case place_test::greater:
        return *have > *want;
    case place_test::greater_equal:
        return *have >= *want;
    default:
        return false;
    }
}

} // namespace detail

/// Does the node belong to the place?
inline bool belongs_to(const place_declaration& place, const node_facts& node) {
    if (place.where.empty())
        return true;
    if (place.where.size() > place_terms_max)
        return false;
    bool stack[place_terms_max] = {};
    std::size_t depth = 0;
    for (const place_term& term : place.where) {
        if (term.test == place_test::negation) {
            if (depth < 1)
                return false;
            stack[depth - 1] = !stack[depth - 1];
        } else if (term.test == place_test::conjunction || term.test == place_test::disjunction) {
            if (depth < 2)
                return false;
            --depth;
            stack[depth - 1] = term.test == place_test::conjunction
                                   ? stack[depth - 1] && stack[depth]
                                   : stack[depth - 1] || stack[depth];
        } else {
            stack[depth++] = detail::meets(term, node);
        }
    }
    return depth == 1 && stack[0];
}

/// A condition under construction: `has_tag("printer") && attribute("zone") == "ground"`.
struct place_condition {
    std::vector<place_term> terms;

    friend place_condition operator&&(place_condition a, const place_condition& b) {
        return joined(std::move(a), b, place_test::conjunction);
    }
    friend place_condition operator||(place_condition a, const place_condition& b) {
        return joined(std::move(a), b, place_test::disjunction);
    }
    friend place_condition operator!(place_condition a) {
        a.terms.push_back({place_test::negation, {}, {}});
        return a;
    }

private:
    static place_condition joined(place_condition a, const place_condition& b, place_test how) {
        a.terms.insert(a.terms.end(), b.terms.begin(), b.terms.end());
        a.terms.push_back({how, {}, {}});
        return a;
    }
};

/// The node carries the tag.
inline place_condition has_tag(std::string tag) {
    return {{{place_test::has, std::move(tag), {}}}};
}

/// An attribute of a node, to be compared with a value.
struct attribute {
    std::string name;
    explicit attribute(std::string of) : name{std::move(of)} {}

    place_condition test(place_test how, rdc_value with) const {
        return {{{how, name, std::move(with)}}};
    }
    friend place_condition operator==(const attribute& a, rdc_value v) {
        return a.test(place_test::equal, std::move(v));
    }
    friend place_condition operator!=(const attribute& a, rdc_value v) {
        return a.test(place_test::not_equal, std::move(v));
    }
    friend place_condition operator<(const attribute& a, rdc_value v) {
        return a.test(place_test::less, std::move(v));
    }
    friend place_condition operator<=(const attribute& a, rdc_value v) {
        return a.test(place_test::less_equal, std::move(v));
    }
    friend place_condition operator>(const attribute& a, rdc_value v) {
        return a.test(place_test::greater, std::move(v));
    }
    friend place_condition operator>=(const attribute& a, rdc_value v) {
        return a.test(place_test::greater_equal, std::move(v));
    }
};

} // namespace equus
