#include "config/resolver.hpp"

#include <algorithm>
#include <array>

namespace equus::config {

namespace {

constexpr std::array<std::string_view, 8> reserved_names{"index", "key",   "true",   "false",
                                                         "none",  "nodes", "system", "equus"};

} // namespace

rdc resolver::run() {
    header();
    uses();
    declare_parameters();
    evaluate_parameters();
    places();
    channels();
    incarnations();
    exports();
    moves();
    warn_of_unused();
    origins_->doubtful = document_->doubtful;
    return std::move(value_);
}

bool resolver::acceptable(const name& id, const char* what) {
    if (std::find(reserved_names.begin(), reserved_names.end(), id.text) == reserved_names.end())
        return true;
    out_->report(code::reserved, id.where,
                 "'" + id.text + "' cannot be the name of " + std::string{what},
                 "the language uses the word itself");
    return false;
}

bool resolver::afford(std::size_t bytes, span where) {
    if (out_->full())
        return false;
    spent_bytes_ += bytes;
    if (spent_bytes_ <= value_bytes_max)
        return true;
    out_->report(code::too_much, where, "the configuration's values take more than 64 MiB");
    return false;
}

void resolver::duplicate(const name& id, const char* what, std::optional<span> first) {
    out_->report(code::duplicate_name, id.where,
                 "there is another " + std::string{what} + " '" + id.text + "'",
                 first ? "the first is in line " + std::to_string(out_->line_of(*first))
                       : "names of one kind are unique");
}

void resolver::header() {
    if (document_->headers.empty()) {
        if (document_->doubtful.count("rdc") == 0)
            out_->report(code::header, span{0, 0}, "the configuration has no name",
                         "begin with: rdc NAME version 1");
        return;
    }
    const header_item& first = document_->headers.front();
    value_.name = first.id.text;
    value_.version = first.version;
    for (std::size_t i = 1; i < document_->headers.size(); ++i)
        out_->report(code::header, document_->headers[i].id.where,
                     "the configuration has a name already", "a file holds one configuration");
}

void resolver::uses() {
    for (const use_item& item : document_->uses) {
        const std::string part = "use " + item.name_space.text;
        if (value_.programs.size() >= programs_max) {
            out_->report(code::too_much, item.where,
                         "more than " + std::to_string(programs_max) + " uses");
            break;
        }
        if (item.name_space.text.empty() || item.program.text.empty()) {
            out_->report(code::bad_literal, item.where, "a namespace and a program have names",
                         "write: use \"NAMESPACE\" from \"PROGRAM\"");
            continue;
        }
        if (origins_->of(part)) {
            duplicate(item.name_space, "namespace", origins_->of(part));
            continue;
        }
        origins_->set(part, item.name_space.where);
        programs_->use(item.name_space.text, item.program.text);
        value_.programs.push_back({item.name_space.text, item.program.text});
        if (const error* trouble = programs_->require(item.program.text))
            out_->report(code::no_program, item.program.where,
                         "program '" + item.program.text + "': " + trouble->describe(),
                         "--program " + item.program.text + "=FILE names the file");
    }
    std::sort(value_.programs.begin(), value_.programs.end());
}

void resolver::declare_parameters() {
    for (const parameter_item& item : document_->parameters) {
        if (!acceptable(item.id, "a param"))
            continue;
        parameter& p = parameters_[item.id.text];
        if (p.item != nullptr)
            duplicate(item.id, "param", p.item->id.where);
        else
            p.item = &item;
        if (parameters_.size() >= parameters_max) {
            out_->report(code::too_much, item.id.where,
                         "more than " + std::to_string(parameters_max) + " params");
            break;
        }
    }
}

void resolver::places() {
    for (const place_item& item : document_->places) {
        if (!acceptable(item.id, "a place"))
            continue;
        if (value_.places.count(item.id.text) != 0) {
            duplicate(item.id, "place", origins_->of("place " + item.id.text));
            continue;
        }
        origins_->set("place " + item.id.text, item.id.where);
        place_declaration place;
        for (const condition_step& step : item.where) {
            place_term term{step.test, step.attribute.text, {}};
            if (step.test >= place_test::equal && step.test <= place_test::greater_equal) {
                auto value = evaluate(step.operand, {});
                if (!value)
                    continue;
                if (step.test >= place_test::less && value->as<std::int64_t>() == nullptr)
                    out_->report(code::bad_place, step.operand.where,
                                 "only integers are compared by size, not " + kind_of(*value),
                                 "== and != compare anything");
                term.operand = std::move(*value);
            }
            place.where.push_back(std::move(term));
        }
        constexpr std::size_t terms_max =
            64; // place_terms_max of rdc_place.hpp, where it is evaluated
        if (place.where.size() > terms_max)
            out_->report(code::too_much, item.id.where,
                         "the condition has more than " + std::to_string(terms_max) + " terms");
        value_.places.emplace(item.id.text, std::move(place));
    }
}

void resolver::channels() {
    static const std::vector<std::string> kinds{"unicast", "multicast", "anycast"};
    for (const channel_item& item : document_->channels) {
        if (!acceptable(item.id, "a channel"))
            continue;
        if (value_.channels.count(item.id.text) != 0) {
            duplicate(item.id, "channel", origins_->of("channel " + item.id.text));
            continue;
        }
        channel_declaration channel{item.protocol.text, channel_kind::unicast};
        if (item.kind.text == "multicast")
            channel.kind = channel_kind::multicast;
        else if (item.kind.text == "anycast")
            channel.kind = channel_kind::anycast;
        else if (item.kind.text == "group")
            out_->report(code::reserved, item.kind.where,
                         "group channels are reserved for a later version of the language",
                         "multicast reaches every port of the channel");
        else if (!item.kind.text.empty() && item.kind.text != "unicast")
            out_->report(
                code::unknown_word, item.kind.where,
                "unknown kind of channel '" + item.kind.text + "'",
                did_you_mean(item.kind.text, kinds, "kinds are " + enumerate(kinds, "and")));
        origins_->set("channel " + item.id.text, item.id.where);
        origins_->set("protocol " + item.id.text, item.protocol.where);
        value_.channels.emplace(item.id.text, std::move(channel));
    }
}

void resolver::exports() {
    for (const export_item& item : document_->exports) {
        const std::string& id = item.public_name.text;
        if (id.empty()) {
            out_->report(code::bad_literal, item.public_name.where, "an export has a name");
            continue;
        }
        if (value_.exports.count(id) != 0) {
            duplicate(item.public_name, "export", origins_->of("export " + id));
            continue;
        }
        export_declaration out;
        out.channel = item.channel.text;
        origins_->set("export " + id, item.channel.where);
        std::set<std::string> only;
        for (const name& message : item.only) {
            if (!only.insert(message.text).second)
                out_->report(code::given_twice, message.where,
                             "message '" + message.text + "' is given twice");
            origins_->set("export " + id + " only " + message.text, message.where);
        }
        std::set<grant> grants;
        for (const grantee& to : item.to) {
            const grantee_kind kind = to.kind.text == "user"    ? grantee_kind::user
                                      : to.kind.text == "group" ? grantee_kind::group
                                                                : grantee_kind::everyone;
            if (!grants.insert({kind, to.who.text}).second)
                out_->report(code::given_twice, to.kind.where, "the same grant is given twice");
        }
        out.only.assign(only.begin(), only.end());
        out.grants.assign(grants.begin(), grants.end());
        value_.exports.emplace(id, std::move(out));
    }
}

bool resolver::is_declared(const incarnation_name& name) const {
    if (name.index || name.key)
        return value_.incarnations.count(name) != 0;
    const auto first = value_.incarnations.lower_bound(name);
    return first != value_.incarnations.end() && first->first.family == name.family;
}

/// What was renamed earlier still stands there: a -> b, and later b -> c.
void resolver::moves() {
    std::map<incarnation_name, incarnation_name> known;
    std::vector<std::pair<incarnation_name, const moved_item*>> ends;
    for (const moved_item& item : document_->moved) {
        auto from = name_of(item.from, {});
        auto to = name_of(item.to, {});
        if (!from || !to)
            continue;
        if (is_declared(*from))
            out_->report(code::bad_move, item.from.family.where,
                         "'" + from->text() + "' is still declared",
                         "moved OLD to NEW: only NEW is declared");
        else if (!known.emplace(*from, *to).second)
            out_->report(code::given_twice, item.from.family.where,
                         "'" + from->text() + "' has moved twice");
        ends.emplace_back(*to, &item);
        value_.moved.push_back({std::move(*from), std::move(*to)});
    }
    for (auto& [end, item] : ends) {
        std::size_t left = known.size();
        for (auto next = known.find(end); next != known.end() && left > 0; --left) {
            end = next->second;
            next = known.find(end);
        }
        if (left == 0 && known.count(end) != 0)
            out_->report(code::cycle, item->where, "these moves go in a circle");
        else if (value_.blueprints.count(end.family) != 0)
            out_->report(code::bad_blueprint, item->to.family.where,
                         "instances of a blueprint are not renamed");
        else if (!is_declared(end) && document_->doubtful.count(end.family) == 0)
            out_->report(code::bad_move, item->to.family.where,
                         "no incarnation '" + end.text() + "'",
                         "moved OLD to NEW: NEW is declared");
    }
    std::sort(value_.moved.begin(), value_.moved.end());
}

void resolver::warn_of_unused() {
    if (out_->has_errors()) // what an error swallowed may be the use
        return;
    for (const auto& [id, p] : parameters_)
        if (!p.used && p.item != nullptr && document_->doubtful.count(id) == 0)
            out_->report(code::unused, p.item->id.where, "param '" + id + "' is never used");
}

} // namespace equus::config
