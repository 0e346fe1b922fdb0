#include "config/tree_builder.hpp"

#include "config/literals.hpp"

#include <limits>
#include <utility>

namespace equus::config {

namespace {

namespace g = grammar;

class builder {
public:
    explicit builder(const char* text, diagnostics& out) : text_{text}, out_{&out} {}

    document file(const tree_node& root);
    expression value(const tree_node& node);
    type type_of(const tree_node& node);

private:
    span where(const tree_node& node) const {
        if (!node.has_content()) // a chain, whose own place PEGTL does not keep
            return {where(*node.children.front()).begin, where(*node.children.back()).end};
        return {static_cast<std::uint32_t>(node.m_begin.data - text_),
                static_cast<std::uint32_t>(node.m_end.data - text_)};
    }
    name name_of(const tree_node& node) const { return {node.string(), where(node)}; }
    name text_in(const tree_node& node);
    /// An identifier, or a text.
    name word_in(const tree_node& node) {
        return node.is_type<g::text_literal>() ? text_in(node) : name_of(node);
    }
    expression number(const tree_node& node);
    expression chain(const tree_node& node, bool is_product);
    std::optional<std::int64_t> bound_of(const tree_node& node, bool& is_duration);
    void condition(const tree_node& node, std::vector<condition_step>& out);
    statement statement_of(const tree_node& node);
    wiring wiring_of(const tree_node& node, interface_kind kind);
    incarnation_reference reference(const tree_node& node);
    std::vector<expression> list(const tree_node& node);
    when_block when_of(const tree_node& node, bool& damaged);
    void body(const tree_node& node, std::size_t from, incarnation_item& item);
    incarnation_item incarnation(const tree_node& node);
    export_item export_of(const tree_node& node);
    void doubt(const tree_node& node);

    const char* text_;
    diagnostics* out_;
    document document_;
};

name builder::text_in(const tree_node& node) {
    std::size_t bad = 0;
    name out{read_text(node.string_view(), bad), where(node)};
    if (bad != std::string_view::npos) {
        const std::uint32_t at = out.where.begin + static_cast<std::uint32_t>(bad);
        out_->report(code::bad_literal, {at, at + 2}, "unknown escape in a text",
                     "known are \\\" \\\\ \\n \\t \\u{HEX}");
    }
    return out;
}

expression builder::number(const tree_node& node) {
    expression out;
    out.where = where(node);
    number_reading read = read_number(node.string_view());
    if (!read.ok) {
        out_->report(read.trouble, out.where, std::move(read.message), std::move(read.hint));
        return out;
    }
    out.kind = read.is_duration ? expression_kind::duration : expression_kind::integer;
    out.number = read.value;
    return out;
}

std::vector<expression> builder::list(const tree_node& node) {
    std::vector<expression> out;
    out.reserve(node.children.size());
    for (const auto& child : node.children)
        out.push_back(value(*child));
    return out;
}

// product: operands only, all multiplied. sum: operands with signs between them.
expression builder::chain(const tree_node& node, bool is_product) {
    expression left = value(*node.children.front());
    std::size_t operators = 0;
    for (std::size_t i = 1; i < node.children.size(); ++i) {
        expression_kind kind = expression_kind::multiply;
        if (!is_product) {
            kind = node.children[i]->is_type<g::plus>() ? expression_kind::add
                                                        : expression_kind::subtract;
            ++i;
        }
        if (++operators > operators_max) {
            out_->report(code::too_much, where(*node.children[i]),
                         "an expression has at most " + std::to_string(operators_max) +
                             " operators");
            return {};
        }
        expression joined;
        joined.kind = kind;
        joined.operands.push_back(std::move(left));
        joined.operands.push_back(value(*node.children[i]));
        joined.where = {joined.operands[0].where.begin, joined.operands[1].where.end};
        left = std::move(joined);
    }
    return left;
}

expression builder::value(const tree_node& node) {
    if (node.is_type<g::number_literal>())
        return number(node);
    if (node.is_type<g::sum>())
        return chain(node, false);
    if (node.is_type<g::product>())
        return chain(node, true);
    expression out;
    out.where = where(node);
    if (node.is_type<g::text_literal>()) {
        out.kind = expression_kind::text;
        out.text = text_in(node).text;
    } else if (node.is_type<g::list_literal>()) {
        out.kind = expression_kind::list;
        out.operands = list(node);
    } else if (node.is_type<g::negation>()) {
        out.kind = expression_kind::negate;
        out.operands.push_back(value(*node.children.front()));
    } else if (node.is_type<g::dotted>()) {
        out.text = node.string();
        out.kind = expression_kind::name;
        if (out.text == "true" || out.text == "false") {
            out.kind = expression_kind::boolean;
            out.number = out.text == "true" ? 1 : 0;
        }
    }
    return out;
}

std::optional<std::int64_t> builder::bound_of(const tree_node& node, bool& is_duration) {
    const expression e = number(*node.children.front());
    if (e.kind == expression_kind::broken)
        return std::nullopt;
    is_duration = e.kind == expression_kind::duration;
    return node.string_view().front() == '-' ? -e.number : e.number;
}

type builder::type_of(const tree_node& node) {
    type out;
    out.where = where(node);
    if (node.is_type<g::list_type>()) {
        out.kind = type_kind::list;
        out.element.push_back(type_of(*node.children.front()));
        return out;
    }
    if (node.is_type<g::range_type>()) {
        bool low_is_time = false;
        bool high_is_time = false;
        const auto low = bound_of(*node.children[0], low_is_time);
        const auto high = bound_of(*node.children[1], high_is_time);
        if (!low || !high)
            return out;
        if (low_is_time != high_is_time) {
            out_->report(code::wrong_type, out.where, "a range of a number and a duration");
            return out;
        }
        if (*low > *high) {
            out_->report(code::out_of_range, out.where, "the range is empty",
                         "the lower end comes first");
            return out;
        }
        out.kind = low_is_time ? type_kind::duration : type_kind::integer;
        out.low = low;
        out.high = high;
        return out;
    }
    static const std::vector<std::pair<std::string, type_kind>> known{
        {"int", type_kind::integer},
        {"text", type_kind::text},
        {"path", type_kind::path},
        {"bool", type_kind::boolean},
        {"duration", type_kind::duration}};
    const std::string word = node.string();
    std::vector<std::string> words;
    for (const auto& [text, kind] : known) {
        if (text == word)
            out.kind = kind;
        words.push_back(text);
    }
    if (out.kind == type_kind::broken)
        out_->report(code::unknown_word, out.where, "unknown type '" + word + "'",
                     did_you_mean(word, words,
                                  "types are " + enumerate(words, "and") +
                                      ", ranges LOW..HIGH and 'list of ...'"));
    return out;
}

void builder::condition(const tree_node& node, std::vector<condition_step>& out) {
    if (node.is_type<g::conjunction>() || node.is_type<g::disjunction>()) {
        const place_test how =
            node.is_type<g::conjunction>() ? place_test::conjunction : place_test::disjunction;
        condition(*node.children.front(), out);
        for (std::size_t i = 1; i < node.children.size(); ++i) {
            condition(*node.children[i], out);
            out.push_back({how, {}, {}, where(*node.children[i])});
        }
    } else if (node.is_type<g::negated>()) {
        condition(*node.children.front(), out);
        out.push_back({place_test::negation, {}, {}, where(node)});
    } else if (node.is_type<g::has_test>()) {
        out.push_back({place_test::has, word_in(*node.children.front()), {}, where(node)});
    } else {
        const std::string sign = node.children[1]->string();
        const place_test test = sign == "=="   ? place_test::equal
                                : sign == "!=" ? place_test::not_equal
                                : sign == "<"  ? place_test::less
                                : sign == "<=" ? place_test::less_equal
                                : sign == ">"  ? place_test::greater
                                               : place_test::greater_equal;
        out.push_back({test, name_of(*node.children[0]), value(*node.children[2]), where(node)});
    }
}

wiring builder::wiring_of(const tree_node& node, interface_kind kind) {
    wiring out;
    out.kind = kind;
    out.where = where(node);
    out.interface = name_of(*node.children.front());
    for (std::size_t i = 1; i < node.children.size(); ++i) {
        if (node.children[i]->is_type<g::handle_flag>())
            out.handle = true;
        else
            out.channels.push_back(name_of(*node.children[i]));
    }
    return out;
}

incarnation_reference builder::reference(const tree_node& node) {
    incarnation_reference out{name_of(*node.children[0]), std::nullopt};
    if (node.children.size() < 2)
        return out;
    std::vector<expression> items = list(*node.children[1]);
    if (items.size() == 1)
        out.subscript = std::move(items.front());
    else
        out_->report(code::bad_family, where(*node.children[1]), "one index or key is wanted here");
    return out;
}

statement builder::statement_of(const tree_node& node) {
    if (node.is_type<g::port_statement>())
        return wiring_of(node, interface_kind::port);
    if (node.is_type<g::stream_statement>())
        return wiring_of(node, interface_kind::stream);
    if (node.is_type<g::on_statement>())
        return on_statement{name_of(*node.children.front())};
    if (node.is_type<g::near_statement>())
        return near_statement{reference(node)};
    if (node.is_type<g::spread_statement>())
        return spread_statement{name_of(*node.children.front())};
    if (node.is_type<g::migrate_statement>()) {
        migrate_statement out{name_of(*node.children.front()), std::nullopt};
        if (node.children.size() > 1)
            out.within = value(*node.children[1]->children.front());
        return out;
    }
    if (node.is_type<g::priority_statement>())
        return priority_statement{value(*node.children.front())};
    if (node.is_type<g::limit_statement>()) {
        limit_statement out;
        if (node.children.size() == 3)
            out.interface = name_of(*node.children[0]);
        out.what = name_of(*node.children[node.children.size() - 2]);
        out.value = value(*node.children.back());
        return out;
    }
    return assignment{name_of(*node.children[0]), value(*node.children[1])};
}

when_block builder::when_of(const tree_node& node, bool& damaged) {
    when_block out;
    out.where = where(node);
    std::size_t i = 0;
    if (node.children[i]->is_type<g::word_key>()) {
        out.by_key = true;
        ++i;
    }
    // One or two values of the test, then the statements.
    const auto& test = *node.children[i++];
    out.low = value(*test.children.front());
    if (test.children.size() > 1)
        out.high = value(*test.children[1]);
    for (; i < node.children.size(); ++i) {
        const tree_node& child = *node.children[i];
        if (child.is_type<g::bad_statement>() || child.is_type<g::missing_close>()) {
            damaged = true;
            doubt(child);
        } else {
            out.statements.push_back(statement_of(child));
        }
    }
    return out;
}

void builder::body(const tree_node& node, std::size_t from, incarnation_item& item) {
    for (std::size_t i = from; i < node.children.size(); ++i) {
        const tree_node& child = *node.children[i];
        if (child.is_type<g::bad_statement>() || child.is_type<g::missing_close>()) {
            item.damaged = true;
            doubt(child);
        } else if (child.is_type<g::when_block>()) {
            item.conditional.push_back(when_of(child, item.damaged));
        } else {
            item.statements.push_back(statement_of(child));
        }
    }
}

incarnation_item builder::incarnation(const tree_node& node) {
    incarnation_item out;
    std::size_t i = 0;
    if (node.is_type<g::addition_item>()) {
        out.as = role::addition;
    } else if (node.children[i]->is_type<g::word_primary>()) {
        out.as = role::primary;
        ++i;
    } else if (node.children[i]->is_type<g::word_blueprint>()) {
        out.as = role::blueprint;
        ++i;
    }
    out.family = name_of(*node.children[i++]);
    out.where = out.family.where;
    if (i < node.children.size() && node.children[i]->is_type<g::subscript>()) {
        out.subscripted = true;
        out.where.end = where(*node.children[i]).end;
        out.subscript = list(*node.children[i++]);
    }
    if (out.as != role::addition)
        out.module = name_of(*node.children[i++]);
    body(node, i, out);
    return out;
}

export_item builder::export_of(const tree_node& node) {
    export_item out{name_of(*node.children[0]), text_in(*node.children[1]), {}, {}};
    for (std::size_t i = 2; i < node.children.size(); ++i) {
        const tree_node& child = *node.children[i];
        if (child.is_type<g::only_statement>()) {
            for (const auto& message : child.children)
                out.only.push_back(name_of(*message));
        } else if (child.is_type<g::grantee>()) {
            grantee to;
            to.kind = name_of(*child.children[0]);
            if (child.children.size() > 1)
                to.who = word_in(*child.children[1]);
            out.to.push_back(std::move(to));
        } else {
            doubt(child);
        }
    }
    return out;
}

void builder::doubt(const tree_node& node) {
    if (!node.has_content())
        return;
    const std::string_view text = node.string_view();
    const auto is_word = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    };
    for (std::size_t i = 0; i < text.size();) {
        std::size_t end = i;
        while (end < text.size() && is_word(text[end]))
            ++end;
        if (end > i)
            document_.doubtful.emplace(text.substr(i, end - i));
        i = end + 1;
    }
}

document builder::file(const tree_node& root) {
    for (const auto& child : root.children) {
        const tree_node& node = *child;
        if (node.is_type<g::header_item>()) {
            header_item header{name_of(*node.children[0]), 0};
            const expression version = number(*node.children[1]);
            if (version.kind == expression_kind::integer && version.number >= 1 &&
                version.number <= std::numeric_limits<std::uint32_t>::max())
                header.version = static_cast<std::uint32_t>(version.number);
            else
                out_->report(code::header, version.where, "a version is a number from 1");
            document_.headers.push_back(std::move(header));
        } else if (node.is_type<g::use_item>()) {
            document_.uses.push_back(
                {text_in(*node.children[0]), text_in(*node.children[1]), where(node)});
        } else if (node.is_type<g::parameter_item>()) {
            parameter_item item{name_of(*node.children[0]), type_of(*node.children[1]),
                                std::nullopt};
            if (node.children.size() > 2)
                item.value = value(*node.children[2]);
            document_.parameters.push_back(std::move(item));
        } else if (node.is_type<g::place_item>()) {
            place_item item{name_of(*node.children[0]), {}};
            if (node.children.size() > 1)
                condition(*node.children[1], item.where);
            document_.places.push_back(std::move(item));
        } else if (node.is_type<g::channel_item>()) {
            channel_item item{name_of(*node.children[0]), name_of(*node.children[1]), {}};
            if (node.children.size() > 2)
                item.kind = name_of(*node.children[2]);
            document_.channels.push_back(std::move(item));
        } else if (node.is_type<g::incarnation_item>() || node.is_type<g::addition_item>()) {
            document_.incarnations.push_back(incarnation(node));
        } else if (node.is_type<g::export_item>()) {
            document_.exports.push_back(export_of(node));
        } else if (node.is_type<g::moved_item>()) {
            document_.moved.push_back(
                {reference(*node.children[0]), reference(*node.children[1]), where(node)});
        } else {
            doubt(node);
        }
    }
    return std::move(document_);
}

} // namespace

document build_document(const tree_node& root, const source& from, diagnostics& out) {
    return builder{from.text().data(), out}.file(root);
}

expression build_expression(const tree_node& node, const source& from, diagnostics& out) {
    return builder{from.text().data(), out}.value(node);
}

type build_type(const tree_node& node, const source& from, diagnostics& out) {
    return builder{from.text().data(), out}.type_of(node);
}

} // namespace equus::config
