#include "config/values.hpp"

#include "config/literals.hpp"
#include "config/parse.hpp"

#include <filesystem>

namespace equus::config {

namespace {

std::string bound_text(const type& t, std::int64_t bound) {
    return t.kind == type_kind::duration ? duration_text(bound) : std::to_string(bound);
}

bool is_of(const rdc_value& value, type_kind kind) {
    switch (kind) {
    case type_kind::integer:
        return value.as<std::int64_t>() != nullptr;
    case type_kind::text:
        return value.as<std::string>() != nullptr;
    case type_kind::path:
        return value.as<file_path>() != nullptr;
    case type_kind::boolean:
        return value.as<bool>() != nullptr;
    case type_kind::duration:
        return value.as<duration>() != nullptr;
    case type_kind::list:
        return value.as<rdc_value::list>() != nullptr;
    case type_kind::broken:
        return true;
    }
    return true;
}

std::string trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos)
        return {};
    return std::string{text.substr(begin, text.find_last_not_of(" \t") - begin + 1)};
}

std::optional<rdc_value> read_number_setting(std::string_view text, const type& as,
                                             value_problem& problem) {
    const bool minus = !text.empty() && text.front() == '-';
    const number_reading read = read_number(text.substr(minus ? 1 : 0));
    if (!read.ok) {
        problem = {code::bad_setting, read.message, read.hint};
        return std::nullopt;
    }
    const std::int64_t value = minus ? -read.value : read.value;
    if (read.is_duration != (as.kind == type_kind::duration)) {
        problem = {code::bad_setting, "'" + std::string{text} + "' is not of type " + text_of(as),
                   as.kind == type_kind::duration ? "a duration has a unit: 200ms" : ""};
        return std::nullopt;
    }
    if (read.is_duration)
        return rdc_value{duration{value}};
    return rdc_value{value};
}

} // namespace

rdc_value coerced(rdc_value value, const type& to, const std::string& folder) {
    if (to.kind == type_kind::list && !to.element.empty()) {
        if (auto* list = std::get_if<rdc_value::list>(&value.data))
            for (rdc_value& item : *list)
                item = coerced(std::move(item), to.element.front(), folder);
        return value;
    }
    if (to.kind == type_kind::text && value.as<file_path>() != nullptr)
        return rdc_value{value.as<file_path>()->text};
    if (to.kind != type_kind::path)
        return value;
    const auto* text = value.as<std::string>();
    if (text == nullptr)
        return value;
    if (folder.empty())
        return rdc_value{file_path{*text}};
    // An absolute path stays as it is; "docs/." and "docs/" are the folder "docs".
    std::filesystem::path path = (std::filesystem::path{folder} / *text).lexically_normal();
    if (!path.has_filename() && path != path.root_path())
        path = path.parent_path();
    return rdc_value{file_path{path.string()}};
}

std::optional<value_problem> mismatch(const rdc_value& value, const type& with,
                                      const std::string& what) {
    if (!is_of(value, with.kind))
        return value_problem{code::wrong_type,
                             what + " is of type " + text_of(with) + ", not " + kind_of(value),
                             with.kind == type_kind::duration && value.as<std::int64_t>()
                                 ? "a duration has a unit: 200ms"
                                 : ""};
    if (with.low) {
        const auto* number = value.as<std::int64_t>();
        const auto* time = value.as<duration>();
        const std::int64_t n = number != nullptr ? *number : time != nullptr ? time->count() : 0;
        if (n < *with.low || n > *with.high)
            return value_problem{code::out_of_range,
                                 what + " is " + text_of(value) + ", outside " +
                                     bound_text(with, *with.low) + ".." +
                                     bound_text(with, *with.high),
                                 {}};
    }
    if (const auto* list = value.as<rdc_value::list>(); list != nullptr && !with.element.empty())
        for (const rdc_value& item : *list)
            if (auto problem = mismatch(item, with.element.front(), "an element of " + what))
                return problem;
    return std::nullopt;
}

std::optional<rdc_value> read_setting(std::string_view text, const type& as,
                                      value_problem& problem) {
    switch (as.kind) {
    case type_kind::integer:
    case type_kind::duration:
        return read_number_setting(text, as, problem);
    case type_kind::text:
        return rdc_value{std::string{text}};
    case type_kind::path:
        if (text.empty()) {
            problem = {code::bad_setting, "a path is not empty", {}};
            return std::nullopt;
        }
        return rdc_value{std::string{text}};
    case type_kind::boolean:
        if (text == "true" || text == "false")
            return rdc_value{text == "true"};
        problem = {code::bad_setting, "'" + std::string{text} + "' is neither true nor false", {}};
        return std::nullopt;
    case type_kind::list: {
        rdc_value::list items;
        for (std::size_t i = 0; i < text.size();) {
            const std::size_t comma = std::min(text.find(',', i), text.size());
            auto item =
                read_setting(trimmed(text.substr(i, comma - i)), as.element.front(), problem);
            if (!item)
                return std::nullopt;
            items.push_back(std::move(*item));
            i = comma + 1;
        }
        return rdc_value{std::move(items)};
    }
    case type_kind::broken:
        break;
    }
    problem = {code::bad_setting, "its type is not known", {}};
    return std::nullopt;
}

std::string text_of(const rdc_value& value) {
    if (const auto* flag = value.as<bool>())
        return *flag ? "true" : "false";
    if (const auto* number = value.as<std::int64_t>())
        return std::to_string(*number);
    if (const auto* text = value.as<std::string>())
        return quoted_text(*text);
    if (const auto* path = value.as<file_path>())
        return quoted_text(path->text);
    if (const auto* time = value.as<duration>())
        return duration_text(time->count());
    std::string out = "[";
    for (const rdc_value& item : *value.as<rdc_value::list>())
        out += (out.size() > 1 ? ", " : "") + text_of(item);
    return out + "]";
}

std::string kind_of(const rdc_value& value) {
    if (value.as<bool>())
        return "a bool";
    if (value.as<std::int64_t>())
        return "an integer";
    if (value.as<std::string>())
        return "text";
    if (value.as<file_path>())
        return "a path";
    return value.as<duration>() ? "a duration" : "a list";
}

std::string text_of(const type& t) {
    if (t.low)
        return bound_text(t, *t.low) + ".." + bound_text(t, *t.high);
    switch (t.kind) {
    case type_kind::integer:
        return "int";
    case type_kind::text:
        return "text";
    case type_kind::path:
        return "path";
    case type_kind::boolean:
        return "bool";
    case type_kind::duration:
        return "duration";
    case type_kind::list:
        return "list of " + (t.element.empty() ? std::string{"?"} : text_of(t.element.front()));
    case type_kind::broken:
        break;
    }
    return "?";
}

} // namespace equus::config
