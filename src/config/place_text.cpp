#include "config/place_text.hpp"

#include "config/literals.hpp"
#include "config/values.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace equus::config {

namespace {

// Binding strength of a finished part: the weaker ones get parentheses inside stronger ones.
enum class strength { disjunction, conjunction, negation, test };

struct part {
    std::string text;
    strength binds = strength::test;
};

std::string inside(const part& p, strength outer) {
    return p.binds < outer ? "(" + p.text + ")" : p.text;
}

std::string tag_text(const std::string& tag) {
    const bool plain = !tag.empty() && (tag[0] < '0' || tag[0] > '9') &&
                       std::all_of(tag.begin(), tag.end(), [](char c) {
                           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                  (c >= '0' && c <= '9') || c == '_';
                       });
    return plain ? tag : quoted_text(tag);
}

std::string test_text(const place_term& term) {
    switch (term.test) {
    case place_test::has:
        return "has(" + tag_text(term.attribute) + ")";
    case place_test::equal:
        return term.attribute + " == " + text_of(term.operand);
    case place_test::not_equal:
        return term.attribute + " != " + text_of(term.operand);
    case place_test::less:
        return term.attribute + " < " + text_of(term.operand);
    case place_test::less_equal:
        return term.attribute + " <= " + text_of(term.operand);
    case place_test::greater:
        return term.attribute + " > " + text_of(term.operand);
    default:
        return term.attribute + " >= " + text_of(term.operand);
    }
}

} // namespace

std::string text_of(const place_declaration& place) {
    if (place.where.empty())
        return "nodes";
    std::vector<part> stack;
    for (const place_term& term : place.where) {
        if (term.test < place_test::conjunction) {
            stack.push_back({test_text(term), strength::test});
            continue;
        }
        const bool negates = term.test == place_test::negation;
        if (stack.size() < (negates ? 1u : 2u))
            return "?";
        if (negates) {
            stack.back() = {"not " + inside(stack.back(), strength::negation), strength::negation};
            continue;
        }
        const bool both = term.test == place_test::conjunction;
        const strength binds = both ? strength::conjunction : strength::disjunction;
        const part right = std::move(stack.back());
        stack.pop_back();
        stack.back() = {
            inside(stack.back(), binds) + (both ? " and " : " or ") + inside(right, binds), binds};
    }
    return stack.size() == 1 ? stack.front().text : "?";
}

} // namespace equus::config
