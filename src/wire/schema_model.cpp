#include "wire/schema_model.hpp"

#include <cctype>
#include <set>

namespace equus::wire {
namespace {

bool is_word(char c) noexcept {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// "long unsigned int" (GCC) and "unsigned long" (clang) are both "UInt64".
class integer_words {
public:
    bool take(std::string_view word) {
        if (word == "unsigned")
            is_unsigned_ = true;
        else if (word == "long")
            bytes_ = sizeof(long);
        else if (word == "short")
            bytes_ = 2;
        else if (word == "char")
            bytes_ = 1;
        else if (word != "int" && word != "signed")
            return false;
        seen_ = true;
        return true;
    }
    void flush(std::string& out) {
        if (seen_)
            out += (is_unsigned_ ? "UInt" : "Int") + std::to_string(bytes_ * 8);
        *this = {};
    }

private:
    bool seen_ = false;
    bool is_unsigned_ = false;
    std::size_t bytes_ = 4;
};

/// The arguments of a template in a form that does not depend on the compiler: "<int, a::b>" ->
/// "Int32B".
std::string argument_names(std::string_view arguments) {
    std::string out;
    integer_words integer;
    for (std::size_t at = 0; at < arguments.size();) {
        if (!is_word(arguments[at])) {
            if (arguments[at] != ' ')
                integer.flush(out);
            ++at;
            continue;
        }
        std::size_t end = at;
        while (end < arguments.size() && is_word(arguments[end]))
            ++end;
        const std::string_view word = arguments.substr(at, end - at);
        at = end;
        const bool is_namespace = arguments.substr(end, 2) == "::";
        if (is_namespace || word == "struct" || word == "class" || word == "enum" ||
            word == "const")
            continue;
        if (!integer.take(word)) {
            integer.flush(out);
            out += detail::camel_case(word, true);
        }
    }
    integer.flush(out);
    return out;
}

} // namespace

std::string schema_name(const schema_type& type) {
    const std::string_view from = type.name;
    const std::size_t arguments = from.find('<');
    std::string out;
    for (std::size_t at = 0; at < from.size() && at < arguments;) {
        // A namespace without a name is no part of a name.
        const char closing = from[at] == '(' ? ')' : from[at] == '{' ? '}' : '\0';
        if (closing != '\0') {
            const std::size_t end = from.find(closing, at);
            at = end == from.npos ? from.size() : end + 1;
        } else if (from[at] == ':') {
            if (!out.empty() && out.back() != '.')
                out += '.';
            ++at;
        } else {
            out += from[at++];
        }
    }
    if (arguments != from.npos)
        out += argument_names(from.substr(arguments));
    return out;
}

namespace detail {

std::string camel_case(std::string_view name, bool upper) {
    std::string out;
    bool raise = upper;
    for (const char c : name) {
        const bool is_letter_or_digit = std::isalnum(static_cast<unsigned char>(c)) != 0;
        if (!is_letter_or_digit) {
            raise = raise || !out.empty();
            continue;
        }
        const auto code = static_cast<unsigned char>(c);
        if (raise)
            out += static_cast<char>(std::toupper(code));
        else
            out += out.empty() ? static_cast<char>(std::tolower(code)) : c;
        raise = false;
    }
    return out;
}

namespace {

const char* name_of_builtin(type_kind kind) {
    switch (kind) {
    case type_kind::boolean:
        return "Bool";
    case type_kind::int8:
        return "Int8";
    case type_kind::int16:
        return "Int16";
    case type_kind::int32:
        return "Int32";
    case type_kind::int64:
        return "Int64";
    case type_kind::uint8:
        return "UInt8";
    case type_kind::uint16:
        return "UInt16";
    case type_kind::uint32:
        return "UInt32";
    case type_kind::uint64:
        return "UInt64";
    case type_kind::float32:
        return "Float32";
    case type_kind::float64:
        return "Float64";
    case type_kind::text:
        return "Text";
    case type_kind::data:
        return "Data";
    default:
        return "Void";
    }
}

std::string lower_case(std::string text) {
    for (char& c : text)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

std::string last_component(std::string_view qualified) {
    const std::size_t dot = qualified.rfind('.');
    return camel_case(dot == qualified.npos ? qualified : qualified.substr(dot + 1), true);
}

/// What an alternative of a variant is called.
std::string alternative_name(const schema_type& type) {
    switch (type.kind) {
    case type_kind::nothing:
        return "none";
    case type_kind::list:
        return "list";
    case type_kind::map:
        return "map";
    case type_kind::variant:
        return "variant";
    case type_kind::optional:
    case type_kind::owned:
        return alternative_name(type.members[0]());
    case type_kind::enumeration:
    case type_kind::structure:
    case type_kind::group:
    case type_kind::reference:
        return camel_case(last_component(schema_name(type)), false);
    default:
        return lower_case(name_of_builtin(type.kind));
    }
}

} // namespace

std::vector<std::string> alternative_names(const schema_type& variant) {
    std::set<std::string> used;
    std::vector<std::string> names;
    for (const schema_source source : variant.members) {
        std::string name = alternative_name(source());
        // The first of a name keeps it, so that appending renames nothing.
        if (!used.insert(name).second)
            name += std::to_string(names.size());
        names.push_back(std::move(name));
    }
    return names;
}

schema_model::schema_model(schema_list roots, protocol_list protocols) {
    for (const protocol_schema& each : protocols)
        add_protocol(each);
    for (const schema_type* root : roots)
        add_named(*root);
    settle_names();
}

void schema_model::add_protocol(const protocol_schema& protocol) {
    const std::size_t index = nodes.size();
    node& fresh = nodes.emplace_back();
    fresh.kind = node_kind::protocol;
    fresh.qualified = protocol.name;
    fresh.name = last_component(protocol.name);
    std::set<std::string> used;
    for (const protocol_schema::method& method : protocol.methods) {
        member m;
        m.ordinal = nodes[index].ordinals++;
        m.field = schema_name(*method.message);
        m.name = alternative_name(*method.message);
        if (!used.insert(m.name).second)
            m.name += std::to_string(m.ordinal);
        m.type.kind = type_kind::structure;
        m.type.node = add_named(*method.message);
        if (method.reply != nullptr)
            m.reply = add_named(*method.reply);
        nodes[index].members.push_back(std::move(m));
    }
}

std::size_t schema_model::add_named(const schema_type& type) {
    std::string qualified = schema_name(type);
    // One type may have several descriptions (identities of different tags): by name and content.
    std::string key = qualified + '(' + std::string{type.fields} + ')';
    if (const auto found = named_.find(key); found != named_.end())
        return found->second;
    const std::size_t index = nodes.size();
    named_.emplace(std::move(key), index);
    node& fresh = nodes.emplace_back();
    fresh.name = last_component(qualified);
    fresh.qualified = std::move(qualified);
    fresh.type = &type;
    if (type.kind == type_kind::enumeration) {
        fresh.kind = node_kind::enumeration;
        for (std::uint32_t i = 0; !nth_name(type.fields, i).empty(); ++i) {
            const std::string_view name = nth_name(type.fields, i);
            member& each = fresh.members.emplace_back();
            each.field = name;
            each.name = camel_case(name, false);
            each.ordinal = i;
        }
    } else if (type.kind == type_kind::reference) {
        fresh.kind = node_kind::interface;
    } else {
        const std::vector<std::string> defaults = default_values(type);
        std::vector<member> members;
        std::size_t place = 0;
        add_fields(index, type, members, defaults, place);
        nodes[index].members = std::move(members);
    }
    return index;
}

std::size_t schema_model::add_helper(std::size_t owner, std::string_view field, const char* suffix,
                                     const schema_type& type) {
    const std::size_t index = nodes.size();
    node& fresh = nodes.emplace_back();
    fresh.name = camel_case(field, true) + suffix;
    fresh.qualified = nodes[owner].qualified + '.' + std::string{field};
    fresh.parent = owner;
    fresh.type = &type;
    return index;
}

void schema_model::add_fields(std::size_t owner, const schema_type& type, std::vector<member>& to,
                              std::span<const std::string> defaults, std::size_t& place) {
    for (std::uint32_t i = 0; i < type.members.size(); ++i) {
        const schema_type& each = type.members[i]();
        const std::string field{nth_name(type.fields, i)};
        if (each.kind == type_kind::group) {
            member m;
            m.field = field;
            m.name = camel_case(field, false);
            m.group = true;
            m.ordinal = nodes[owner].ordinals;
            add_fields(owner, each, m.members, defaults, place);
            to.push_back(std::move(m));
        } else {
            member m = make_member(owner, field, each);
            m.default_value = defaults[place++];
            to.push_back(std::move(m));
        }
    }
}

schema_model::member schema_model::make_member(std::size_t owner, std::string_view field,
                                               const schema_type& type) {
    member m;
    m.field = field;
    m.name = camel_case(field, false);
    m.ordinal = nodes[owner].ordinals;
    m.optional = type.kind == type_kind::optional;
    nodes[owner].ordinals += m.optional ? 2 : 1;
    m.type = use_of(owner, field, m.optional ? type.members[0]() : type);
    return m;
}

void schema_model::add_alternatives(std::size_t owner, const schema_type& type) {
    const std::vector<std::string> names = alternative_names(type);
    for (std::size_t i = 0; i < names.size(); ++i) {
        member m;
        m.field = m.name = names[i];
        m.ordinal = nodes[owner].ordinals++;
        m.type = use_of(owner, names[i], type.members[i]());
        nodes[owner].members.push_back(std::move(m));
    }
}

schema_model::type_use schema_model::use_of(std::size_t owner, std::string_view field,
                                            const schema_type& type) {
    type_use use;
    use.kind = type.kind;
    switch (type.kind) {
    case type_kind::list:
        // In a list an owned object is a struct that holds the pointer, which may be null.
        if (const schema_type& element = type.members[0](); element.kind == type_kind::owned) {
            type_use& box = use.element.emplace_back();
            box.kind = type_kind::structure;
            box.node = add_helper(owner, field, "Box", element);
            member m = make_member(box.node, "value", element);
            nodes[box.node].members.push_back(std::move(m));
        } else {
            use.element.push_back(use_of(owner, field, element));
        }
        break;
    case type_kind::map: {
        use.kind = type_kind::list;
        type_use& entry = use.element.emplace_back();
        entry.kind = type_kind::structure;
        entry.node = add_helper(owner, field, "Entry", type);
        for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
            const char* name = i == 0 ? "key" : "value";
            const schema_type& each = type.members[i]();
            member m;
            if (each.kind == type_kind::group) {
                m.field = m.name = name;
                m.group = true;
                m.ordinal = nodes[entry.node].ordinals;
                const std::vector<std::string> no_defaults(each.places.size());
                std::size_t place = 0;
                add_fields(entry.node, each, m.members, no_defaults, place);
            } else {
                m = make_member(entry.node, name, each);
            }
            nodes[entry.node].members.push_back(std::move(m));
        }
        break;
    }
    case type_kind::variant:
        use.kind = type_kind::structure;
        use.node = add_helper(owner, field, "Union", type);
        nodes[use.node].kind = node_kind::alternatives;
        add_alternatives(use.node, type);
        break;
    case type_kind::optional: {
        use.kind = type_kind::structure;
        use.node = add_helper(owner, field, "Option", type);
        member m = make_member(use.node, "value", type);
        nodes[use.node].members.push_back(std::move(m));
        break;
    }
    case type_kind::owned:
        return use_of(owner, field, type.members[0]());
    case type_kind::structure:
    case type_kind::group:
    case type_kind::enumeration:
    case type_kind::reference:
        use.kind = type.kind == type_kind::group ? type_kind::structure : type.kind;
        use.node = add_named(type);
        break;
    default:
        break;
    }
    return use;
}

void schema_model::settle_names() {
    // Two types of one last name are called by their qualified names, both; and so is one that
    // would hide a built-in type.
    std::map<std::string, int> uses;
    for (const char* built_in : {"List", "AnyPointer", "AnyStruct", "AnyList", "Capability"})
        ++uses[built_in];
    for (auto kind = type_kind::nothing; kind <= type_kind::data;
         kind = static_cast<type_kind>(static_cast<unsigned>(kind) + 1))
        uses[name_of_builtin(kind)] = 1;
    for (const node& each : nodes)
        if (each.parent == none)
            ++uses[each.name];
    for (node& each : nodes)
        if (each.parent == none && uses[each.name] > 1) {
            const bool in_namespace = each.qualified.find('.') != each.qualified.npos;
            each.name = camel_case(each.qualified, true);
            each.name += each.kind == node_kind::protocol ? "Protocol" : in_namespace ? "" : "Type";
        }
}

std::string schema_model::text_of(const type_use& use, std::size_t scope) const {
    if (use.kind == type_kind::list)
        return "List(" + text_of(use.element[0], scope) + ")";
    if (use.node == none)
        return name_of_builtin(use.kind);
    const node& target = nodes[use.node];
    if (target.parent != none)
        return target.name; // nested in the struct that uses it
    // A helper of an enclosing struct may hide the name.
    for (std::size_t at = scope; at != none; at = nodes[at].parent)
        for (const node& helper : nodes)
            if (helper.parent == at && helper.name == target.name)
                return "." + target.name;
    return target.name;
}

std::string schema_model::lock_text_of(const type_use& use) const {
    if (use.kind == type_kind::list)
        return "list of " + lock_text_of(use.element[0]);
    if (use.node == none)
        return lower_case(name_of_builtin(use.kind));
    return nodes[use.node].qualified;
}

} // namespace detail
} // namespace equus::wire
