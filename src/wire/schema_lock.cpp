// A lock file: what is relied upon by programs and files of an earlier day.
//
//     equus lock 1
//     struct doc.print
//       0 title text = "x"
//       1 priority optional int32
//     enum doc.color
//       0 red
//     protocol doc.printing
//       0 doc.print -> doc.receipt
//       1 doc.cancel
//
// Indented lines belong to the line above them that is not; groups are written flat, with dots.
#include "wire/schema_model.hpp"

namespace equus::wire {
namespace {

using detail::schema_model;
constexpr std::string_view first_line = "equus lock 1";

struct entry {
    std::string name;
    std::string type; ///< with the default
};
struct section {
    std::string keyword;
    std::map<std::uint32_t, entry> entries;
};
using sections = std::map<std::string, section>; ///< a protocol's with its keyword before it

/// What one line below it is called.
const char* entry_word(std::string_view keyword) {
    return keyword == "enum"       ? "enumerator "
           : keyword == "union"    ? "alternative "
           : keyword == "protocol" ? "message "
                                   : "field ";
}

/// "-> doc.receipt" of a message, for people.
std::string answer_text(const std::string& type) {
    return type.empty() ? "one-way" : "answered by '" + type.substr(type.find(' ') + 1) + "'";
}

void print_member(const schema_model& model, const schema_model::member& m,
                  const std::string& prefix, std::string& out) {
    if (m.group) {
        for (const schema_model::member& each : m.members)
            print_member(model, each, prefix + m.field + '.', out);
        return;
    }
    out += "  " + std::to_string(m.ordinal) + ' ' + prefix + m.field + ' ';
    out += (m.optional ? "optional " : "") + model.lock_text_of(m.type);
    out += m.default_value.empty() ? "\n" : " = " + m.default_value + "\n";
}

std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    return line;
}

std::string_view take_word(std::string_view& line) {
    while (!line.empty() && line.front() == ' ')
        line.remove_prefix(1);
    const std::size_t end = line.find(' ');
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(end == line.npos ? line.size() : end + 1);
    return word;
}

sections parse(std::string_view text, const char* which, std::vector<std::string>& violations) {
    sections out;
    section* current = nullptr;
    if (take_line(text) != first_line) {
        violations.push_back(std::string{which} + " does not begin with '" +
                             std::string{first_line} + "'");
        return out;
    }
    for (unsigned number = 2; !text.empty(); ++number) {
        std::string_view line = take_line(text);
        if (line.empty())
            continue;
        const bool inside = line.front() == ' ';
        const std::string_view first = take_word(line);
        const std::string second{take_word(line)};
        std::uint32_t ordinal = 0;
        bool good = !second.empty() && (!inside || current != nullptr);
        for (const char c : inside ? first : std::string_view{}) {
            good = good && c >= '0' && c <= '9' && ordinal < 100'000;
            ordinal = ordinal * 10 + static_cast<std::uint32_t>(c - '0');
        }
        if (!good) {
            violations.push_back(std::string{which} + ", line " + std::to_string(number) +
                                 ": not a line of a lock file");
        } else if (inside) {
            current->entries[ordinal] = {second, std::string{line}};
        } else {
            current = &out[first == "protocol" ? "protocol " + second : second];
            current->keyword = first;
        }
    }
    return out;
}

} // namespace

std::string lock_text(schema_list roots, protocol_list protocols) {
    const schema_model model{roots, protocols};
    std::map<std::string, std::string> sorted;
    for (const schema_model::node& n : model.nodes) {
        std::string text;
        switch (n.kind) {
        case schema_model::node_kind::structure:
            text = "struct ";
            break;
        case schema_model::node_kind::alternatives:
            text = "union ";
            break;
        case schema_model::node_kind::enumeration:
            text = "enum ";
            break;
        case schema_model::node_kind::interface:
            text = "reference ";
            break;
        case schema_model::node_kind::protocol:
            text = "protocol ";
            break;
        }
        text += n.qualified + '\n';
        for (const schema_model::member& each : n.members)
            if (n.kind == schema_model::node_kind::protocol)
                text += "  " + std::to_string(each.ordinal) + ' ' + each.field +
                        (each.reply == schema_model::none
                             ? "\n"
                             : " -> " + model.nodes[each.reply].qualified + '\n');
            else if (n.kind == schema_model::node_kind::enumeration)
                text += "  " + std::to_string(each.ordinal) + ' ' + each.field + '\n';
            else
                print_member(model, each, {}, text);
        const bool is_protocol = n.kind == schema_model::node_kind::protocol;
        sorted.emplace((is_protocol ? "protocol " : "") + n.qualified, std::move(text));
    }
    std::string out{first_line};
    out += '\n';
    for (const auto& [name, text] : sorted)
        out += text;
    return out;
}

std::vector<std::string> check_lock(std::string_view old, std::string_view current) {
    std::vector<std::string> violations;
    const sections before = parse(old, "the lock file", violations);
    const sections after = parse(current, "the current lock text", violations);
    if (!violations.empty())
        return violations;
    for (const auto& [name, section_before] : before) {
        const auto found = after.find(name);
        if (found == after.end()) {
            violations.push_back((section_before.keyword == "protocol"
                                      ? name
                                      : section_before.keyword + ' ' + name) +
                                 " was removed");
            continue;
        }
        const section& section_after = found->second;
        if (section_after.keyword != section_before.keyword) {
            violations.push_back(name + " was a " + section_before.keyword + " and is now a " +
                                 section_after.keyword);
            continue;
        }
        for (const auto& [ordinal, was] : section_before.entries) {
            const std::string what = name + ": " + entry_word(section_before.keyword) +
                                     std::to_string(ordinal) + " '" + was.name + "'";
            const auto is = section_after.entries.find(ordinal);
            if (is == section_after.entries.end())
                violations.push_back(what + " was removed: append only");
            else if (is->second.name != was.name)
                violations.push_back(what + " is now '" + is->second.name +
                                     "': append only, never reorder, remove or rename");
            else if (is->second.type != was.type && section_before.keyword == "protocol")
                violations.push_back(what + " was " + answer_text(was.type) + " and is now " +
                                     answer_text(is->second.type));
            else if (is->second.type != was.type)
                violations.push_back(what + " was '" + was.type + "' and is now '" +
                                     is->second.type + "'");
        }
    }
    return violations;
}

} // namespace equus::wire
