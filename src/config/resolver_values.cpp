#include "config/literals.hpp"
#include "config/resolver.hpp"

namespace equus::config {

namespace {

std::size_t bytes_of(const rdc_value& value) {
    if (const auto* text = value.as<std::string>())
        return sizeof value + text->size();
    std::size_t bytes = sizeof value;
    if (const auto* list = value.as<rdc_value::list>())
        for (const rdc_value& item : *list)
            bytes += bytes_of(item);
    return bytes;
}

std::vector<std::string> names_of(const auto& map) {
    std::vector<std::string> out;
    for (const auto& entry : map)
        out.push_back(entry.first);
    return out;
}

constexpr std::size_t text_bytes_max = 64 * 1024; // what '+' may make of texts

} // namespace

void resolver::evaluate_parameters() {
    for (auto& [id, p] : parameters_)
        if (p.item != nullptr)
            evaluate(p);
    std::map<std::string, int> given;
    for (const setting& s : options_->settings) {
        const auto found = parameters_.find(s.name);
        const std::string option = "--set " + s.name + "=" + s.value;
        if (++given[s.name] == 2)
            out_->report_option(code::given_twice, option, "'" + s.name + "' is set twice");
        if (found == parameters_.end() && document_->doubtful.count(s.name) == 0) {
            const auto known = names_of(parameters_);
            out_->report_option(
                code::bad_setting, option, "the configuration has no param '" + s.name + "'",
                did_you_mean(s.name, known,
                             known.empty() ? "it has none" : "it has " + enumerate(known, "and")));
        }
    }
    for (auto& [id, p] : parameters_)
        if (p.item != nullptr && p.value)
            value_.parameters.emplace(id, *p.value);
}

void resolver::evaluate(parameter& which) {
    which.state = parameter::progress::evaluating;
    const parameter_item& item = *which.item;
    const setting* given = nullptr;
    for (const setting& s : options_->settings)
        if (s.name == item.id.text)
            given = &s;
    if (item.value) {
        if (auto value = evaluate(*item.value, {})) {
            value = coerced(std::move(*value), item.of, options_->base_folder);
            if (const auto problem = mismatch(*value, item.of, "param '" + item.id.text + "'"))
                out_->report(problem->number, item.value->where, problem->message, problem->hint);
            else
                which.value = std::move(value);
        }
    } else if (given == nullptr) {
        out_->report(code::no_value, item.id.where, "param '" + item.id.text + "' has no value",
                     "give it by --set " + item.id.text + "=VALUE");
    }
    if (given != nullptr)
        apply_setting(which, *given);
    which.state = parameter::progress::done;
}

void resolver::apply_setting(parameter& which, const setting& given) {
    const std::string option = "--set " + given.name + "=" + given.value;
    const type& of = which.item->of;
    if (of.kind == type_kind::broken)
        return;
    value_problem problem;
    auto value = read_setting(given.value, of, problem);
    if (!value) {
        out_->report_option(code::bad_setting, option, problem.message,
                            problem.hint.empty() ? "'" + given.name + "' is of type " + text_of(of)
                                                 : problem.hint);
        return;
    }
    value = coerced(std::move(*value), of, options_->working_folder);
    if (const auto wrong = mismatch(*value, of, "'" + given.name + "'"))
        out_->report_option(code::bad_setting, option, wrong->message, wrong->hint);
    else
        which.value = std::move(value);
}

std::optional<rdc_value> resolver::evaluate(const expression& e, const scope& in) {
    if (!afford(sizeof(rdc_value) + e.text.size(), e.where))
        return std::nullopt;
    switch (e.kind) {
    case expression_kind::boolean:
        return rdc_value{e.number != 0};
    case expression_kind::integer:
        return rdc_value{e.number};
    case expression_kind::duration:
        return rdc_value{duration{e.number}};
    case expression_kind::text:
        return rdc_value{e.text};
    case expression_kind::list: {
        rdc_value::list items;
        for (const expression& operand : e.operands) {
            auto item = evaluate(operand, in);
            if (!item)
                return std::nullopt;
            items.push_back(std::move(*item));
        }
        return rdc_value{std::move(items)};
    }
    case expression_kind::name:
        return evaluate_name(e, in);
    case expression_kind::negate:
    case expression_kind::add:
    case expression_kind::subtract:
    case expression_kind::multiply:
        return evaluate_operator(e, in);
    case expression_kind::broken:
        break;
    }
    return std::nullopt;
}

std::optional<rdc_value> resolver::evaluate_name(const expression& e, const scope& in) {
    if (e.text == "index" || e.text == "key") {
        if (e.text == "index" && in.index)
            return rdc_value{*in.index};
        if (e.text == "key" && in.key)
            return rdc_value{*in.key};
        if (in.in_blueprint)
            out_->report(code::bad_blueprint, e.where,
                         "'" + e.text + "' has no value in a blueprint",
                         "the primary gives such parameters when it creates an instance");
        else
            out_->report(code::outside_family, e.where,
                         e.text == "index" ? "'index' stands only in a family with a number"
                                           : "'key' stands only in a family with keys",
                         e.text == "index" ? "declare NAME[8]" : "declare NAME[\"a\", \"b\"]");
        return std::nullopt;
    }
    const auto found = parameters_.find(e.text);
    if (found == parameters_.end() || found->second.item == nullptr) {
        if (document_->doubtful.count(e.text) == 0)
            out_->report(code::undefined_name, e.where, "no param '" + e.text + "'",
                         did_you_mean(e.text, names_of(parameters_), "text stands in quotes"));
        return std::nullopt;
    }
    parameter& p = found->second;
    p.used = true;
    if (p.state == parameter::progress::evaluating) {
        out_->report(code::cycle, e.where, "the value of '" + e.text + "' depends on itself");
        return std::nullopt;
    }
    if (p.state == parameter::progress::untouched)
        evaluate(p);
    if (p.value && !afford(bytes_of(*p.value), e.where))
        return std::nullopt;
    return p.value;
}

std::optional<rdc_value> resolver::evaluate_operator(const expression& e, const scope& in) {
    const auto left = evaluate(e.operands[0], in);
    const auto right = e.operands.size() > 1 ? evaluate(e.operands[1], in) : rdc_value{0};
    if (!left || !right)
        return std::nullopt;
    const auto overflow = [&]() -> std::optional<rdc_value> {
        out_->report(code::out_of_range, e.where, "the result does not fit into 63 bits");
        return std::nullopt;
    };
    const auto* a = left->as<std::int64_t>();
    const auto* b = right->as<std::int64_t>();
    if (a != nullptr && b != nullptr) {
        std::int64_t out = 0;
        const bool wrong = e.kind == expression_kind::negate ? __builtin_sub_overflow(*b, *a, &out)
                           : e.kind == expression_kind::add  ? __builtin_add_overflow(*a, *b, &out)
                           : e.kind == expression_kind::subtract
                               ? __builtin_sub_overflow(*a, *b, &out)
                               : __builtin_mul_overflow(*a, *b, &out);
        if (wrong)
            return overflow();
        return rdc_value{out};
    }
    const auto* text = left->as<std::string>();
    const auto* more = right->as<std::string>();
    if (e.kind == expression_kind::add && (text != nullptr || more != nullptr) &&
        (text != nullptr || a != nullptr) && (more != nullptr || b != nullptr)) {
        std::string out = (text != nullptr ? *text : std::to_string(*a)) +
                          (more != nullptr ? *more : std::to_string(*b));
        if (out.size() > text_bytes_max) {
            out_->report(code::too_much, e.where, "the text is longer than 64 KiB");
            return std::nullopt;
        }
        if (!afford(out.size(), e.where))
            return std::nullopt;
        return rdc_value{std::move(out)};
    }
    out_->report(code::wrong_type, e.where,
                 e.kind == expression_kind::negate
                     ? "'-' does not apply to " + kind_of(*left)
                     : "this operator does not join " + kind_of(*left) + " and " + kind_of(*right),
                 "integers have + - *, texts have +");
    return std::nullopt;
}

std::optional<std::int64_t> resolver::integer(const expression& e, const scope& in,
                                              const char* what) {
    const auto value = evaluate(e, in);
    if (!value)
        return std::nullopt;
    const auto* number = value->as<std::int64_t>();
    if (number == nullptr) {
        out_->report(code::wrong_type, e.where,
                     std::string{what} + " is an integer, not " + kind_of(*value));
        return std::nullopt;
    }
    return *number;
}

} // namespace equus::config
