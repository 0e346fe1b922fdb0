#include "config/literals.hpp"
#include "config/resolver.hpp"

#include <algorithm>
#include <limits>

namespace equus::config {

namespace {

bool same(const expression& a, const expression& b) {
    return a.kind == b.kind && a.number == b.number && a.text == b.text &&
           std::equal(a.operands.begin(), a.operands.end(), b.operands.begin(), b.operands.end(),
                      same);
}

bool same_subscript(const incarnation_item& a, const incarnation_item& b) {
    return std::equal(a.subscript.begin(), a.subscript.end(), b.subscript.begin(),
                      b.subscript.end(), same);
}

// What a statement settles: two plain statements with the same part are one too many.
std::string part_of(const statement& s) {
    struct visitor {
        std::string operator()(const wiring& w) const { return "interface " + w.interface.text; }
        std::string operator()(const assignment& a) const {
            return "parameter " + a.parameter.text;
        }
        std::string operator()(const on_statement&) const { return "on"; }
        std::string operator()(const near_statement&) const { return "near"; }
        std::string operator()(const spread_statement&) const { return "spread"; }
        std::string operator()(const migrate_statement&) const { return "migrate"; }
        std::string operator()(const priority_statement&) const { return "priority"; }
        // Behind "interface", so that limits meet the interface they are about.
        std::string operator()(const limit_statement& l) const {
            return "limit " + (l.interface ? l.interface->text + "." : "") + l.what.text;
        }
    };
    return std::visit(visitor{}, s);
}

span place_of(const statement& s) {
    struct visitor {
        span operator()(const wiring& w) const { return w.interface.where; }
        span operator()(const assignment& a) const { return a.parameter.where; }
        span operator()(const on_statement& o) const { return o.place.where; }
        span operator()(const near_statement& n) const { return n.other.family.where; }
        span operator()(const spread_statement& p) const { return p.place.where; }
        span operator()(const migrate_statement& m) const { return m.mode.where; }
        span operator()(const limit_statement& l) const { return l.what.where; }
        span operator()(const priority_statement& p) const { return p.value.where; }
    };
    return std::visit(visitor{}, s);
}

} // namespace

// Blocks like `worker[workers] { ... }` belong to the declaration of the same name and subscript.
std::vector<incarnation_item> resolver::with_additions() {
    std::vector<incarnation_item> declared;
    std::multimap<std::string, std::size_t> by_family;
    for (const incarnation_item& item : document_->incarnations)
        if (item.as != role::addition) {
            by_family.emplace(item.family.text, declared.size());
            declared.push_back(item);
        }
    for (const incarnation_item& item : document_->incarnations) {
        if (item.as != role::addition || out_->full())
            continue;
        const auto [first, last] = by_family.equal_range(item.family.text);
        const auto found = std::find_if(first, last, [&](const auto& entry) {
            return same_subscript(declared[entry.second], item);
        });
        if (found == last) {
            if (document_->doubtful.count(item.family.text) == 0)
                out_->report(code::undefined_name, item.where,
                             first == last ? "no incarnation '" + item.family.text + "' to add to"
                                           : "no incarnation with this name and subscript",
                             "declare it by: incarnation NAME : MODULE { ... }");
            continue;
        }
        incarnation_item& to = declared[found->second];
        to.statements.insert(to.statements.end(), item.statements.begin(), item.statements.end());
        to.conditional.insert(to.conditional.end(), item.conditional.begin(),
                              item.conditional.end());
        to.damaged = to.damaged || item.damaged;
    }
    return declared;
}

void resolver::add_keys(const incarnation_item& item, const rdc_value& value, span where,
                        std::vector<incarnation_name>& to) {
    if (const auto* list = value.as<rdc_value::list>()) {
        for (const rdc_value& element : *list) {
            if (element.as<std::string>() == nullptr) {
                out_->report(code::bad_family, where, "a key is text, not " + kind_of(element));
                return;
            }
            add_keys(item, element, where, to);
        }
        return;
    }
    const std::string& key = *value.as<std::string>();
    if (key.empty() || key.find('"') != std::string::npos) {
        out_->report(code::bad_family, where, "a key is not empty and has no '\"'");
        return;
    }
    to.push_back({item.family.text, std::nullopt, key});
}

std::vector<incarnation_name> resolver::instances_of(const incarnation_item& item) {
    std::vector<incarnation_name> out;
    if (!item.subscripted)
        return {{item.family.text, std::nullopt, std::nullopt}};
    if (item.subscript.empty()) {
        out_->report(code::bad_family, item.where, "the family has no size",
                     "a number NAME[8], or keys NAME[\"a\", \"b\"]");
        return out;
    }
    for (const expression& e : item.subscript) {
        const auto value = evaluate(e, {});
        if (!value)
            continue;
        if (value->as<std::string>() != nullptr || value->as<rdc_value::list>() != nullptr) {
            add_keys(item, *value, e.where, out);
            continue;
        }
        const auto* count = value->as<std::int64_t>();
        if (count == nullptr || item.subscript.size() > 1) {
            out_->report(code::bad_family, e.where,
                         count == nullptr ? "a family has a number or keys, not " + kind_of(*value)
                                          : "a family has either one number or keys");
            continue;
        }
        if (*count < 0 || *count > static_cast<std::int64_t>(incarnations_max)) {
            out_->report(code::bad_family, e.where,
                         "a family has 0.." + std::to_string(incarnations_max) +
                             " instances, not " + std::to_string(*count));
            continue;
        }
        for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(*count); ++i)
            out.push_back({item.family.text, i, std::nullopt});
    }
    return out;
}

void resolver::incarnations() {
    const std::vector<incarnation_item> items = with_additions();
    struct taker {
        bool shares; ///< only keyed families are declared in several parts
        span where;
    };
    std::map<std::string, taker> taken;
    for (std::size_t number = 0; number < items.size() && !out_->full(); ++number) {
        const incarnation_item& item = items[number];
        if (!acceptable(item.family, "an incarnation"))
            continue;
        origins_->set(number, "", item.family.where);
        origins_->set(number, "module", item.module.where);
        const bool is_blueprint = item.as == role::blueprint;
        const auto instances = is_blueprint ? std::vector<incarnation_name>{} : instances_of(item);
        const bool shares = !instances.empty() && instances.front().key.has_value();
        const auto [other, is_new] =
            taken.emplace(item.family.text, taker{shares, item.family.where});
        if (!is_new && (!shares || !other->second.shares)) {
            duplicate(item.family, "incarnation", other->second.where);
            continue;
        }
        if (is_blueprint) {
            add_blueprint(item, number);
            continue;
        }
        check_when(item, instances);
        for (const incarnation_name& name : instances) {
            if (value_.incarnations.count(name) != 0) {
                out_->report(code::duplicate_name, item.where,
                             "there is another incarnation " + name.text(),
                             "keys of a family are unique");
                continue;
            }
            if (value_.incarnations.size() >= incarnations_max) {
                out_->report(code::too_much, item.where,
                             "more than " + std::to_string(incarnations_max) + " incarnations");
                return;
            }
            origins_->declare(name, number);
            if (item.damaged)
                origins_->damaged.insert(name);
            value_.incarnations.emplace(
                name, declaration(item, {name.index, name.key, false}, name, number));
            if (out_->full())
                return;
        }
    }
}

void resolver::add_blueprint(const incarnation_item& item, std::size_t number) {
    const incarnation_name name{item.family.text, std::nullopt, std::nullopt};
    blueprint_declaration out;
    if (item.subscript.size() > 1)
        out_->report(code::bad_blueprint, item.where,
                     "a blueprint has at most a number, that of the instances allowed");
    else if (!item.subscript.empty()) {
        const expression& e = item.subscript.front();
        if (const auto most = integer(e, {}, "the number of instances")) {
            if (*most < 1 || *most > static_cast<std::int64_t>(incarnations_max))
                out_->report(code::bad_blueprint, e.where,
                             "a blueprint allows 1.." + std::to_string(incarnations_max) +
                                 " instances, not " + std::to_string(*most));
            else
                out.instances_max = static_cast<std::uint32_t>(*most);
        }
    }
    for (const when_block& when : item.conditional)
        out_->report(code::bad_blueprint, when.where,
                     "'when' does not stand in a blueprint: its instances do not exist yet",
                     "make two blueprints");
    incarnation_item plain = item;
    plain.conditional.clear();
    origins_->declare(name, number);
    if (item.damaged)
        origins_->damaged.insert(name);
    out.pattern = declaration(plain, {std::nullopt, std::nullopt, true}, name, number);
    value_.blueprints.emplace(name.family, std::move(out));
}

// The parts of a `when` that do not depend on the instance, once.
void resolver::check_when(const incarnation_item& item,
                          const std::vector<incarnation_name>& instances) {
    for (const when_block& when : item.conditional) {
        const bool keyed = !instances.empty() && instances.front().key.has_value();
        if (!item.subscripted || (!instances.empty() && keyed != when.by_key)) {
            out_->report(code::outside_family, when.where,
                         when.by_key ? "'when key' needs a family with keys"
                                     : "'when index' needs a family with a number",
                         when.by_key ? "declare NAME[\"a\", \"b\"]" : "declare NAME[8]");
            continue;
        }
        if (when.by_key && when.high) {
            out_->report(code::bad_when, when.where, "keys have no ranges",
                         "write: when key in [\"a\", \"b\"] { ... }");
            continue;
        }
        if (when.high) {
            const auto low = integer(when.low, {}, "an index");
            const auto high = integer(*when.high, {}, "an index");
            if (!low || !high)
                continue;
            if (*low > *high || *low < 0) {
                out_->report(code::bad_when, {when.low.where.begin, when.high->where.end},
                             "the range is empty or begins below 0",
                             "the lower end comes first; indices count from 0");
                continue;
            }
        }
        const bool any = std::any_of(instances.begin(), instances.end(), [&](const auto& name) {
            return selects(when, item, {name.index, name.key, false});
        });
        if (!any && !out_->has_errors())
            out_->warn(
                code::bad_when,
                {when.low.where.begin, when.high ? when.high->where.end : when.low.where.end},
                "this selects none of the " + std::to_string(instances.size()) + " instances of '" +
                    item.family.text + "'",
                "indices count from 0");
    }
}

bool resolver::selects(const when_block& when, const incarnation_item& item, const scope& in) {
    if (!item.subscripted || (when.by_key ? !in.key : !in.index))
        return false;
    const auto low = evaluate(when.low, {});
    if (!low)
        return false;
    const rdc_value mine = when.by_key ? rdc_value{*in.key} : rdc_value{*in.index};
    if (when.high) {
        const auto high = evaluate(*when.high, {});
        const auto* from = low->as<std::int64_t>();
        const auto* to = high ? high->as<std::int64_t>() : nullptr;
        return from != nullptr && to != nullptr && !when.by_key && *from <= *in.index &&
               *in.index <= *to;
    }
    const auto* list = low->as<rdc_value::list>();
    const rdc_value& sample = list != nullptr && !list->empty() ? list->front() : *low;
    if (sample.data.index() != mine.data.index() && sample.as<rdc_value::list>() == nullptr) {
        out_->report(code::wrong_type, when.low.where,
                     std::string{when.by_key ? "a key is text" : "an index is an integer"} +
                         ", not " + kind_of(sample));
        return false;
    }
    return list != nullptr ? std::find(list->begin(), list->end(), mine) != list->end()
                           : *low == mine;
}

void resolver::choose(const std::vector<statement>& from, bool conditional, choices& to) {
    for (const statement& s : from) {
        if (!afford(64, place_of(s)))
            return;
        const std::string part = part_of(s);
        chosen& slot = to[part];
        if (slot.from != nullptr && slot.conditional == conditional) {
            const bool wires = std::holds_alternative<wiring>(s);
            out_->report(wires ? code::wired_twice : code::given_twice, place_of(s),
                         wires ? "'" + std::get<wiring>(s).interface.text + "' is wired twice"
                               : "'" + part.substr(part.find(' ') + 1) + "' is given twice",
                         conditional ? "two 'when' blocks select the same instance"
                                     : "one of the two has to go");
            continue;
        }
        slot = {&s, conditional};
    }
}

incarnation_declaration resolver::declaration(const incarnation_item& item, const scope& in,
                                              const incarnation_name& name, std::size_t number) {
    incarnation_declaration out;
    out.module = item.module.text;
    out.primary = item.as == role::primary;
    choices settled;
    choose(item.statements, false, settled);
    for (const when_block& when : item.conditional)
        if (selects(when, item, in))
            choose(when.statements, true, settled);
    for (const auto& [part, choice] : settled) {
        if (!afford(128, place_of(*choice.from)))
            break;
        const target to{&out, &in, &name, number, choice.conditional};
        std::visit([&](const auto& s) { apply(s, to); }, *choice.from);
    }
    return out;
}

} // namespace equus::config
